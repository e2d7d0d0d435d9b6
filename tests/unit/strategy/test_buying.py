"""Why a strategy does not buy, reason by reason, without words."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from prime_jennie.domain.buying import BuyingFacts, ReasonCode
from prime_jennie.domain.lifecycle import BlockCode, BuyBlock
from prime_jennie.domain.macro import RiskLevel, TradingContext, VixRegime
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.risk import HaltSource, HaltState, StandingHalt
from prime_jennie.domain.sessions import Session
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.strategy.buying import why_not

NOON = datetime(2025, 3, 10, 3, 0, tzinfo=UTC)
SESSION = Session(day=date(2025, 3, 10), opens_at=NOON - timedelta(hours=3), closes_at=NOON + timedelta(hours=3.5))
CONTEXT = TradingContext(
    date=date(2025, 3, 10), market_regime=MarketRegime.BULL, position_multiplier=1, stop_loss_multiplier=1
)
BUYING = BuyingFacts(
    at=NOON,
    live=LiveConfig.model_validate({"name": "krx-core", "generation": 1, "spec": {}}),
    session=SESSION,
    context=CONTEXT,
    last_tick_at=NOON - timedelta(seconds=5),
    listed=3,
    positions=2,
    buys_today=1,
    max_buys=None,
    is_dry_run=False,
)
BLOCKED = CONTEXT.model_copy(update={"buys_blocked": True, "intraday_risk_level": RiskLevel.CRITICAL})
CRISIS = CONTEXT.model_copy(update={"risk_off_level": 2, "vix_regime": VixRegime.CRISIS})
HALT = StandingHalt(strategy="", state=HaltState.STOPPED, source=HaltSource.PERSON, who="Kim", why="lunch", at=NOON)
DRIFT = BuyBlock(code=BlockCode.POSITION_DRIFT, why="005930")
NOT_OPEN = BuyBlock(code=BlockCode.MARKET_STATE, why="the day is STOPPED")


def live(**spec: Any) -> LiveConfig:
    return LiveConfig.model_validate({"name": "krx-core", "generation": 1, "spec": spec})


def found(**known: Any) -> list[tuple[ReasonCode, dict[str, str | int]]]:
    return [(reason.code, dict(reason.figures)) for reason in why_not(replace(BUYING, **known))]


def codes(**known: Any) -> list[ReasonCode]:
    return [code for code, _ in found(**known)]


def at(clock: str, **known: Any) -> dict[str, Any]:
    moment = datetime.fromisoformat(f"2025-03-10T{clock}+09:00")
    return {"at": moment, "last_tick_at": moment, **known}


def test_nothing_keeps_it_from_buying() -> None:
    assert why_not(BUYING) == ()


@pytest.mark.parametrize(
    ("known", "code", "figures"),
    [
        ({"silent": ("redis",)}, ReasonCode.SILENT, {"who": "redis"}),
        ({"unwell": {"macro-council": "degraded"}}, ReasonCode.UNWELL, {"who": "macro-council", "state": "degraded"}),
        ({"halts": (HALT,)}, ReasonCode.HALT, {}),
        ({"blocks": (DRIFT,)}, ReasonCode.BLOCK, {}),
        ({"blocks": (NOT_OPEN,)}, ReasonCode.BLOCK, {}),
        ({"live": None}, ReasonCode.NO_CONFIG, {}),
        ({"context": None}, ReasonCode.REGIME_UNKNOWN, {}),
        ({"context": BLOCKED}, ReasonCode.THROTTLED, {"level": "CRITICAL"}),
        ({"listed": None}, ReasonCode.LIST_UNKNOWN, {}),
        ({"listed": 0}, ReasonCode.LIST_EMPTY, {}),
        ({"session": None}, ReasonCode.NO_SESSION, {}),
        (at("08:59"), ReasonCode.BEFORE_OPEN, {"opens_at": "09:00"}),
        (at("09:14"), ReasonCode.OUTSIDE_HOURS, {"begins": "09:15", "ends": "15:00"}),
        (at("15:00"), ReasonCode.OUTSIDE_HOURS, {"begins": "09:15", "ends": "15:00"}),
        (at("15:30"), ReasonCode.AFTER_CLOSE, {}),
        (at("14:00"), ReasonCode.DANGER_ZONE, {"until": "15:00"}),
        ({"last_tick_at": None}, ReasonCode.NO_TICK, {}),
        ({"last_tick_at": NOON - timedelta(seconds=61)}, ReasonCode.TICKS_STALE, {"secs": 61}),
        ({"buys_today": 6}, ReasonCode.BUYS_USED, {"most": 6}),
        ({"buys_today": 1, "max_buys": 1}, ReasonCode.BUYS_USED, {"most": 1}),
        ({"positions": 10}, ReasonCode.POSITIONS_FULL, {"held": 10, "most": 10}),
        ({"is_dry_run": True}, ReasonCode.DRY_RUN, {}),
    ],
)
def test_each_reason_alone(known: dict[str, Any], code: ReasonCode, figures: dict[str, str | int]) -> None:
    assert found(**known) == [(code, figures)]


@pytest.mark.parametrize(
    "known",
    [
        {"last_tick_at": NOON - timedelta(seconds=60)},
        {"buys_today": 5},
        {"buys_today": 5, "max_buys": 20},
        {"positions": 9},
        {"positions": None, "buys_today": None},
        at("09:15"),
        at("13:59"),
        {"context": CONTEXT.model_copy(update={"risk_off_level": 1, "vix_regime": VixRegime.ELEVATED})},
    ],
)
def test_at_the_border_it_still_buys(known: dict[str, Any]) -> None:
    assert why_not(replace(BUYING, **known)) == ()


def test_what_stops_the_scanner_alone_says_which_entries_are_free() -> None:
    entries = [{"name": "WATCHLIST_CONVICTION"}, {"name": "GOLDEN_CROSS"}, {"name": "ORB_BREAKOUT", "enabled": False}]
    free = {"free": "WATCHLIST_CONVICTION"}
    assert found(context=CRISIS, live=live(entries=entries)) == [
        (ReasonCode.RISK_OFF, {"level": 2, **free}),
        (ReasonCode.VIX_CRISIS, free),
    ]
    assert found(context=CRISIS)[1] == (ReasonCode.VIX_CRISIS, {"free": ""})


def test_a_throttled_market_is_told_once() -> None:
    assert codes(context=CRISIS.model_copy(update={"buys_blocked": True})) == [ReasonCode.THROTTLED]


def test_entries_end_with_the_closing_auction_at_the_latest() -> None:
    until_the_close = live(session={"entriesToCloseMinutes": 0})
    assert codes(**at("15:19"), live=until_the_close) == []
    assert found(**at("15:20"), live=until_the_close)[0][1] == {"begins": "09:15", "ends": "15:20"}


def test_yesterdays_session_is_none() -> None:
    tomorrow = NOON + timedelta(days=1)
    assert codes(at=tomorrow, last_tick_at=tomorrow) == [ReasonCode.NO_SESSION]


def test_outside_the_session_the_hours_say_it_once() -> None:
    assert codes(**at("15:30"), blocks=(NOT_OPEN,)) == [ReasonCode.AFTER_CLOSE]
    assert codes(session=None, blocks=(NOT_OPEN, DRIFT)) == [ReasonCode.BLOCK, ReasonCode.NO_SESSION]


def test_a_strategy_with_symbols_of_its_own_needs_no_scout() -> None:
    assert codes(live=live(watchlist={"source": "static", "symbols": [{"code": "005930"}]}), listed=None) == []


def test_the_most_basic_reasons_come_first_and_a_reason_carries_what_it_is_about() -> None:
    everything = {
        **at("15:10"),
        "silent": ("redis",),
        "unwell": {"b": "degraded", "a": "down"},
        "halts": (HALT,),
        "blocks": (DRIFT,),
        "context": None,
        "listed": 0,
        "last_tick_at": None,
        "buys_today": 6,
        "positions": 10,
        "is_dry_run": True,
    }
    reasons = why_not(replace(BUYING, **everything))
    assert [reason.code.value for reason in reasons] == [
        "silent",
        "unwell",
        "unwell",
        "halt",
        "block",
        "regime_unknown",
        "list_empty",
        "outside_hours",
        "no_tick",
        "buys_used",
        "positions_full",
        "dry_run",
    ]
    assert (reasons[1].figures["who"], reasons[3].halt, reasons[4].block) == ("a", HALT, DRIFT)


def test_without_a_configuration_the_halts_are_still_told() -> None:
    assert codes(live=None, halts=(HALT,), listed=0, context=None) == [ReasonCode.HALT, ReasonCode.NO_CONFIG]
