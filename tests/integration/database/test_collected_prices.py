"""Whole markets go in by batches: what is new, what differs, how far each stock reaches, and what is too old."""

from datetime import UTC, date, datetime, timedelta

from prime_jennie.domain.market import DailyPrice, IndexDailyPrice, MinutePrice
from prime_jennie.domain.symbols import Market, StockMaster
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.collected_prices import CollectedPrices, Span, Written
from prime_jennie.infra.database.repositories.masters import ListedStock, MasterRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository

SAMSUNG, HYNIX, NEW = "005930", "000660", "0004Y0"
DAY = date(2025, 3, 4)
NOW = datetime(2025, 3, 4, 7, tzinfo=UTC)


def bar(code: str, back: int = 0, close: int = 70_000, volume: int = 10) -> DailyPrice:
    return DailyPrice(
        stock_code=code,
        price_date=DAY - timedelta(days=back),
        open_price=close,
        high_price=close,
        low_price=close,
        close_price=close,
        volume=volume,
    )


def minute(code: str, at: datetime) -> MinutePrice:
    return MinutePrice(
        stock_code=code, price_datetime=at, open_price=1, high_price=1, low_price=1, close_price=1, volume=1
    )


async def test_a_batch_tells_what_was_new_and_what_differed_and_written_twice_it_changes_nothing(db: Database) -> None:
    prices = CollectedPrices(db)
    assert await prices.write_daily([bar(SAMSUNG, 1), bar(SAMSUNG), bar(HYNIX)]) == Written(new=3, changed=0, bars=3)
    again = [bar(SAMSUNG, 1), bar(SAMSUNG, close=70_100), bar(HYNIX, volume=11), bar(NEW)]
    assert await prices.write_daily(again) == Written(new=1, changed=2, bars=4)
    assert await prices.write_daily(again) == Written(new=0, changed=0, bars=4)
    assert await prices.write_daily([]) == Written()
    assert await prices.closes_of(DAY) == {SAMSUNG: 70_100, HYNIX: 70_000, NEW: 70_000}


async def test_index_bars_are_counted_alike_and_keep_their_source(db: Database) -> None:
    prices = CollectedPrices(db)

    def level(close: float) -> IndexDailyPrice:
        return IndexDailyPrice(
            index_code="0001",
            price_date=DAY,
            open_price=2_500.25,
            high_price=2_600.5,
            low_price=2_490.75,
            close_price=close,
            volume=5,
            source="approximation",
        )

    assert await prices.write_index([level(2_528.92)]) == Written(new=1, bars=1)
    assert await prices.write_index([level(2_528.92)]) == Written(bars=1)
    assert await prices.write_index([level(2_529.0)]) == Written(changed=1, bars=1)
    assert await prices.index_spans(before=DAY + timedelta(days=1)) == {"0001": Span(DAY, DAY)}
    stored = await PriceRepository(db).index_daily("0001", 5, before=DAY + timedelta(days=1))
    assert [(one.close_price, one.source) for one in stored] == [(2_529.0, "approximation")]


async def test_a_span_reaches_from_the_first_to_the_last_bar_before_a_day(db: Database) -> None:
    prices = CollectedPrices(db)
    await prices.write_daily([bar(SAMSUNG, 9), bar(SAMSUNG, 5), bar(SAMSUNG), bar(HYNIX, 3), bar(NEW)])
    assert await prices.spans(before=DAY) == {
        SAMSUNG: Span(DAY - timedelta(days=9), DAY - timedelta(days=5)),
        HYNIX: Span(DAY - timedelta(days=3), DAY - timedelta(days=3)),
    }


async def test_old_bars_are_dropped_oldest_first_and_no_more_than_allowed(db: Database) -> None:
    prices = CollectedPrices(db)
    await prices.write_daily([bar(code, back) for code in (SAMSUNG, HYNIX) for back in (9, 8, 7, 1)])
    limit = DAY - timedelta(days=5)
    assert await prices.drop_daily_before(limit, most_days=2) == 4
    assert (await prices.spans(before=DAY))[SAMSUNG].first == DAY - timedelta(days=7)
    assert await prices.drop_daily_before(limit, most_days=2) == 2
    assert await prices.drop_daily_before(limit, most_days=2) == 0
    assert (await prices.spans(before=DAY))[HYNIX] == Span(DAY - timedelta(days=1), DAY - timedelta(days=1))


async def test_old_minutes_are_dropped_and_the_newest_of_a_stock_is_known(db: Database) -> None:
    prices = CollectedPrices(db)
    await PriceRepository(db).upsert_minute(
        [minute(code, NOW - timedelta(minutes=back)) for code in (SAMSUNG, HYNIX) for back in (40, 30, 0)]
    )
    since = NOW - timedelta(minutes=35)
    assert await prices.last_minutes([SAMSUNG, NEW], since=since) == {SAMSUNG: NOW}
    assert await prices.last_minutes([SAMSUNG], since=NOW + timedelta(minutes=1)) == {}
    assert await prices.drop_minute_before(NOW - timedelta(minutes=20), most=3) == 3
    assert await prices.drop_minute_before(NOW - timedelta(minutes=20), most=3) == 1
    assert await prices.drop_minute_before(NOW - timedelta(minutes=20), most=3) == 0
    assert await prices.last_minutes([SAMSUNG, HYNIX], since=since) == {SAMSUNG: NOW, HYNIX: NOW}


async def test_market_caps_are_written_beside_the_master_and_unknown_codes_do_no_harm(db: Database) -> None:
    masters = MasterRepository(db)
    listed = [
        ListedStock(StockMaster(stock_code=SAMSUNG, stock_name="삼성전자", market=Market.KOSPI), shares=5_969_782_550),
        ListedStock(StockMaster(stock_code=HYNIX, stock_name="SK하이닉스", market=Market.KOSPI), shares=None),
        ListedStock(
            StockMaster(stock_code=NEW, stock_name="사라진종목", market=Market.KOSDAQ, is_active=False), shares=7
        ),
    ]
    await masters.upsert(listed, at=NOW)
    assert await masters.active_codes() == [HYNIX, SAMSUNG]
    assert await masters.shares() == {SAMSUNG: 5_969_782_550, NEW: 7}
    assert await masters.set_market_caps({SAMSUNG: 325_353_148_975_000, "999999": 1}, at=NOW) == 1
    assert await masters.set_market_caps({}, at=NOW) == 0
    found = await masters.find_all()
    assert found[SAMSUNG].master.market_cap == 325_353_148_975_000
    assert found[SAMSUNG].master.stock_name == "삼성전자"
    assert found[HYNIX].master.market_cap is None
