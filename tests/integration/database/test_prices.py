"""Bars go in once per key and come out oldest first."""

from datetime import date, timedelta

import pytest

from prime_jennie.domain.market import DailyPrice, IndexDailyPrice, MinutePrice
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.prices import PriceRepository
from tests.support.order_desk import OPEN, SAMSUNG

HYNIX = "000660"
FIRST = date(2025, 1, 1)


@pytest.fixture
def prices(db: Database) -> PriceRepository:
    return PriceRepository(db)


def bar(day: int, close: int, code: str = SAMSUNG) -> DailyPrice:
    return DailyPrice(
        stock_code=code,
        price_date=FIRST + timedelta(days=day),
        open_price=close,
        high_price=close + 100,
        low_price=close - 100,
        close_price=close,
        volume=1_000,
        change_pct=1.25,
    )


async def test_closes_come_oldest_first_whatever_order_they_were_stored_in(prices: PriceRepository) -> None:
    """✗ An ancestor read candles newest first and assumed the opposite: every indicator was reversed."""
    await prices.upsert_daily([bar(3, 73_000), bar(1, 71_000), bar(2, 72_000)])
    assert await prices.closes(SAMSUNG, 10, before=FIRST + timedelta(days=9)) == [71_000, 72_000, 73_000]


async def test_the_last_closes_before_a_day_exclude_that_day(prices: PriceRepository) -> None:
    await prices.upsert_daily([bar(day, 70_000 + day) for day in range(10)])
    assert await prices.closes(SAMSUNG, 3, before=FIRST + timedelta(days=5)) == [70_002, 70_003, 70_004]


async def test_more_than_thirty_bars_come_back(prices: PriceRepository) -> None:
    """✗ An ancestor got at most thirty candles, so MACD was never ready."""
    await prices.upsert_daily([bar(day, 70_000 + day) for day in range(150)])
    assert len(await prices.closes(SAMSUNG, 120, before=date(2026, 1, 1))) == 120


async def test_a_bar_written_again_is_overwritten(prices: PriceRepository) -> None:
    await prices.upsert_daily([bar(1, 71_000)])
    await prices.upsert_daily([bar(1, 72_000), bar(2, 73_000)])
    assert await prices.closes(SAMSUNG, 10, before=date(2026, 1, 1)) == [72_000, 73_000]


async def test_bars_come_back_as_they_were(prices: PriceRepository) -> None:
    halted = DailyPrice(
        stock_code=SAMSUNG, price_date=FIRST, open_price=0, high_price=0, low_price=0, close_price=70_000, volume=0
    )
    await prices.upsert_daily([halted, bar(1, 71_000)])
    assert await prices.daily(SAMSUNG, 10, before=date(2026, 1, 1)) == [halted, bar(1, 71_000)]


async def test_several_stocks_come_in_one_answer(prices: PriceRepository) -> None:
    await prices.upsert_daily([bar(day, 70_000 + day) for day in range(5)])
    await prices.upsert_daily([bar(day, 90_000 + day, HYNIX) for day in range(2)])
    found = await prices.daily_of([SAMSUNG, HYNIX, "0004Y0"], 3, before=date(2026, 1, 1))
    assert [one.close_price for one in found[SAMSUNG]] == [70_002, 70_003, 70_004]
    assert [one.close_price for one in found[HYNIX]] == [90_000, 90_001]
    assert "0004Y0" not in found
    assert await prices.last_dates([SAMSUNG, HYNIX]) == {
        SAMSUNG: FIRST + timedelta(days=4),
        HYNIX: FIRST + timedelta(days=1),
    }


async def test_many_rows_go_in_at_once(prices: PriceRepository) -> None:
    assert await prices.upsert_daily([bar(day, 70_000 + day) for day in range(2_500)]) == 2_500
    assert await prices.upsert_daily([]) == 0
    assert len(await prices.closes(SAMSUNG, 9_999, before=date(2040, 1, 1))) == 2_500


async def test_minute_bars_keep_their_minute(prices: PriceRepository) -> None:
    bars = [
        MinutePrice(
            stock_code=SAMSUNG,
            price_datetime=OPEN + timedelta(minutes=minute),
            open_price=72_000,
            high_price=72_100,
            low_price=71_900,
            close_price=72_000 + minute,
            volume=10,
        )
        for minute in (2, 0, 1)
    ]
    await prices.upsert_minute(bars)
    await prices.upsert_minute(bars)
    found = await prices.minute(SAMSUNG, since=OPEN, until=OPEN + timedelta(minutes=2))
    assert [(one.price_datetime, one.close_price) for one in found] == [
        (OPEN, 72_000),
        (OPEN + timedelta(minutes=1), 72_001),
    ]


async def test_index_bars_keep_the_label_of_an_approximation(prices: PriceRepository) -> None:
    bars = [
        IndexDailyPrice(
            index_code="KOSPI",
            price_date=FIRST + timedelta(days=day),
            open_price=2_500.5,
            high_price=2_510.25,
            low_price=2_490.75,
            close_price=2_505.125 + day,
            volume=10**12,
            source="shares × close (approximation)" if day else None,
        )
        for day in (2, 1, 0)
    ]
    await prices.upsert_index(bars)
    assert await prices.index_daily("KOSPI", 2, before=date(2026, 1, 1)) == [bars[1], bars[0]]
    assert (await prices.index_daily("KOSPI", 9, before=FIRST + timedelta(days=1)))[0].source is None
