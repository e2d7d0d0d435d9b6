"""ORB_BREAKOUT by hand: an opening range from 10,000 to 10,100, one percent wide."""

from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from prime_jennie.strategy.bars import Bar
from prime_jennie.strategy.entries.orb_breakout import OrbBreakoutParameters, evaluate
from prime_jennie.strategy.scan_view import ScanView
from tests.support.scanning import EXAM_DAY_SESSION, OPEN, SESSION, at, bar, view

DEFAULTS = OrbBreakoutParameters()


def opening(high: int = 10_100, low: int = 10_000, count: int = 3) -> tuple[Bar, ...]:
    """Return the first bars of the day; a later one, higher still, is no part of the range."""
    first = tuple(
        bar(low, high, high=high, low=low, opens_at=OPEN + timedelta(minutes=minute)) for minute in range(count)
    )
    return (*first, bar(20_000, 20_000, opens_at=at("09:15")))


def seen(close: int = 10_110, clock: str = "09:40", **changes: Any) -> ScanView:
    """Return a stock whose last bar opened a minute before `clock` and closed at a price, on twice its volume."""
    last = bar(10_090, close, opens_at=at(clock) - timedelta(minutes=1))
    given = {"session": SESSION, "first_bars": opening(), "at": at(clock), "volume_ratio": 2.0, **changes}
    return view((last,), **given)


def matches(**changes: Any) -> bool:
    return evaluate(seen(**changes), DEFAULTS) is not None


def test_a_close_above_the_range_matches_with_its_numbers() -> None:
    match = evaluate(seen(), DEFAULTS)
    assert match is not None
    assert match.signal_type == "ORB_BREAKOUT"
    assert match.reason == (
        "closed at 10,110 KRW above the opening range 10,000 to 10,100 (1.00 % wide), volume ratio 2.00"
    )


@pytest.mark.parametrize(("close", "expected"), [(10_100, False), (10_101, True)])
def test_it_must_close_above_and_not_only_reach_the_high(close: int, expected: bool) -> None:
    assert matches(close=close) is expected


@pytest.mark.parametrize(
    ("high", "close", "expected"),
    [(10_049, 10_200, False), (10_050, 10_200, True), (10_500, 10_600, True), (10_501, 10_600, False)],
)
def test_the_range_is_half_to_five_percent_wide(high: int, close: int, expected: bool) -> None:
    assert matches(first_bars=opening(high), close=close) is expected


def test_two_bars_make_no_range() -> None:
    assert not matches(first_bars=opening(count=2))


@pytest.mark.parametrize(("ratio", "expected"), [(1.99, False), (2.0, True), (None, False)])
def test_it_needs_volume(ratio: float | None, expected: bool) -> None:
    assert matches(volume_ratio=ratio) is expected


@pytest.mark.parametrize(
    ("clock", "expected"), [("09:15", False), ("09:16", True), ("10:30", True), ("10:30:01", False)]
)
def test_a_bar_of_the_range_itself_breaks_out_of_nothing_and_half_past_ten_is_the_end(
    clock: str, expected: bool
) -> None:
    assert matches(clock=clock) is expected


def test_the_range_moves_with_a_late_open() -> None:
    day = EXAM_DAY_SESSION.day
    first = tuple(
        bar(10_000, 10_100, opens_at=EXAM_DAY_SESSION.opens_at + timedelta(minutes=minute)) for minute in range(3)
    )
    late = (bar(10_090, 10_110, opens_at=at("10:39", day)),)
    found = view(late, session=EXAM_DAY_SESSION, first_bars=first, at=at("10:40", day), volume_ratio=2.0)
    assert evaluate(found, DEFAULTS) is not None


@pytest.mark.parametrize("unknown", [{"session": None}, {"first_bars": ()}])
def test_what_is_not_known_does_not_match(unknown: dict[str, Any]) -> None:
    assert not matches(**unknown)


def test_a_stock_without_bars_does_not_match() -> None:
    assert evaluate(view((), session=SESSION, first_bars=opening(), volume_ratio=2.0), DEFAULTS) is None


@pytest.mark.parametrize("values", [{"min_width_pct": 6.0}, {"range_minutes": 30, "to_open_minutes": 30}])
def test_thresholds_that_contradict_each_other_are_refused(values: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        OrbBreakoutParameters.model_validate(values)
