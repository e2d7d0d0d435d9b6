"""WATCHLIST_CONVICTION by hand: a stock that opened at 10,000 with a VWAP of 10,000."""

from typing import Any

import pytest
from pydantic import ValidationError

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.strategy.entries.watchlist_conviction import WatchlistConvictionParameters, evaluate
from prime_jennie.strategy.scan_view import ScanView
from tests.support.scanning import EXAM_DAY_SESSION, SESSION, at, bar, entry, view

DEFAULTS = WatchlistConvictionParameters()
FIRST = (bar(10_000, 10_050, opens_at=at("09:00")),)


def seen(**changes: Any) -> ScanView:
    """Return a view that convinces: hybrid 72, llm 70, 10:00, +1 %, RSI 50."""
    return view(**{"session": SESSION, "first_bars": FIRST, "price": 10_100, **changes})


def matches(**changes: Any) -> bool:
    return evaluate(seen(**changes), DEFAULTS) is not None


def test_a_convincing_stock_is_bought_with_its_numbers() -> None:
    match = evaluate(seen(), DEFAULTS)
    assert match is not None
    assert match.signal_type == "WATCHLIST_CONVICTION"
    assert match.reason == (
        "hybrid 72 and llm 70, 1 sessions listed, +1.00 % since the open, +1.00 % from VWAP 10,000, RSI 50.0"
    )


@pytest.mark.parametrize(
    ("hybrid", "llm", "expected"), [(70, 0, True), (69.9, 71.9, False), (69.9, 72, True), (100, 0, True)]
)
def test_the_hybrid_score_or_the_analysts_must_convince(hybrid: float, llm: float, expected: bool) -> None:
    assert matches(entry=entry(hybrid_score=hybrid, llm_score=llm)) is expected


@pytest.mark.parametrize(
    ("regime", "hybrid", "expected"),
    [
        (MarketRegime.STRONG_BULL, 70, True),
        (MarketRegime.SIDEWAYS, 74.9, False),
        (MarketRegime.SIDEWAYS, 75, True),
        (MarketRegime.BEAR, 100, False),
        (MarketRegime.STRONG_BEAR, 100, False),
    ],
)
def test_a_sideways_market_asks_for_more_and_a_bear_market_for_too_much(
    regime: MarketRegime, hybrid: float, expected: bool
) -> None:
    assert matches(regime=regime, entry=entry(hybrid_score=hybrid, llm_score=80)) is expected


def test_a_blocked_stock_convinces_nobody() -> None:
    assert not matches(entry=entry(trade_tier=TradeTier.BLOCKED, is_tradable=False))


@pytest.mark.parametrize(("age", "expected"), [(0, True), (2, True), (3, False)])
def test_only_a_fresh_listing_convinces(age: int, expected: bool) -> None:
    assert matches(age_sessions=age) is expected


@pytest.mark.parametrize(
    ("clock", "expected"), [("09:14:59", False), ("09:15", True), ("10:30", True), ("10:30:01", False)]
)
def test_only_from_a_quarter_past_nine_until_half_past_ten(clock: str, expected: bool) -> None:
    assert matches(at=at(clock)) is expected


def test_the_window_moves_with_a_late_open() -> None:
    day = EXAM_DAY_SESSION.day
    first = (bar(10_000, 10_050, opens_at=at("10:00", day)),)
    assert matches(session=EXAM_DAY_SESSION, first_bars=first, at=at("11:30", day))
    assert not matches(session=EXAM_DAY_SESSION, first_bars=first, at=at("10:10", day))


@pytest.mark.parametrize(("price", "expected"), [(10_150, True), (10_151, False), (9_850, True), (9_849, False)])
def test_the_price_must_be_near_the_vwap(price: int, expected: bool) -> None:
    assert matches(price=price) is expected


@pytest.mark.parametrize(("first_open", "expected"), [(9_806, True), (9_805, False)])
def test_what_has_gained_three_percent_since_the_open_has_run_away(first_open: int, expected: bool) -> None:
    # 10,100 over 9,806 is 2.998 %, over 9,805 it is 3.009 %.
    assert matches(first_bars=(bar(first_open, first_open, opens_at=at("09:00")),)) is expected


@pytest.mark.parametrize(("rsi", "expected"), [(64.9, True), (65.0, False), (None, False)])
def test_an_overbought_stock_or_one_of_unknown_rsi_does_not_match(rsi: float | None, expected: bool) -> None:
    assert matches(rsi=rsi) is expected


@pytest.mark.parametrize(
    "unknown",
    [
        {"session": None},
        {"first_bars": ()},
        {"vwap": None},
        {"first_bars": (bar(10_000, 10_000, opens_at=at("09:15")),)},  # it may have run away before it was seen
    ],
)
def test_what_is_not_known_does_not_match(unknown: dict[str, Any]) -> None:
    assert not matches(**unknown)


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValidationError, match="must not exceed"):
        WatchlistConvictionParameters(from_open_minutes=91)
