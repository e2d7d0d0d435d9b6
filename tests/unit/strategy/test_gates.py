"""Every gate at its boundary, in the rulebook's order, failing closed."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from prime_jennie.domain.macro import VixRegime
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.signals import SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.domain.trading_strategy import SessionSpec
from prime_jennie.strategy import gates
from prime_jennie.strategy.bars import Bar
from prime_jennie.strategy.gates import GATES, GateFacts, GateInput, GateName, first_refusal, gates_of
from prime_jennie.strategy.unknown import UNKNOWN
from tests.support.scanning import (
    EXAM_DAY_SESSION,
    SESSION,
    at,
    bar,
    bars_of,
    context,
    entry,
    facts,
    gate_input,
    view,
)


def test_a_calm_match_passes_every_gate() -> None:
    assert first_refusal(gate_input()) is None


def test_the_gates_stand_in_the_rulebooks_order() -> None:
    assert [name.value for name, _ in GATES] == [
        "min_bars",
        "no_trade_window",
        "danger_zone",
        "entries_end",
        "rsi_guard",
        "macro",
        "regime",
        "combined",
        "signal_cooldown",
        "stop_loss_cooldown",
        "sell_cooldown",
        "tier",
        "micro_timing",
        "avoided_strategy",
        "halt",
    ]


def test_conviction_and_the_opening_range_pass_fewer_gates_and_no_strategy_passes_a_halt() -> None:
    def kept(signal_type: SignalType) -> list[str]:
        return [name.value for name, _ in gates_of(signal_type)]

    cooldowns = ["signal_cooldown", "stop_loss_cooldown", "sell_cooldown"]
    assert kept(SignalType.WATCHLIST_CONVICTION) == [*cooldowns, "halt"]
    assert kept(SignalType.ORB_BREAKOUT) == [*cooldowns, "tier", "halt"]
    for other in set(SignalType) - {SignalType.WATCHLIST_CONVICTION, SignalType.ORB_BREAKOUT}:
        assert gates_of(other) == GATES


# What makes each gate refuse: of the view, and of the facts.
TROUBLES: dict[GateName, tuple[dict[str, Any], dict[str, Any]]] = {
    GateName.MIN_BARS: ({"bars": bars_of([10_000] * 19)}, {}),
    GateName.NO_TRADE_WINDOW: ({}, {"window": SessionSpec(entries_from_open_minutes=120)}),
    GateName.DANGER_ZONE: ({}, {"session": SESSION.model_copy(update={"closes_at": at("11:00")})}),
    GateName.ENTRIES_END: ({}, {"window": SessionSpec(entries_to_close_minutes=331)}),
    GateName.RSI_GUARD: ({"rsi": 86.0}, {}),
    GateName.MACRO: ({}, {"context": context(risk_off_level=2)}),
    GateName.REGIME: ({"regime": MarketRegime.BEAR}, {"blocks_bear_regimes": True}),
    GateName.COMBINED: ({"volume_ratio": 2.1, "vwap": 9_000.0}, {}),
    GateName.SIGNAL_COOLDOWN: ({}, {"last_signal_at": at("09:59")}),
    GateName.STOP_LOSS_COOLDOWN: ({}, {"stop_loss_cooldown": True}),
    GateName.SELL_COOLDOWN: ({}, {"sell_cooldown": True}),
    GateName.TIER: ({"entry": entry(trade_tier=TradeTier.BLOCKED, is_tradable=False)}, {}),
    GateName.MICRO_TIMING: ({"bars": (*bars_of([10_000] * 24), bar(10_000, 10_000, high=10_010))}, {}),
    GateName.AVOIDED_STRATEGY: ({}, {"context": context(strategies_to_avoid=(SignalType.GOLDEN_CROSS,))}),
    GateName.HALT: ({}, {"halt": HaltState.PAUSED}),
}


@pytest.mark.parametrize("name", list(GateName))
def test_each_gate_alone_refuses_under_its_own_name_with_a_reason(name: GateName) -> None:
    seen, told = TROUBLES[name]
    refusal = first_refusal(gate_input(seen=view(**seen), **told))
    assert refusal is not None
    assert refusal.rule == name
    assert refusal.reason


@pytest.mark.parametrize("position", range(len(GateName) - 1))
def test_of_two_refusals_the_earlier_gates_is_told(position: int) -> None:
    earlier, later = list(GateName)[position : position + 2]
    seen, told = TROUBLES[later][0] | TROUBLES[earlier][0], TROUBLES[later][1] | TROUBLES[earlier][1]
    if {earlier, later} == {GateName.NO_TRADE_WINDOW, GateName.DANGER_ZONE}:
        told |= {"window": SessionSpec(entries_from_open_minutes=120)}
    refusal = first_refusal(gate_input(seen=view(**seen), **told))
    assert refusal is not None
    assert refusal.rule == earlier


@pytest.mark.parametrize(("count", "passes"), [(19, False), (20, True)])
def test_twenty_bars_are_enough(count: int, passes: bool) -> None:
    assert (gates.min_bars(gate_input(seen=view(bars_of([10_000] * count)))) is None) is passes


@pytest.mark.parametrize(
    ("clock", "passes"), [("08:59:59", False), ("09:00:00", False), ("09:14:59", False), ("09:15:00", True)]
)
def test_entries_start_fifteen_minutes_after_the_open(clock: str, passes: bool) -> None:
    assert (gates.no_trade_window(gate_input(seen=view(at=at(clock)))) is None) is passes


@pytest.mark.parametrize(
    ("clock", "passes"),
    [("13:59:59", True), ("14:00:00", False), ("14:30:00", False), ("14:59:59", False), ("15:00:00", True)],
)
def test_the_danger_zone_lasts_from_two_to_three(clock: str, passes: bool) -> None:
    assert (gates.danger_zone(gate_input(seen=view(at=at(clock)))) is None) is passes


@pytest.mark.parametrize(
    ("clock", "passes"), [("14:59:59", True), ("15:00:00", False), ("15:29:59", False), ("15:31:00", False)]
)
def test_nothing_is_bought_in_the_last_half_hour(clock: str, passes: bool) -> None:
    """Rulebook §4.2 leaves 15:00–15:30 open and recommends blocking it."""
    assert (gates.entries_end(gate_input(seen=view(at=at(clock)))) is None) is passes


@pytest.mark.parametrize(
    ("minutes", "clock", "passes"),
    [
        (20, "15:09:59", True),
        (20, "15:10:00", False),
        (0, "15:19:59", True),
        (0, "15:20:00", False),
        (60, "14:30:00", False),
    ],
)
def test_the_end_of_entries_is_the_strategys_but_never_inside_the_closing_auction(
    minutes: int, clock: str, passes: bool
) -> None:
    given_ = gate_input(seen=view(at=at(clock)), window=SessionSpec(entries_to_close_minutes=minutes))
    assert (gates.entries_end(given_) is None) is passes


@pytest.mark.parametrize(
    ("minutes", "clock", "passes"), [(5, "09:05", True), (5, "09:04:59", False), (0, "09:00", True)]
)
def test_the_start_of_entries_is_the_strategys(minutes: int, clock: str, passes: bool) -> None:
    given_ = gate_input(seen=view(at=at(clock)), window=SessionSpec(entries_from_open_minutes=minutes))
    assert (gates.no_trade_window(given_) is None) is passes


@pytest.mark.parametrize(
    ("clock", "refused_by"),
    [
        ("09:30:00", "no_trade_window"),
        ("10:14:59", "no_trade_window"),
        ("10:15:00", None),
        ("14:59:59", None),
        ("15:00:00", "danger_zone"),
        ("15:59:59", "danger_zone"),
        ("16:00:00", "entries_end"),
    ],
)
def test_windows_move_with_the_exam_days_late_session(clock: str, refused_by: str | None) -> None:
    refusal = first_refusal(gate_input(seen=view(at=at(clock, EXAM_DAY_SESSION.day)), session=EXAM_DAY_SESSION))
    assert (refusal.rule if refusal else None) == refused_by


@pytest.mark.parametrize(
    ("clock", "refused_by"), [("10:59:59", None), ("11:00:00", "danger_zone"), ("12:00:00", "entries_end")]
)
def test_windows_move_with_a_half_days_early_close(clock: str, refused_by: str | None) -> None:
    half = SESSION.model_copy(update={"closes_at": at("12:30")})
    refusal = first_refusal(gate_input(seen=view(at=at(clock)), session=half))
    assert (refusal.rule if refusal else None) == refused_by


@pytest.mark.parametrize(
    ("regime", "guard"),
    [("STRONG_BULL", 85.0), ("BULL", 85.0), ("SIDEWAYS", 75.0), ("BEAR", 75.0), ("STRONG_BEAR", 75.0)],
)
def test_the_rsi_guard_depends_on_the_regime(regime: str, guard: float) -> None:
    for rsi, passes in ((guard, True), (guard + 0.1, False)):
        given_ = gate_input(seen=view(rsi=rsi, regime=MarketRegime(regime)))
        assert (gates.rsi_guard(given_) is None) is passes


@pytest.mark.parametrize(
    ("changes", "passes"),
    [
        ({"risk_off_level": 1}, True),
        ({"risk_off_level": 2}, False),
        ({"vix_regime": VixRegime.ELEVATED}, True),
        ({"vix_regime": VixRegime.CRISIS}, False),
        ({"buys_blocked": True}, False),
    ],
)
def test_macro_trouble_blocks(changes: dict[str, Any], passes: bool) -> None:
    assert (gates.macro(gate_input(context=context(**changes))) is None) is passes


def test_a_throttle_of_zero_blocks_buys_instead_of_falling_back_to_a_default_factor() -> None:
    """✗ an ancestor's factor 0.0 failed on read, and consumers fell back to 0.8 exactly at the worst moment."""
    refusal = first_refusal(gate_input(context=context(buys_blocked=True, position_multiplier=0.8)))
    assert refusal is not None
    assert refusal.rule == "macro"
    assert "throttle" in refusal.reason


@pytest.mark.parametrize("regime", [MarketRegime.BEAR, MarketRegime.STRONG_BEAR])
def test_the_regime_gate_is_there_but_off(regime: MarketRegime) -> None:
    assert first_refusal(gate_input(seen=view(regime=regime))) is None
    assert gates.regime(gate_input(seen=view(regime=regime), blocks_bear_regimes=True)) is not None
    assert gates.regime(gate_input(blocks_bear_regimes=True)) is None


@pytest.mark.parametrize(
    ("ratio", "price", "passes"),
    [(2.01, 10_201, False), (2.0, 10_201, True), (2.01, 10_200, True), (9.0, 9_000, True), (1.0, 12_000, True)],
)
def test_only_volume_and_price_together_are_overextended(ratio: float, price: int, passes: bool) -> None:
    given_ = gate_input(seen=view(volume_ratio=ratio, price=price, vwap=10_000.0))
    assert (gates.combined(given_) is None) is passes


@pytest.mark.parametrize(("secs", "passes"), [(0, False), (599, False), (600, True), (-5, False)])
def test_a_stock_signals_once_in_ten_minutes(secs: int, passes: bool) -> None:
    last = at("10:00") - timedelta(seconds=secs)
    assert (gates.signal_cooldown(gate_input(last_signal_at=last)) is None) is passes


def test_blocked_and_untradable_stocks_are_refused() -> None:
    assert gates.tier(gate_input(seen=view(entry=entry(trade_tier=TradeTier.TIER2)))) is None
    blocked = entry(trade_tier=TradeTier.BLOCKED, is_tradable=False)
    assert gates.tier(gate_input(seen=view(entry=blocked))) == "tier BLOCKED"
    assert gates.tier(gate_input(seen=view(entry=entry(is_tradable=False)))) is not None


@pytest.mark.parametrize(
    ("last", "passes"),
    [
        (bar(10_000, 10_050, high=10_150), True),  # shadow 100 = 2 × body 50
        (bar(10_000, 10_050, high=10_151), False),
        (bar(10_050, 10_000, high=10_151), False),  # a falling bar has its shadow above the open
        (bar(10_000, 10_000), True),
        (bar(10_000, 10_000, high=10_001), False),
        (bar(10_000, 10_050, low=9_000), True),
    ],
)
def test_an_upper_shadow_above_twice_the_body_blocks(last: Bar, passes: bool) -> None:
    assert (gates.micro_timing(gate_input(seen=view((bar(10_000, 10_000), last)))) is None) is passes


@pytest.mark.parametrize(
    ("last", "passes"),
    [
        (bar(10_110, 9_990), False),
        (bar(10_100, 9_990), False),
        (bar(10_110, 10_000), False),
        (bar(10_100, 10_000), True),  # the same body undone, not engulfed
        (bar(10_090, 9_900), True),
        (bar(10_110, 10_010), True),
        (bar(9_990, 10_110), True),
    ],
)
def test_a_falling_bar_that_engulfs_a_rising_one_blocks(last: Bar, passes: bool) -> None:
    assert (gates.micro_timing(gate_input(seen=view((bar(10_000, 10_100), last)))) is None) is passes


def test_a_falling_bar_after_a_falling_one_engulfs_nothing() -> None:
    assert gates.micro_timing(gate_input(seen=view((bar(10_100, 10_000), bar(10_150, 9_900))))) is None


BODIES = st.tuples(st.integers(9_990, 10_010), st.integers(9_990, 10_010))


@given(BODIES, BODIES)
def test_engulfing_agrees_with_ta_lib(first: tuple[int, int], second: tuple[int, int]) -> None:
    # TA-Lib's pattern looks at two bars and needs a third in front of them.
    bars = (bar(10_000, 10_000), bar(*first), bar(*second))
    columns = [
        np.array([float(getattr(one, name)) for one in bars])
        for name in ("open_price", "high_price", "low_price", "close_price")
    ]
    theirs = talib.CDLENGULFING(*columns)[-1] < 0 and first[1] > first[0]
    assert (gates.micro_timing(gate_input(seen=view(bars))) is not None) is bool(theirs)


def test_the_councils_avoid_list_blocks_its_strategies_only() -> None:
    avoiding = context(strategies_to_avoid=(SignalType.MOMENTUM,))
    assert gates.avoided_strategy(gate_input(SignalType.MOMENTUM, context=avoiding)) is not None
    assert gates.avoided_strategy(gate_input(SignalType.DIP_BUY, context=avoiding)) is None


@pytest.mark.parametrize(("state", "passes"), [("Active", True), ("Paused", False), ("Stopped", False)])
def test_pause_and_stop_suppress(state: str, passes: bool) -> None:
    assert (gates.halt(gate_input(halt=HaltState(state))) is None) is passes


FAIL_CLOSED: list[tuple[GateName, Callable[[], GateInput]]] = [
    (GateName.NO_TRADE_WINDOW, lambda: gate_input(session=None)),
    (GateName.NO_TRADE_WINDOW, lambda: gate_input(session=EXAM_DAY_SESSION)),
    (GateName.RSI_GUARD, lambda: gate_input(seen=view(rsi=None))),
    (GateName.MACRO, lambda: gate_input(context=None)),
    (GateName.COMBINED, lambda: gate_input(seen=view(volume_ratio=None))),
    (GateName.COMBINED, lambda: gate_input(seen=view(vwap=None))),
    (GateName.SIGNAL_COOLDOWN, lambda: gate_input(last_signal_at=UNKNOWN)),
    (GateName.STOP_LOSS_COOLDOWN, lambda: gate_input(stop_loss_cooldown=UNKNOWN)),
    (GateName.SELL_COOLDOWN, lambda: gate_input(sell_cooldown=UNKNOWN)),
    (GateName.HALT, lambda: gate_input(halt=UNKNOWN)),
]


@pytest.mark.parametrize(("name", "make"), FAIL_CLOSED)
def test_a_gate_that_cannot_know_fails_closed(name: GateName, make: Callable[[], GateInput]) -> None:
    """✗ ancestors let a match pass when a gate's store was unreachable."""
    refusal = first_refusal(make())
    assert refusal is not None
    assert refusal.rule == name


@pytest.mark.parametrize("gate", [gates.danger_zone, gates.entries_end, gates.avoided_strategy, gates.micro_timing])
def test_gates_asked_on_their_own_fail_closed_too(gate: Callable[[GateInput], str | None]) -> None:
    assert gate(gate_input(seen=view(()), session=None, context=None)) is not None


def test_an_unknown_store_never_reads_as_a_pause_of_the_market() -> None:
    refusal = first_refusal(gate_input(stop_loss_cooldown=UNKNOWN))
    assert refusal is not None
    assert refusal.reason == "cooldown unknown"


@given(
    minute=st.integers(0, 24 * 60 - 1),
    rsi=st.none() | st.floats(0, 100),
    ratio=st.none() | st.floats(0, 20),
    regime=st.sampled_from(list(MarketRegime)),
    halt=st.sampled_from([*HaltState, UNKNOWN]),
    cooling=st.sampled_from([True, False, UNKNOWN]),
)
def test_whatever_passes_is_inside_the_hours_and_known(
    minute: int, rsi: float | None, ratio: float | None, regime: MarketRegime, halt: Any, cooling: Any
) -> None:
    now = at("00:00") + timedelta(minutes=minute)
    told: GateFacts = facts(halt=halt, sell_cooldown=cooling)
    seen = view(at=now, rsi=rsi, volume_ratio=ratio, regime=regime)
    if first_refusal(GateInput(seen, SignalType.DIP_BUY, told)) is None:
        assert at("09:15") <= now < at("14:00")
        assert rsi is not None
        assert rsi <= 85
        assert ratio is not None
        assert halt is HaltState.ACTIVE
        assert cooling is False
