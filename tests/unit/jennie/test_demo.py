"""What a demo chooses when nobody chose, and what it refuses before anything starts."""

from datetime import date
from pathlib import Path

import pytest

from jennie.demo import (
    DAY_OF_A_FOLDER,
    DAY_OF_A_MADE_MARKET,
    IMPORTED,
    STATE,
    DemoOptions,
    default_day,
    demand_session,
    overrides_for,
    settings_for,
)
from prime_jennie.domain.errors import BadInput
from prime_jennie.infra.calendar import load_sessions


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JENNIE_DATA", raising=False)


def test_the_default_day_depends_on_where_prices_come_from(tmp_path: Path) -> None:
    assert default_day(settings_for(DemoOptions())) == DAY_OF_A_MADE_MARKET
    assert default_day(settings_for(DemoOptions(data=tmp_path))) == DAY_OF_A_FOLDER
    STATE.mkdir()
    (STATE / IMPORTED).touch()
    assert default_day(settings_for(DemoOptions())) is None


def test_both_default_days_are_sessions() -> None:
    assert load_sessions().is_session(DAY_OF_A_FOLDER)
    assert load_sessions().is_session(DAY_OF_A_MADE_MARKET)


@pytest.mark.parametrize(
    ("day", "says"),
    [
        (date(2025, 3, 1), "closed; the sessions around it are 2025-02-28 and 2025-03-04"),
        (date(2025, 3, 3), "closed"),
        (date(2014, 12, 30), "outside the session table"),
        (date(2040, 1, 3), "outside the session table"),
    ],
)
def test_a_day_without_a_session_is_refused_with_its_neighbours(day: date, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        demand_session(day)


def test_a_demo_never_speaks_to_a_real_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIS_ENV", "live")
    assert settings_for(DemoOptions()).kis_env == "mock"


def test_a_persons_choices_reach_the_exchange() -> None:
    options = DemoOptions(rate=60, seed=7)
    assert overrides_for(options, date(2025, 3, 4))["kisSimulator"] == {"day": "2025-03-04", "rate": 60, "seed": 7}
    assert overrides_for(DemoOptions(), None)["kisSimulator"] == {"day": None}
