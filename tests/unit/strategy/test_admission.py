"""The preliminary checks of §5.1 and §5.2, their order, and that unknown facts never buy."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.sessions import KST, Session
from prime_jennie.domain.signals import BuySignal, SellOrder, SellReason, SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.domain.trading_strategy import RiskSpec, SessionSpec, StrategyConfig
from prime_jennie.strategy.admission import (
    BUY_CHECKS,
    BuyFacts,
    buy_refusal,
    sell_refusal,
    sellable_quantity,
)
from prime_jennie.strategy.unknown import UNKNOWN, Unknown

DAY = date(2025, 3, 4)
SESSION = Session(
    day=DAY,
    opens_at=datetime(2025, 3, 4, 9, 0, tzinfo=KST),
    closes_at=datetime(2025, 3, 4, 15, 30, tzinfo=KST),
)
NOW = datetime(2025, 3, 4, 10, 15, tzinfo=KST)
CONTEXT = TradingContext(date=DAY, market_regime=MarketRegime.BULL, position_multiplier=1.0, stop_loss_multiplier=1.0)


def signal(**known: Any) -> BuySignal:
    facts: dict[str, Any] = {
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "signal_type": SignalType.GOLDEN_CROSS,
        "signal_price": 72_100,
        "llm_score": 70,
        "hybrid_score": 70,
        "trade_tier": TradeTier.TIER1,
        "market_regime": MarketRegime.BULL,
        "timestamp": NOW,
    }
    return BuySignal(**(facts | known))


FACTS = BuyFacts(
    at=NOW,
    session=SESSION,
    config=StrategyConfig(),
    halt=HaltState.ACTIVE,
    context=CONTEXT,
    held=frozenset({"000660"}),
    stop_loss_cooldown=False,
    sell_cooldown=False,
    buys_today=0,
    position_count=1,
    last_accepted_at=None,
)


def rule_of(asked: BuySignal | None = None, **known: Any) -> str | None:
    refusal = buy_refusal(asked or signal(), replace(FACTS, **known))
    return refusal.rule if refusal is not None else None


def moment(hour: int, minute: int, second: int = 0) -> datetime:
    return datetime(2025, 3, 4, hour, minute, second, tzinfo=KST)


def test_a_plain_signal_is_admitted() -> None:
    assert rule_of() is None


@pytest.mark.parametrize(
    ("at", "admitted"),
    [
        (moment(8, 59, 59), False),
        (moment(9, 14, 59), False),
        (moment(9, 15), True),
        (moment(14, 59, 59), True),
        (moment(15, 0), False),
        (moment(15, 30), False),
    ],
)
def test_entries_keep_to_the_strategys_window(at: datetime, admitted: bool) -> None:
    assert (rule_of(signal(timestamp=at), at=at) != "hours") is admitted


@pytest.mark.parametrize(
    ("at", "admitted"),
    [(moment(8, 59, 59), False), (moment(9, 0), True), (moment(15, 29), True), (moment(15, 30), False)],
)
def test_a_person_may_buy_all_session_long(at: datetime, admitted: bool) -> None:
    manual = signal(source="manual", signal_type=SignalType.MANUAL, timestamp=at)
    assert (rule_of(manual, at=at) is None) is admitted


def test_the_window_follows_the_session_and_not_the_wall_clock() -> None:
    # the year's first session opens at 10:00, so that entries start at 10:15
    late = Session(day=DAY, opens_at=moment(10, 0), closes_at=moment(15, 30))
    assert rule_of(session=late, at=moment(10, 14, 59)) == "hours"
    assert rule_of(session=late, at=moment(10, 15)) is None


def test_a_window_in_the_spec_acts() -> None:
    config = StrategyConfig(session=SessionSpec(entries_from_open_minutes=90))
    assert rule_of(config=config) == "hours"


def test_a_day_without_a_known_session_buys_nothing() -> None:
    assert rule_of(session=None) == "hours"
    yesterday = SESSION.model_copy(update={"day": date(2025, 3, 3)})
    assert rule_of(session=yesterday) == "hours"


@pytest.mark.parametrize("halt", [HaltState.PAUSED, HaltState.STOPPED, UNKNOWN])
def test_every_halt_and_an_unknown_one_refuse(halt: Any) -> None:
    assert rule_of(halt=halt) == "halt"


def test_no_regime_no_buys() -> None:
    assert rule_of(context=None) == "halt"


def test_the_throttles_zero_blocks_buys_as_a_flag() -> None:
    # ✗ a factor of 0.0 failed validation on reading, and consumers fell back to 0.8 at the worst moment
    blocked = CONTEXT.model_copy(update={"buys_blocked": True})
    assert rule_of(context=blocked) == "halt"


def test_a_blocked_or_untradable_stock_is_refused() -> None:
    assert rule_of(signal(trade_tier=TradeTier.BLOCKED, is_tradable=False)) == "tier"
    assert rule_of(signal(is_tradable=False)) == "tier"


@pytest.mark.parametrize(("hybrid", "rule"), [(39.9, "hybrid_score"), (40, None)])
def test_a_hybrid_score_under_forty_is_refused_unless_a_person_asks(hybrid: float, rule: str | None) -> None:
    assert rule_of(signal(hybrid_score=hybrid)) == rule
    assert rule_of(signal(hybrid_score=hybrid, source="manual", signal_type=SignalType.MANUAL)) is None


def test_a_stock_already_held_is_refused() -> None:
    assert rule_of(signal(stock_code="000660")) == "already_held"


def test_cooldowns_refuse() -> None:
    assert rule_of(stop_loss_cooldown=True) == "stop_loss_cooldown"
    assert rule_of(sell_cooldown=True) == "sell_cooldown"


@pytest.mark.parametrize(("count", "rule"), [(5, None), (6, "daily_buys"), (7, "daily_buys")])
def test_six_buys_a_day(count: int, rule: str | None) -> None:
    assert rule_of(buys_today=count) == rule


@pytest.mark.parametrize(("count", "rule"), [(9, None), (10, "max_positions")])
def test_ten_positions(count: int, rule: str | None) -> None:
    assert rule_of(position_count=count) == rule


@pytest.mark.parametrize(
    ("override", "count", "rule"),
    [(0, 0, "daily_buys"), (2, 1, None), (2, 2, "daily_buys"), (20, 6, "daily_buys"), (UNKNOWN, 0, "daily_buys")],
)
def test_a_persons_number_of_buys_counts_where_it_is_stricter(
    override: int | Unknown, count: int, rule: str | None
) -> None:
    assert rule_of(max_buys_override=override, buys_today=count) == rule


def test_counts_follow_the_spec() -> None:
    config = StrategyConfig(risk=RiskSpec(max_buys_per_day=2, max_positions=3))
    assert rule_of(config=config, buys_today=2) == "daily_buys"
    assert rule_of(config=config, position_count=3) == "max_positions"
    assert rule_of(config=config, buys_today=1, position_count=2) is None


@pytest.mark.parametrize(
    ("age_secs", "rule"), [(180, None), (181, "expired"), (300, "expired"), (-60, None), (-61, "expired")]
)
def test_an_expired_signal_never_trades(age_secs: int, rule: str | None) -> None:
    assert rule_of(signal(timestamp=NOW - timedelta(seconds=age_secs))) == rule


@pytest.mark.parametrize(("passed_secs", "rule"), [(599, "duplicate"), (600, None)])
def test_a_second_signal_within_ten_minutes_is_a_duplicate(passed_secs: int, rule: str | None) -> None:
    assert rule_of(last_accepted_at=NOW - timedelta(seconds=passed_secs)) == rule


@pytest.mark.parametrize(
    ("fact", "rule"),
    [
        ("halt", "halt"),
        ("held", "already_held"),
        ("stop_loss_cooldown", "stop_loss_cooldown"),
        ("sell_cooldown", "sell_cooldown"),
        ("buys_today", "daily_buys"),
        ("position_count", "max_positions"),
        ("last_accepted_at", "duplicate"),
    ],
)
def test_a_fact_whose_store_is_unreachable_fails_closed(fact: str, rule: str) -> None:
    # ✗ an ancestor read an unreachable store as "nothing there"
    unknown: dict[str, Any] = {fact: UNKNOWN}
    assert rule_of(**unknown) == rule


def test_the_checks_stand_in_the_rulebooks_order() -> None:
    everything: dict[str, Any] = {
        "halt": HaltState.STOPPED,
        "held": frozenset({"005930"}),
        "stop_loss_cooldown": True,
        "sell_cooldown": True,
        "buys_today": 6,
        "position_count": 10,
        "last_accepted_at": NOW,
    }
    bad = signal(trade_tier=TradeTier.BLOCKED, is_tradable=False, hybrid_score=10, timestamp=NOW - timedelta(minutes=5))
    cures: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
        ("hours", {"session": SESSION}, {}),
        ("halt", {"halt": HaltState.ACTIVE}, {}),
        ("tier", {}, {"trade_tier": TradeTier.TIER1, "is_tradable": True}),
        ("hybrid_score", {}, {"hybrid_score": 70}),
        ("already_held", {"held": frozenset()}, {}),
        ("stop_loss_cooldown", {"stop_loss_cooldown": False}, {}),
        ("sell_cooldown", {"sell_cooldown": False}, {}),
        ("daily_buys", {"buys_today": 0}, {}),
        ("max_positions", {"position_count": 0}, {}),
        ("expired", {}, {"timestamp": NOW}),
        ("duplicate", {"last_accepted_at": None}, {}),
    ]
    facts, known = replace(FACTS, session=None, **everything), bad
    seen = []
    for _rule, cured_facts, cured_signal in cures:
        refusal = buy_refusal(known, facts)
        seen.append(refusal.rule if refusal is not None else None)
        facts, known = replace(facts, **cured_facts), known.model_copy(update=cured_signal)
    assert seen == [rule for rule, _, _ in cures] == [rule for rule, _ in BUY_CHECKS]
    assert buy_refusal(known, facts) is None


def order(reason: SellReason = SellReason.STOP_LOSS, asked_at: datetime = NOW) -> SellOrder:
    return SellOrder(
        stock_code="005930",
        stock_name="삼성전자",
        sell_reason=reason,
        current_price=70_000,
        quantity=10,
        timestamp=asked_at.astimezone(UTC),
    )


def sell_rule(reason: SellReason = SellReason.STOP_LOSS, *, age: timedelta = timedelta(), **known: Any) -> str | None:
    facts: dict[str, Any] = {"at": NOW, "session": SESSION, "halt": HaltState.ACTIVE, "held_quantity": 10} | known
    refusal = sell_refusal(order(reason, facts["at"] - age), **facts)
    return refusal.rule if refusal is not None else None


def test_pausing_buys_never_mutes_a_stop() -> None:
    # ✗ an ancestor's "pause auto-buying" also muted stop-losses
    assert sell_rule(halt=HaltState.PAUSED) is None


def test_a_full_stop_lets_only_a_persons_and_forced_sales_pass() -> None:
    passed = {reason for reason in SellReason if sell_rule(reason, halt=HaltState.STOPPED) is None}
    assert passed == {SellReason.MANUAL, SellReason.FORCED_LIQUIDATION}


def test_an_unknown_halt_stops_no_exit() -> None:
    assert sell_rule(halt=UNKNOWN) is None


def test_automatic_exits_keep_to_the_session() -> None:
    assert sell_rule(at=moment(9, 0)) is None
    assert sell_rule(at=moment(15, 29, 59)) is None
    assert sell_rule(at=moment(15, 30)) == "hours"
    assert sell_rule(at=moment(8, 59)) == "hours"
    assert sell_rule(session=None) == "hours"
    assert sell_rule(SellReason.MANUAL, at=moment(15, 30)) is None


@pytest.mark.parametrize("reason", sorted(set(SellReason) - {SellReason.MANUAL}))
def test_what_is_asked_for_again_while_it_is_wanted_expires_after_five_minutes(reason: SellReason) -> None:
    assert sell_rule(reason, age=timedelta(seconds=300)) is None
    assert sell_rule(reason, age=timedelta(seconds=301)) == "expired"
    assert sell_rule(reason, age=timedelta(seconds=-301)) is None  # a clock that is behind mutes no stop


def test_a_persons_sale_is_meant_for_its_own_day_in_seoul() -> None:
    assert sell_rule(SellReason.MANUAL, at=moment(15, 0), age=timedelta(hours=15)) is None
    assert sell_rule(SellReason.MANUAL, at=moment(15, 0), age=timedelta(hours=15, seconds=1)) == "expired"
    assert sell_rule(SellReason.MANUAL, at=moment(23, 59), age=timedelta(minutes=-2)) == "expired"
    refusal = sell_refusal(
        order(SellReason.MANUAL), at=NOW + timedelta(days=1), session=None, halt=HaltState.ACTIVE, held_quantity=10
    )
    assert refusal is not None
    assert refusal.reason == "it was asked for on 2025-03-04, today is 2025-03-05"


def test_nothing_held_sells_nothing() -> None:
    assert sell_rule(held_quantity=1) is None
    assert sell_rule(held_quantity=0) == "not_held"
    assert sell_rule(SellReason.FORCED_LIQUIDATION, held_quantity=0) == "not_held"


@pytest.mark.parametrize(("requested", "held", "sold"), [(10, 4, 4), (4, 10, 4), (10, 0, 0), (10, -1, 0)])
def test_never_more_is_sold_than_held(requested: int, held: int, sold: int) -> None:
    assert sellable_quantity(requested, held) == sold


@pytest.mark.parametrize(("at", "rule"), [(moment(15, 19, 59), None), (moment(15, 20), "hours")])
def test_a_strategy_that_enters_until_the_close_still_stays_out_of_the_closing_auction(
    at: datetime, rule: str | None
) -> None:
    until_the_close = StrategyConfig.model_validate({"session": {"entriesToCloseMinutes": 0}})
    assert rule_of(signal(timestamp=at), at=at, config=until_the_close) == rule
