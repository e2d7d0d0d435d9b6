"""The scanner's core: from a completed bar to a decision, and what is remembered of it."""

from datetime import timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.signals import BuySignal, SignalType
from prime_jennie.domain.trading_strategy import EntrySpec
from prime_jennie.strategy.bars import BarAggregator
from prime_jennie.strategy.confirmation import HeldMatch
from prime_jennie.strategy.entries.catalogue import Catalogue, catalogue_of
from prime_jennie.strategy.entries.rule import EntryMatch
from prime_jennie.strategy.indicators import rsi_wilder
from prime_jennie.strategy.scan_view import ScanView, view_of
from prime_jennie.strategy.scanner import (
    Candidate,
    Decision,
    Discard,
    Hold,
    Publish,
    StockMemory,
    Suppress,
    decide,
    remember,
    scan,
)
from tests.support.scanning import OPEN, SESSION, at, bars_of, context, entry, facts, tick, view

ALL = catalogue_of([])
CROSSING: dict[str, Any] = {"bars": bars_of([10_000] * 20 + [10_100]), "volume_ratio": 1.8}
# The last five bars rise from 10,000 to 10,200: MOMENTUM. MA5 was above MA20 before, so no cross.
RISING: dict[str, Any] = {"bars": bars_of([10_000] * 20 + [10_050, 10_100, 10_150, 10_200]), "price": 10_200}
NOTHING = StockMemory()


def _candidate(seen: ScanView, memory: StockMemory = NOTHING, catalogue: Catalogue = ALL) -> Candidate:
    found = scan(seen, catalogue, memory)
    assert isinstance(found, Candidate)
    return found


def test_a_conviction_passes_the_gates_that_look_at_the_market_and_says_whose_it_is() -> None:
    listed = catalogue_of([EntrySpec(name=SignalType.WATCHLIST_CONVICTION)])
    first = (bars_of([10_000], ends=at("09:01"))[0],)
    seen = view(bars_of([10_000] * 16, ends=at("09:16")), at=at("09:16"), session=SESSION, first_bars=first)
    decision = decide(_candidate(seen, catalogue=listed), facts(context=context(risk_off_level=3)))
    assert isinstance(decision, Publish)
    assert (decision.signal.signal_type, decision.signal.source) == (SignalType.WATCHLIST_CONVICTION, "conviction")
    for changes in ({"sell_cooldown": True}, {"halt": HaltState.PAUSED}, {"context": None}):
        assert isinstance(decide(_candidate(seen, catalogue=listed), facts(**changes)), Suppress)


def test_a_quiet_bar_is_nothing() -> None:
    assert scan(view(), ALL, NOTHING) is None


def test_a_match_that_passes_the_gates_is_published_at_the_live_price_and_tick_time() -> None:
    seen = view(**CROSSING, price=10_110, entry=entry(sector_group=SectorGroup.SEMICONDUCTOR_IT))
    decision = decide(_candidate(seen), facts(context=context(position_multiplier=0.9)))
    assert isinstance(decision, Publish)
    assert decision.signal == BuySignal(
        stock_code="005930",
        stock_name="삼성전자",
        signal_type=SignalType.GOLDEN_CROSS,
        signal_price=10_110,
        llm_score=70.0,
        hybrid_score=72.0,
        is_tradable=True,
        trade_tier=seen.entry.trade_tier,
        risk_tag=seen.entry.risk_tag,
        market_regime=MarketRegime.BULL,
        source="scanner",
        timestamp=at("10:00"),
        rsi_value=50.0,
        volume_ratio=1.8,
        vwap=10_000.0,
        position_multiplier=0.9,
        sector_group=SectorGroup.SEMICONDUCTOR_IT,
    )
    assert remember(StockMemory(), decision) == StockMemory(held=None, last_signal_at=at("10:00"))


def test_a_refused_match_is_suppressed_with_its_gate_and_reason() -> None:
    decision = decide(_candidate(view(**CROSSING)), facts(halt=HaltState.PAUSED))
    assert isinstance(decision, Suppress)
    assert decision.refusal.rule == "halt"
    assert decision.candidate.match.signal_type is SignalType.GOLDEN_CROSS
    memory = StockMemory(last_signal_at=at("09:30"))
    assert remember(memory, decision) == memory, "a suppressed match starts no cooldown"


def test_without_a_market_context_nothing_is_published() -> None:
    decision = decide(_candidate(view(**CROSSING)), facts(context=None))
    assert isinstance(decision, Suppress)
    assert decision.refusal.rule == "macro"


@pytest.mark.parametrize(("llm", "which"), [(64, SignalType.MOMENTUM), (65, SignalType.MOMENTUM_CONTINUATION)])
def test_momentum_is_held_one_further_bar_and_then_published(llm: float, which: SignalType) -> None:
    held = decide(_candidate(view(**RISING, entry=entry(llm_score=llm))), facts())
    assert isinstance(held, Hold)
    memory = remember(NOTHING, held)
    assert memory.held is not None
    assert memory.held.initial_price == 10_200

    later = view(price=10_200, at=at("10:01"))
    confirmed = _candidate(later, memory)
    assert confirmed.confirmed
    decision = decide(confirmed, facts())
    assert isinstance(decision, Publish)
    assert decision.signal.signal_type is which
    assert (decision.signal.signal_price, decision.signal.timestamp) == (10_200, at("10:01"))
    assert remember(memory, decision) == StockMemory(held=None, last_signal_at=at("10:01"))


def test_momentum_is_discarded_when_the_further_bar_falls_below_the_initial_price() -> None:
    memory = remember(NOTHING, decide(_candidate(view(**RISING)), facts()))
    outcome = scan(view(price=10_199, at=at("10:01")), ALL, memory)
    assert isinstance(outcome, Discard)
    assert "10,200 to 10,199" in outcome.reason
    assert remember(memory, outcome) == NOTHING


def test_a_gated_match_is_never_held() -> None:
    decision = decide(_candidate(view(**RISING, rsi=99.0)), facts())
    assert isinstance(decision, Suppress)
    assert remember(NOTHING, decision) == NOTHING


def test_a_confirmed_match_passes_the_gates_again() -> None:
    before_two = view(
        bars=bars_of([10_000] * 20 + [10_050, 10_100, 10_150, 10_200], ends=at("13:59")),
        price=10_200,
        at=at("13:59:10"),
    )
    memory = remember(NOTHING, decide(_candidate(before_two), facts()))
    confirmed = _candidate(view(price=10_300, at=at("14:00:05")), memory)
    decision = decide(confirmed, facts())
    assert isinstance(decision, Suppress)
    assert decision.refusal.rule == "danger_zone"
    assert remember(memory, decision) == NOTHING


def test_a_bar_that_settles_a_held_match_starts_no_new_one() -> None:
    held = HeldMatch(EntryMatch(SignalType.MOMENTUM, "up"), initial_price=10_500, held_at=at("09:59"))
    assert isinstance(scan(view(**CROSSING), ALL, StockMemory(held=held)), Discard)


def test_a_held_match_of_a_strategy_that_was_switched_off_is_discarded() -> None:
    memory = remember(NOTHING, decide(_candidate(view(**RISING)), facts()))
    only = catalogue_of([EntrySpec(name=SignalType.DIP_BUY)])
    outcome = scan(view(price=10_300, at=at("10:01")), only, memory)
    assert isinstance(outcome, Discard)
    assert "no longer active" in outcome.reason


@pytest.mark.parametrize(("late_secs", "found"), [(0, True), (180, True), (181, False)])
def test_a_bar_completed_only_after_a_halt_starts_nothing(late_secs: int, found: bool) -> None:
    seen = view(**CROSSING, at=at("10:00") + timedelta(seconds=late_secs))
    assert (scan(seen, ALL, NOTHING) is not None) is found


def test_a_view_carries_the_aggregators_figures() -> None:
    aggregator = BarAggregator()
    for minute in range(22):
        aggregator.add(tick(f"09:{minute:02d}:10", 10_000 + 10 * minute, 100 + minute, sum(range(100, 101 + minute))))
    seen = view_of(
        aggregator, entry=entry(), age_sessions=2, price=10_210, at=at("09:21:10"), regime=MarketRegime.SIDEWAYS
    )
    assert len(seen.bars) == 21
    assert seen.vwap == aggregator.vwap
    # 20 prior bars of 100…119 have a mean of 109.5; the last completed bar traded 120.
    assert seen.volume_ratio == pytest.approx(120 / 109.5)
    assert seen.rsi == rsi_wilder([bar.close_price for bar in seen.bars]) == 100.0
    assert seen.bar_age_secs == 10.0
    assert (seen.age_sessions, seen.regime, seen.price) == (2, MarketRegime.SIDEWAYS, 10_210)


def _day_of_decisions(seed: int) -> list[Decision | Discard]:
    generator = np.random.default_rng(seed)
    prices = 10_000 * np.exp(np.cumsum(generator.normal(0, 0.0008, 5_000)))
    volumes = generator.integers(1, 200, 5_000)
    aggregator, memory, cumulative, outcomes = BarAggregator(), StockMemory(), 0, []
    for number, (price, volume) in enumerate(zip(prices, volumes, strict=True)):
        cumulative += int(volume)
        moment = OPEN + timedelta(seconds=4 * number)
        one = tick("09:00", int(price) // 10 * 10, int(volume), cumulative).model_copy(update={"at": moment})
        if aggregator.add(one) is None:
            continue
        seen = view_of(aggregator, entry=entry(), age_sessions=1, price=one.price, at=one.at, regime=MarketRegime.BULL)
        found = scan(seen, ALL, memory)
        if found is None:
            continue
        outcome = found if isinstance(found, Discard) else decide(found, facts(last_signal_at=memory.last_signal_at))
        memory = remember(memory, outcome)
        outcomes.append(outcome)
    return outcomes


def test_the_same_ticks_make_the_same_decisions() -> None:
    first, second = _day_of_decisions(7), _day_of_decisions(7)
    assert first == second
    assert first


@pytest.mark.parametrize("seed", range(4))
def test_a_made_day_keeps_the_rules(seed: int) -> None:
    outcomes = _day_of_decisions(seed)
    published = [outcome.signal for outcome in outcomes if isinstance(outcome, Publish)]
    assert all(at("09:20") <= signal.timestamp < at("14:00") for signal in published)
    gaps = [(later.timestamp - earlier.timestamp).total_seconds() for earlier, later in pairwise(published)]
    assert all(gap >= 600 for gap in gaps)
