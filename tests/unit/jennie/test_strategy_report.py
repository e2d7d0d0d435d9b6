from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from jennie.strategy_report import reasons_not_to_buy
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.risk import HaltSource, HaltState, StandingHalt
from prime_jennie.domain.sessions import Session
from prime_jennie.domain.trading_strategy import LiveConfig, StrategyConfig

DAY = date(2025, 3, 11)
OPENS = datetime(2025, 3, 11, 0, 0, tzinfo=UTC)  # 09:00 KST
SESSION = Session(day=DAY, opens_at=OPENS, closes_at=OPENS + timedelta(hours=6, minutes=30))
NOON = OPENS + timedelta(hours=3)
CONTEXT = TradingContext.safe_default(DAY)


def config(**spec: Any) -> LiveConfig:
    return LiveConfig(name="krx", generation=1, spec=StrategyConfig.model_validate(spec))


def reasons(live: LiveConfig | None = None, **changes: Any) -> tuple[str, ...]:
    facts: dict[str, Any] = {
        "services": {"buy-scanner": "healthy"},
        "halts": [],
        "flags": [],
        "context": CONTEXT,
        "session": SESSION,
        "now": NOON,
        "buys_today": 0,
    }
    return reasons_not_to_buy(live or config(), **facts | changes)


def test_nothing_keeps_a_healthy_strategy_from_buying_at_noon() -> None:
    assert reasons() == ()


HALT = StandingHalt(strategy="krx", state=HaltState.PAUSED, source=HaltSource.PERSON, who="kim", why="lunch", at=NOON)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"services": {"kis-gateway": "not answering"}}, "kis-gateway is not answering"),
        ({"live": config(trading="Paused")}, "Paused by the strategy's own YAML (spec.trading)"),
        ({"halts": [HALT]}, "Paused by person kim: lunch"),
        ({"flags": ["emergency:full_stop"]}, "emergency flag emergency:full_stop is set"),
        ({"context": None}, "no market regime (regime:current is absent): scout-job has not judged the market"),
        ({"buys_today": 6}, "6 of 6 buys a day are used (risk.maxBuysPerDay)"),
        ({"session": None}, "the exchange has no session today"),
        # 15 minutes after 09:00 and 30 before 15:30, the sample's offsets and the defaults
        ({"now": OPENS + timedelta(minutes=14, seconds=59)}, "outside its entry hours 09:15-15:00 KST"),
        ({"now": OPENS + timedelta(hours=6)}, "outside its entry hours 09:15-15:00 KST"),
        ({"now": OPENS + timedelta(hours=6, minutes=30)}, "the exchange has closed"),
    ],
)
def test_each_reason_is_named(changes: dict[str, Any], expected: str) -> None:
    assert reasons(**changes) == (expected,)


def test_entries_begin_with_the_first_minute_of_their_window() -> None:
    assert reasons(now=OPENS + timedelta(minutes=15)) == ()


def test_without_a_configuration_that_is_the_reason() -> None:
    found = reasons_not_to_buy(
        None, services={}, halts=[], flags=[], context=None, session=None, now=NOON, buys_today=0
    )
    assert found == ("no live configuration is announced",)


def test_reasons_add_up_with_the_most_basic_first() -> None:
    found = reasons(services={"redis": "not answering"}, context=None, halts=[HALT])
    assert [text.split()[0] for text in found] == ["redis", "Paused", "no"]
