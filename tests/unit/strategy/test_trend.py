import pytest

from prime_jennie.strategy.trend import death_cross, macd_warning, traded_days
from tests.support.candles import candles

# 20 closes of 10,000 (MA5 = MA20 = 10,000), then one close x: MA5 = 8,000 + x ÷ 5, MA20 = 9,500 + x ÷ 20.
# MA5 < MA20 × 0.998 ⇔ 8,000 + 0.2 x < 9,481 + 0.0499 x ⇔ x < 9,866.75…
FLAT = [10_000] * 20


@pytest.mark.parametrize(("close", "crossed"), [(9_866, True), (9_867, False), (10_500, False)])
def test_a_death_cross_needs_ma5_under_ma20_by_a_fifth_of_a_percent(close: int, crossed: bool) -> None:
    assert death_cross(candles([*FLAT, close])) is crossed


def test_a_cross_counts_only_on_the_day_it_happens() -> None:
    assert death_cross(candles([*FLAT, 9_000]))
    assert not death_cross(candles([*FLAT, 9_000, 9_000]))


def test_a_death_cross_needs_twenty_one_days() -> None:
    assert not death_cross(candles([*FLAT[1:], 9_000]))
    assert not death_cross([])


def test_candles_newest_first_are_refused_and_not_misread() -> None:
    # ✗ an ancestor read the broker's newest-first list as oldest-first, which reverses every indicator
    with pytest.raises(ValueError, match="oldest first"):
        death_cross(list(reversed(candles([*FLAT, 9_000]))))
    with pytest.raises(ValueError, match="oldest first"):
        macd_warning(list(reversed(candles([10_000] * 40))))


def test_the_same_day_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="one a day"):
        traded_days([*candles([10_000]), *candles([10_100])])


def test_candles_of_two_stocks_are_refused() -> None:
    with pytest.raises(ValueError, match="mixed"):
        traded_days([candles([10_000])[0], candles([1, 10_000], code="000660")[1]])


def test_halted_days_do_not_count() -> None:
    # counted as a day, the halt after the cross would make it yesterday's
    assert death_cross(candles([*FLAT, 9_000, 0]))
    assert len(traded_days(candles([10_000, 0, 10_100]))) == 2


RALLY = [10_000 + 100 * day for day in range(40)]  # rises steadily to 13,900
STALL = [14_000, 13_990, 13_980, 13_970, 13_960]  # near its high, while the histogram falls


def test_a_fading_histogram_near_the_high_warns() -> None:
    assert macd_warning(candles([*RALLY, *STALL]))


def test_a_price_two_percent_under_its_high_no_longer_warns() -> None:
    # 98 % of 14,000 is 13,720
    assert macd_warning(candles([*RALLY, *STALL, 13_720]))
    assert not macd_warning(candles([*RALLY, *STALL, 13_719]))


def test_a_price_at_its_high_does_not_warn() -> None:
    assert not macd_warning(candles([*RALLY, *STALL, 14_100]))


def test_the_macd_warning_needs_thirty_six_closes() -> None:
    # the 35 closes have two histogram figures, of which the last is the lower one: only the rulebook's bound says no
    closes = [*RALLY[:34], 13_450, 13_350]
    assert macd_warning(candles(closes))
    assert not macd_warning(candles(closes[1:]))


@pytest.mark.parametrize("bars_since_high", [3, 5])
def test_a_high_older_than_the_histogram_warns_of_nothing(bars_since_high: int) -> None:
    # 36 closes give three histogram figures, the oldest of them two bars back
    rally = RALLY[: 36 - bars_since_high]
    closes = [*rally, *(rally[-1] - 10 * bar for bar in range(1, bars_since_high + 1))]
    assert len(closes) == 36
    assert not macd_warning(candles(closes))


def test_a_histogram_that_rises_from_the_high_does_not_warn() -> None:
    # after a fall to 11,100 the jump to 13,400 is the high (histogram −129.6); a bar later it stands at −29.9
    falling = [13_300 - 200 * day for day in range(1, 12)]
    assert not macd_warning(candles([*RALLY[:34], *falling, 13_400, 13_380]))


@pytest.mark.parametrize(("bars_since_high", "warns"), [(9, True), (10, False)])
def test_a_high_counts_for_ten_bars(bars_since_high: int, warns: bool) -> None:
    assert macd_warning(candles([*RALLY[:34], 13_500, *[13_300] * bars_since_high])) is warns


def test_thirty_six_closes_are_enough_when_the_high_is_recent() -> None:
    closes = [*RALLY[:33], 13_500, 13_400, 13_300]
    assert len(closes) == 36
    assert macd_warning(candles(closes))
