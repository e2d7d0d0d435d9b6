"""What a demo chooses when nobody chose, and what it refuses before anything starts."""

import sqlite3
from datetime import date
from pathlib import Path

import httpx
import pytest

from jennie.data import import_files
from jennie.day_plan import DayPlan, plan_day
from jennie.demo import (
    DAY_OF_A_FOLDER,
    DAY_OF_A_MADE_MARKET,
    SAMPLE,
    DemoOptions,
    default_day,
    demand_empty,
    demand_session,
    naming_the_silent,
    overrides_for,
    session_of,
    settings_for,
)
from prime_jennie.domain.errors import BadInput, Unavailable
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.migrate import migrate
from prime_jennie_operator.loading import load_files


@pytest.fixture(autouse=True)
def _somewhere_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("JENNIE_DATA", raising=False)


def test_the_default_day_depends_on_where_prices_come_from(tmp_path: Path) -> None:
    assert default_day(settings_for(DemoOptions())) == DAY_OF_A_MADE_MARKET
    assert default_day(settings_for(DemoOptions(data=tmp_path))) == DAY_OF_A_FOLDER


def test_imported_prices_are_lived_on_their_last_day(tmp_path: Path) -> None:
    prices = tmp_path / "prices.csv"
    rows = [f"005930,{day},70000,71000,69000,70500,1000000" for day in ("2025-03-10", "2025-03-11")]
    prices.write_text("\n".join(["code,date,open,high,low,close,volume", *rows]) + "\n")
    import_files([prices])
    assert default_day(settings_for(DemoOptions())) == date(2025, 3, 11)


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


def test_a_demo_speaks_to_no_real_broker_model_or_chat(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIS_ENV", "live")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "123456:secret")
    monkeypatch.setenv("LLM_BASE_URL", "http://model.example/v1")
    found = settings_for(DemoOptions())
    assert found.kis_env == "mock"
    assert found.telegram_bot_token is None
    assert found.llm_base_url == ""


def plan(day: date) -> DayPlan:
    return plan_day(load_files([SAMPLE]).schedules, session_of(day), load_sessions)


def test_a_persons_choices_reach_the_exchange() -> None:
    simulator = overrides_for(DemoOptions(rate=60, seed=7), plan(date(2025, 3, 4)))["kisSimulator"]
    assert simulator == {"day": "2025-03-04", "startAt": "07:15", "endAt": "17:10", "rate": 60, "seed": 7}


def test_the_samples_slots_move_with_a_late_session() -> None:
    usual, exam = plan(date(2025, 3, 4)), plan(date(2024, 11, 14))
    assert (exam.starts, exam.ends) == ("08:15", "18:10")
    assert len(exam.slots) == len(usual.slots)
    assert {"council-20241114-0830", "scout-20241114-0930", "settle-20241114-1645"} <= {s.name for s in exam.slots}
    assert not any(slot.skip for slot in exam.slots)


def test_without_schedules_the_day_is_the_session() -> None:
    found = plan_day((), session_of(date(2025, 3, 4)), load_sessions)
    assert (found.starts, found.ends, found.slots) == ("08:30", "15:35", ())


def test_a_database_with_trades_in_it_is_refused(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mine.sqlite'}"
    demand_empty(url)
    migrate(url)
    demand_empty(url)
    with sqlite3.connect(tmp_path / "mine.sqlite") as database:
        columns = [row for row in database.execute("PRAGMA table_info(order_intents)") if row[3] and row[4] is None]
        names = ", ".join(f'"{row[1]}"' for row in columns)
        ones = ", ".join(["1"] * len(columns))
        database.execute(f"INSERT INTO order_intents ({names}) VALUES ({ones})")  # noqa: S608
    with pytest.raises(BadInput, match="holds 1 orders already"):
        demand_empty(url)


def test_an_exchange_that_answers_no_more_is_named_with_the_place_of_its_log() -> None:
    told = r"exchange does not answer.*refused.*below \.jennie/demo$"
    with pytest.raises(Unavailable, match=told), naming_the_silent(Path(".jennie/demo")):
        raise httpx.ConnectError("connection refused")
