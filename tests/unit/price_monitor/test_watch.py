"""The life of a watch: highs, pending sales, new lives, and what daily candles say."""

from datetime import timedelta

import pytest

from price_monitor.watch import DailyReading, Watch, new_watch, read_daily
from prime_jennie.domain.market import DailyPrice
from prime_jennie.strategy.basis import UNKNOWN_BASIS
from tests.support.candles import FIRST_DAY, candles
from tests.support.scanning import at
from tests.support.service_desk import position_row

READ = DailyReading(closes=(1, 2), atr_krw=5.0)


def pending() -> Watch:
    return new_watch(position_row(), None).with_price(105_000).with_daily(READ, UNKNOWN_BASIS).pend(at("10:00"), 300)


@pytest.mark.parametrize(
    ("stored", "remembered", "high"),
    [(None, None, 100_000), (101_000, None, 101_000), (101_000, 103_000, 103_000), (99_000, 98_000, 100_000)],
)
def test_a_watch_starts_at_the_best_price_known_and_never_under_the_purchase(
    stored: int | None, remembered: int | None, high: int
) -> None:
    assert new_watch(position_row(high_watermark=stored), remembered).high_krw == high


def test_the_high_rises_with_the_price_and_never_falls() -> None:
    watch = new_watch(position_row(), None).with_price(104_000).with_price(101_000)
    assert (watch.high_krw, watch.last_price_krw) == (104_000, 101_000)


@pytest.mark.parametrize(("clock", "waits"), [("10:00:00", True), ("10:04:59", True), ("10:05:00", False)])
def test_a_sale_is_pending_for_its_seconds(clock: str, waits: bool) -> None:
    assert pending().is_pending(at(clock)) is waits


def test_an_unchanged_row_keeps_the_sale_pending() -> None:
    assert pending().with_row(position_row()).is_pending(at("10:01"))


def test_a_changed_quantity_ends_the_waiting_and_keeps_the_high() -> None:
    watch = pending().with_row(position_row(quantity=40))
    assert (watch.is_pending(at("10:01")), watch.high_krw, watch.row.quantity) == (False, 105_000, 40)


def test_another_life_starts_afresh_but_keeps_what_belongs_to_the_stock() -> None:
    watch = pending().with_row(position_row(position_id="life-2", average_buy_price=99_000))
    assert (watch.high_krw, watch.pending_until) == (99_000, None)
    assert (watch.daily, watch.last_price_krw) == (READ, 105_000)


def test_a_view_carries_the_rows_own_facts() -> None:
    row = position_row(scale_out_level=2, rsi_sold=True, bought_at=at("15:00") - timedelta(days=3))
    view = new_watch(row, 107_000).view(101_000, at("10:00"), liquidation_armed=True, flatten_due=False)
    assert (view.scale_out_level, view.rsi_sold, view.holding_days) == (2, True, 3)  # calendar days in Seoul
    assert (view.high_watermark_krw, view.liquidation_armed, view.flatten_due) == (107_000, True, False)


def test_the_present_price_is_todays_provisional_close_of_the_rsi() -> None:
    # Fourteen changes: thirteen of +1 and today's of −13 give gain 13/14 and loss 13/14, so 50.
    reading = DailyReading(closes=tuple(range(100, 114)))
    assert reading.rsi_at(100) == pytest.approx(50.0)
    assert DailyReading(closes=(1, 2)).rsi_at(3) is None


def test_daily_candles_give_closes_and_the_atr_without_halted_days() -> None:
    # Flat candles that climb 100 a day have true ranges of 100; the halted day adds neither a close nor a range.
    closes = [10_000 + 100 * day for day in range(15)]
    daily = candles([*closes[:7], 0, *closes[7:]])
    reading = read_daily(daily)
    assert (reading.closes, reading.atr_krw) == (tuple(closes), 100.0)


def test_candles_newest_first_are_refused_not_misread() -> None:
    # rulebook §6 ✗
    with pytest.raises(ValueError, match="oldest first"):
        read_daily(candles([100, 101, 102])[::-1])


def test_sixty_candles_make_the_macd_ready() -> None:
    # rulebook §6 ✗: at most 30 candles left MACD for ever unready. Fifty days climb ever faster to a high, then nine
    # stand one won below it: near the high, while the histogram falls.
    fast = [10_000 + day * day * 4 for day in range(51)]
    rested = [fast[-1] - 1] * 9
    assert read_daily(candles([*fast, *rested])).macd_warning
    assert not read_daily(candles([*fast, *rested][-30:])).macd_warning


def test_no_candles_say_nothing() -> None:
    assert read_daily([]) == DailyReading()


def test_a_stock_without_enough_days_has_no_atr() -> None:
    short: list[DailyPrice] = candles([100] * 14, first=FIRST_DAY)
    assert read_daily(short).atr_krw is None
