"""Tokens and approval keys."""

from datetime import UTC, datetime, timedelta

import pytest

from kis_simulator.credentials import Credentials, IssueRefused, appkey_id
from kis_simulator.exchange.events import Event

NOW = datetime(2025, 3, 4, tzinfo=UTC)
KEY, SECRET = "K" * 36, "S" * 180
MINUTES = timedelta(minutes=1)


def credentials() -> tuple[Credentials, list[Event]]:
    journal: list[Event] = []
    return Credentials(1, journal.extend), journal


def code_of(act: object) -> str:
    with pytest.raises(IssueRefused) as caught:
        act()  # type: ignore[operator]
    return caught.value.code


def test_a_second_token_within_a_minute_is_refused() -> None:
    ours, _ = credentials()
    ours.issue_token(KEY, SECRET, NOW)
    assert code_of(lambda: ours.issue_token(KEY, SECRET, NOW + timedelta(seconds=59))) == "EGW00133"
    ours.issue_token(KEY, SECRET, NOW + MINUTES)


def test_the_same_token_comes_back_for_six_hours_and_then_a_new_one() -> None:
    ours, journal = credentials()
    first = ours.issue_token(KEY, SECRET, NOW)
    assert ours.issue_token(KEY, SECRET, NOW + timedelta(hours=5)).text == first.text
    assert ours.issue_token(KEY, SECRET, NOW + timedelta(hours=6)).text != first.text
    assert ours.tokens_issued == len(journal) == 2


def test_a_token_lives_a_day() -> None:
    ours, _ = credentials()
    token = ours.issue_token(KEY, SECRET, NOW)
    assert not token.expired(NOW + timedelta(hours=23, minutes=59))
    assert token.expired(NOW + timedelta(hours=24))


def test_keys_of_another_length_and_a_changed_secret_are_refused() -> None:
    ours, _ = credentials()
    assert code_of(lambda: ours.issue_token("short", SECRET, NOW)) == "EGW00103"
    assert code_of(lambda: ours.issue_token(KEY, "short", NOW)) == "EGW00105"
    ours.issue_token(KEY, SECRET, NOW)
    assert code_of(lambda: ours.issue_token(KEY, "T" * 180, NOW + MINUTES)) == "EGW00105"


def test_an_invalidated_token_is_followed_by_a_new_one() -> None:
    ours, _ = credentials()
    first = ours.issue_token(KEY, SECRET, NOW)
    ours.end_tokens(appkey_id(KEY), NOW)
    assert first.expired(NOW)
    assert ours.issue_token(KEY, SECRET, NOW + MINUTES).text != first.text


def test_the_journal_brings_tokens_and_approvals_back_without_the_secret() -> None:
    ours, journal = credentials()
    token = ours.issue_token(KEY, SECRET, NOW)
    approval = ours.issue_approval(KEY, SECRET, NOW)
    assert SECRET not in str(journal)
    assert KEY not in str(journal)
    later, _ = credentials()
    for event in journal:
        later.apply(event)
    assert later.issue_token(KEY, SECRET, NOW + MINUTES).text == token.text
    assert later.approved(approval, NOW) == appkey_id(KEY)
    assert code_of(lambda: later.issue_token(KEY, SECRET, NOW + MINUTES)) == "EGW00133"


def test_an_approval_key_opens_sessions_for_a_day() -> None:
    ours, _ = credentials()
    key = ours.issue_approval(KEY, SECRET, NOW)
    assert ours.approved(key, NOW + timedelta(hours=23)) == appkey_id(KEY)
    assert ours.approved(key, NOW + timedelta(hours=24)) is None
    assert ours.approved("unknown", NOW) is None
