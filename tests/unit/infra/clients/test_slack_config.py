"""The Slack handler's configuration refuses what makes no sense."""

from typing import Any

import pytest
from pydantic import ValidationError

from prime_jennie.infra.clients.slack_config import SlackHandlerConfig
from prime_jennie.infra.settings import ServiceSettings


def test_the_seeds_windows_are_the_defaults() -> None:
    config = SlackHandlerConfig(bot_token="xoxb-1", critical_channel="C1")
    assert (config.batch_interval, config.duplicate_window, config.timeout) == (300, 60, 3)
    assert config.has_channel


@pytest.mark.parametrize(
    "bad",
    [
        {"batch_interval": 9.9},
        {"batch_interval": 3_601},
        {"duplicate_window": 9.9},
        {"duplicate_window": 601},
        {"timeout": 0.09},
        {"timeout": 30.1},
        {"timeout": float("nan")},
        {"bot_token": ""},
        {"bot_token": "  "},
        {"base_url": "ftp://slack.com"},
        {"chanel": "C1"},
    ],
)
def test_a_value_outside_its_bounds_is_refused_by_its_name(bad: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=next(iter(bad))):
        SlackHandlerConfig.model_validate({"bot_token": "xoxb-1", **bad})


@pytest.mark.parametrize("blank", [None, "", "  "])
def test_a_blank_channel_is_none(blank: str | None) -> None:
    config = SlackHandlerConfig(bot_token="xoxb-1", error_channel=blank)
    assert config.error_channel is None
    assert not config.has_channel


def test_the_token_is_not_printed() -> None:
    assert "xoxb-1" not in repr(SlackHandlerConfig(bot_token="xoxb-1"))


@pytest.mark.parametrize(
    ("name", "value"),
    [("SLACK_BATCH_INTERVAL", "9"), ("SLACK_DUPLICATE_WINDOW", "601"), ("SLACK_TIMEOUT", "31"), ("SLACK_URL", "x")],
)
def test_every_service_refuses_a_bad_variable_at_its_start(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.lower()):
        ServiceSettings()
