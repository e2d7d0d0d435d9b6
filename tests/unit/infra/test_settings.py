"""Settings come from the environment's documented names."""

import pytest
from pydantic import ValidationError

from prime_jennie.infra.runtime import load_settings
from prime_jennie.infra.settings import ServiceSettings

NAMES = ("HOST", "PORT", "REDIS_URL", "DATABASE_URL", "KIS_GATEWAY_URL", "LOG_LEVEL", "JENNIE_CLOCK", "JENNIE_STRATEGY")


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, "JENNIE_SERVICE_TOKEN", "JENNIE_STRATEGY_FILE"):
        monkeypatch.delenv(name, raising=False)


def test_a_service_started_alone_needs_no_variable() -> None:
    settings = ServiceSettings()
    assert (settings.clock_url, settings.strategy, settings.service_token) == (None, None, None)


def test_every_name_of_the_contract_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8081")
    monkeypatch.setenv("REDIS_URL", "redis://r:1/0")
    monkeypatch.setenv("JENNIE_CLOCK", "redis://c:1/0")
    monkeypatch.setenv("JENNIE_STRATEGY", "krx-core")
    monkeypatch.setenv("JENNIE_SERVICE_TOKEN", "krx-core.abc")
    settings = ServiceSettings()
    assert (settings.port, settings.redis_url, settings.clock_url) == (8081, "redis://r:1/0", "redis://c:1/0")
    assert settings.strategy == "krx-core"
    assert settings.service_token is not None
    assert settings.service_token.get_secret_value() == "krx-core.abc"


def test_a_secret_is_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JENNIE_SERVICE_TOKEN", "krx-core.abc")
    assert "krx-core.abc" not in repr(ServiceSettings())


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JENNIE_CLOCK", "")
    assert ServiceSettings().clock_url is None


def test_settings_do_not_change_after_the_start() -> None:
    with pytest.raises(ValidationError):
        ServiceSettings().port = 1  # type: ignore[misc]


def test_a_wrong_variable_is_one_line_without_its_value_and_exit_status_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "hunter2")
    with pytest.raises(SystemExit) as stopped:
        load_settings(ServiceSettings)
    line = capsys.readouterr().err
    assert stopped.value.code == 2
    assert line.startswith("environment: PORT: ")
    assert line.count("\n") == 1
    assert "hunter2" not in line
