"""Base price, limits and halts of a day."""

from kis_simulator.market.bars import Bar
from kis_simulator.market.reference import Reference, reference_of
from tests.support.trading_day import DAY, market_of


def reference(today: Bar, yesterday: Bar) -> Reference:
    market = market_of({"005930": today}, {"005930": yesterday})
    found = reference_of(market.bars, market.listings["005930"], DAY)
    assert found is not None
    return found


def flat(price: int, volume: int = 10) -> Bar:
    return Bar(price, price, price, price, volume)


def test_limits_are_thirty_per_cent_around_the_last_close() -> None:
    found = reference(Bar(10_100, 10_200, 10_000, 10_150, 5), flat(10_000))
    assert (found.base, found.lower_limit, found.upper_limit) == (10_000, 7_000, 13_000)
    assert found.previous_volume == 10
    assert not found.breach


def test_a_day_beyond_the_limits_is_based_on_its_own_open() -> None:
    # 20,000 after 10,000 is +100 %: a first day or an action that the adjustment missed.
    found = reference(Bar(20_000, 21_000, 19_500, 20_500, 5), flat(10_000))
    assert found.breach
    assert (found.base, found.lower_limit, found.upper_limit) == (20_000, 14_000, 26_000)


def test_limits_are_widened_until_the_real_bar_fits() -> None:
    found = reference(Bar(10_000, 18_000, 9_900, 17_900, 5), flat(10_000))
    assert found.upper_limit == 18_000


def test_no_volume_means_halted_at_the_carried_close() -> None:
    found = reference(Bar(0, 0, 0, 9_800, 0), flat(9_800))
    assert found.halted
    assert found.base == 9_800


def test_without_a_bar_today_there_is_no_reference() -> None:
    market = market_of({"005930": Bar(0, 0, 0, 0, 0)})
    assert reference_of(market.bars, market.listings["005930"], DAY) is None
