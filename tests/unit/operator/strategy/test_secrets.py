from dataclasses import replace

import pytest

from prime_jennie_operator.loading import CHART_VALUES, load_values
from prime_jennie_operator.strategy.secrets import Needed, SecretsFound, judged, needed_by_pods

VALUES = load_values()
NEEDED = (
    *needed_by_pods(VALUES),
    Needed("prime-jennie", "token-key"),
    Needed("prime-jennie", "read-token", is_optional=True),
)
COMPLETE = {
    "prime-jennie": {"token-key": "k" * 32, "read-token": "r"},
    "prime-jennie-database": {"url": "mysql://jennie:secret@db/jennie"},
    "prime-jennie-notifications": {"slack-bot-token": "xoxb"},
}


def test_pods_need_the_database_and_take_the_alarms_token_where_there_is_one() -> None:
    assert needed_by_pods(VALUES) == (
        Needed("prime-jennie-database", "url"),
        Needed("prime-jennie-notifications", "slack-bot-token", is_optional=True),
    )
    external = {"redis": {"enabled": False, "existingSecret": "my-redis"}}
    assert Needed("my-redis", "url") in needed_by_pods(load_values(CHART_VALUES, external))


@pytest.mark.parametrize(
    ("change", "missing"),
    [
        ({}, ()),
        ({"prime-jennie-database": ""}, ("Secret prime-jennie-database has no key url",)),
        ({"prime-jennie-database": {"user": "x"}}, ("Secret prime-jennie-database has no key url",)),
        ({"prime-jennie-database": {"url": ""}}, ("Secret prime-jennie-database has no key url",)),
        ({"prime-jennie": {}}, ("Secret prime-jennie has no key token-key",)),
        ({"prime-jennie-notifications": ""}, ()),
        ({"prime-jennie-database": "Secret x cannot be read: no"}, ("Secret x cannot be read: no",)),
        (
            {"prime-jennie": "", "prime-jennie-database": ""},
            ("Secret prime-jennie-database has no key url", "Secret prime-jennie has no key token-key"),
        ),
    ],
)
def test_what_is_missing_is_named_by_secret_and_key(change: dict[str, object], missing: tuple[str, ...]) -> None:
    found = judged(NEEDED, {**COMPLETE, **change}, VALUES)  # type: ignore[dict-item]
    assert found.missing == missing


def test_the_print_changes_with_what_pods_read_and_with_nothing_else() -> None:
    first = judged(NEEDED, COMPLETE, VALUES).contents_print
    assert first is not None
    other = {**COMPLETE, "prime-jennie-database": {"url": "mysql://elsewhere", "more": "x"}}
    assert judged(NEEDED, other, VALUES).contents_print != first
    beside = {**COMPLETE, "prime-jennie": {**COMPLETE["prime-jennie"], "read-token": "another", "operator-token": "o"}}
    assert judged(NEEDED, beside, VALUES).contents_print == first
    without_slack = {**COMPLETE, "prime-jennie-notifications": ""}
    assert judged(NEEDED, without_slack, VALUES).contents_print != first


def test_nobody_can_try_passwords_against_the_print() -> None:
    """The same contents under another key have another print."""
    other_key = {**COMPLETE, "prime-jennie": {"token-key": "z" * 32}}
    assert judged(NEEDED, COMPLETE, VALUES).contents_print != judged(NEEDED, other_key, VALUES).contents_print
    assert judged(NEEDED, {**COMPLETE, "prime-jennie": ""}, VALUES).contents_print is None


def test_no_secret_is_in_a_representation() -> None:
    found = judged(NEEDED, COMPLETE, VALUES)
    assert found.token_key == "k" * 32
    told = repr(replace(found, redis_url="redis://:secret@redis"))
    assert "k" * 32 not in told
    assert "secret@" not in told
    assert isinstance(found, SecretsFound)
