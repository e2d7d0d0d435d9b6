"""Which log lines become which Slack messages, by a time that the test makes."""

import logging
import sys
from typing import Any

import pytest

from prime_jennie.infra.clients.slack_messages import (
    LONGEST_TEXT,
    MOST_REMEMBERED,
    MOST_WARNINGS,
    Line,
    Outbox,
    Urgency,
    line_of,
)


def _outbox(*, batch: float = 300, window: float = 60) -> Outbox:
    return Outbox("buy-executor", batch_interval_secs=batch, duplicate_window_secs=window)


def _line(urgency: Urgency, text: str = "the database is away", trace: str = "") -> Line:
    return Line(urgency, "buy_executor.app", text, trace)


def _record(level: int, message: Any, *args: object, exc_info: Any = None) -> logging.LogRecord:
    return logging.LogRecord("buy_executor.app", level, __file__, 1, message, args, exc_info)


@pytest.mark.parametrize(
    ("level", "urgency"),
    [
        (logging.DEBUG, None),
        (logging.INFO, None),
        (29, None),
        (logging.WARNING, Urgency.WARNING),
        (35, Urgency.WARNING),
        (logging.ERROR, Urgency.ERROR),
        (logging.CRITICAL, Urgency.CRITICAL),
        (60, Urgency.CRITICAL),
    ],
)
def test_the_level_decides_how_soon_slack_hears_of_it(level: int, urgency: Urgency | None) -> None:
    assert Urgency.of(level) is urgency


@pytest.mark.parametrize(("urgency", "emoji"), [(Urgency.CRITICAL, ":exclamation:"), (Urgency.ERROR, ":x:")])
def test_an_urgent_line_goes_at_once_with_its_sign_and_its_service(urgency: Urgency, emoji: str) -> None:
    (post,) = _outbox().take(_line(urgency), now=0)
    assert post.urgency is urgency
    assert post.text == f"{emoji} *buy-executor* the database is away"


def test_a_warning_waits_for_its_batch() -> None:
    outbox = _outbox()
    assert outbox.take(_line(Urgency.WARNING, "slow"), now=10) == []
    assert outbox.take(_line(Urgency.WARNING, "slower"), now=200) == []
    assert outbox.due(309.9) == []
    (post,) = outbox.due(310)
    assert post.text == ":warning: *buy-executor* 2 warnings\n• slow\n• slower"
    assert post.lines == 2
    assert outbox.due(10_000) == []
    assert outbox.due_at is None


def test_a_batch_counts_the_same_warning_and_lists_it_once() -> None:
    outbox = _outbox()
    for now in range(100):
        outbox.take(_line(Urgency.WARNING, "slow"), now=now)
    (post,) = outbox.flush()
    assert post.text == ":warning: *buy-executor* 100 warnings\n• 100× slow"


def test_the_next_batch_begins_with_the_next_warning() -> None:
    outbox = _outbox()
    outbox.take(_line(Urgency.WARNING, "one"), now=0)
    outbox.due(300)
    outbox.take(_line(Urgency.WARNING, "two"), now=1_000)
    assert outbox.due_at == 1_300
    assert [post.text for post in outbox.due(1_300)] == [":warning: *buy-executor* 1 warning\n• two"]


def test_a_batch_without_end_lists_some_and_counts_the_rest() -> None:
    outbox = _outbox()
    for number in range(10_000):
        outbox.take(_line(Urgency.WARNING, f"warning {number}"), now=1)
    (post,) = outbox.flush()
    lines = post.text.split("\n")
    assert lines[0].endswith("10000 warnings")
    assert len(lines) == MOST_WARNINGS + 2
    assert lines[-1] == f"… and {10_000 - MOST_WARNINGS} more"


def test_a_batch_of_long_warnings_stays_readable_and_forgets_none_of_them_in_its_count() -> None:
    outbox = _outbox()
    for number in range(20):
        outbox.take(_line(Urgency.WARNING, f"{number}" + "가" * 2_000), now=1)
    (post,) = outbox.flush()
    assert len(post.text) < LONGEST_TEXT + 50
    shown = post.text.count("\n• ")
    assert post.text.endswith(f"… and {20 - shown} more")


@pytest.mark.parametrize("urgency", [Urgency.ERROR, Urgency.CRITICAL])
def test_the_same_line_is_held_back_for_its_window_and_then_told_with_its_count(urgency: Urgency) -> None:
    outbox = _outbox()
    assert len(outbox.take(_line(urgency), now=0)) == 1
    assert outbox.take(_line(urgency), now=30) == []
    assert outbox.take(_line(urgency), now=59.9) == []
    (post,) = outbox.take(_line(urgency), now=60)
    assert post.text.endswith("\n_2 more of the same were held back before_")
    assert outbox.take(_line(urgency), now=119) == []


def test_another_level_source_or_text_is_another_line() -> None:
    outbox = _outbox()
    lines = [
        _line(Urgency.ERROR),
        _line(Urgency.CRITICAL),
        _line(Urgency.ERROR, "the redis is away"),
        Line(Urgency.ERROR, "another.module", "the database is away"),
    ]
    assert [len(outbox.take(line, now=0)) for line in lines] == [1, 1, 1, 1]
    assert len({line.fingerprint for line in lines}) == 4
    assert all(len(line.fingerprint) == 64 for line in lines)


def test_texts_invented_for_ever_are_forgotten_oldest_first() -> None:
    outbox = _outbox()
    for number in range(MOST_REMEMBERED + 1):
        outbox.take(_line(Urgency.ERROR, f"error {number}"), now=0)
    assert len(outbox.take(_line(Urgency.ERROR, "error 0"), now=1)) == 1, "forgotten, told again"
    assert outbox.take(_line(Urgency.ERROR, f"error {MOST_REMEMBERED}"), now=1) == []


def test_what_slack_reads_as_markup_is_escaped() -> None:
    (post,) = _outbox().take(_line(Urgency.CRITICAL, "<!channel> & <@U1>", "```<!here>```"), now=0)
    assert "&lt;!channel&gt; &amp; &lt;@U1&gt;" in post.text
    assert post.text.endswith("\n```'''&lt;!here&gt;'''```")
    warned = _outbox()
    warned.take(_line(Urgency.WARNING, "<!channel>"), now=0)
    assert "<!channel>" not in warned.flush()[0].text


def test_a_line_of_structlog_shows_its_event_and_fields() -> None:
    event = {
        "event": "order refused",
        "stock_code": "005930",
        "shares": 3,
        "level": "error",
        "logger": "x",
        "timestamp": "now",
        "service": "s",
    }
    assert line_of(_record(logging.ERROR, event), Urgency.ERROR).text == "order refused stock_code=005930 shares=3"


def test_a_line_of_the_standard_library_shows_its_message() -> None:
    assert line_of(_record(logging.ERROR, "port %s is taken", 80), Urgency.ERROR).text == "port 80 is taken"


@pytest.mark.parametrize("urgency", [Urgency.ERROR, Urgency.CRITICAL])
def test_an_exception_is_named_and_only_a_critical_line_brings_its_stack(urgency: Urgency) -> None:
    try:
        raise ValueError("no price")
    except ValueError:
        line = line_of(_record(urgency, "failed", exc_info=sys.exc_info()), urgency)
    assert line.text == "failed (ValueError: no price)"
    assert ("Traceback" in line.trace) is (urgency is Urgency.CRITICAL)


def test_structlogs_rendered_exception_counts_as_one() -> None:
    event = {"event": "failed", "exception": "Traceback (most recent call last):\n  …\nKeyError: 'bug'"}
    line = line_of(_record(logging.CRITICAL, event), Urgency.CRITICAL)
    assert line.text == "failed (KeyError: 'bug')"
    assert line.trace == event["exception"]


def test_a_critical_line_without_an_exception_shows_who_said_it() -> None:
    line = line_of(_record(logging.CRITICAL, "cannot go on"), Urgency.CRITICAL)
    assert "test_a_critical_line_without_an_exception_shows_who_said_it" in line.trace
    assert line.trace.count("File ") <= 15


def test_no_exception_at_hand_is_no_exception() -> None:
    assert line_of(_record(logging.ERROR, "x", exc_info=(None, None, None)), Urgency.ERROR).text == "x"


@pytest.mark.parametrize(
    "message",
    [
        {"event": "refused", "access_token": "s3cr3tValue"},
        {"event": "refused token=s3cr3tValue"},
        {"event": "refused", "note": {"app_secret": "s3cr3tValue"}},
        {"event": "refused", "exception": "Traceback\nValueError: Authorization: Bearer s3cr3tValue"},
        "refused api_key=s3cr3tValue password: s3cr3tValue bearer s3cr3tValue",
        "https://api.telegram.org/bot123456789:s3cr3tValue/sendMessage",
        "https://user:s3cr3tValue@host/",
    ],
)
def test_no_secret_reaches_slack_whichever_way_it_was_logged(message: Any) -> None:
    line = line_of(_record(logging.CRITICAL, message), Urgency.CRITICAL)
    assert "s3cr3tValue" not in line.text + line.trace


def test_an_account_number_keeps_its_last_digits_only() -> None:
    line = line_of(_record(logging.ERROR, "account 12345678-01 refused"), Urgency.ERROR)
    assert line.text == "account ****5678-01 refused"


def test_a_book_in_a_log_line_is_cut_and_a_deep_stack_keeps_its_end() -> None:
    event = {"event": "가" * 9_000, "exception": "Traceback\n" + "x" * 9_000 + "\nKeyError: 'bug'"}
    line = line_of(_record(logging.CRITICAL, event), Urgency.CRITICAL)
    assert len(line.text) == LONGEST_TEXT
    assert len(line.trace) == LONGEST_TEXT
    assert line.trace.endswith("KeyError: 'bug'")
