"""What the council looks at: index bars, sectors, headlines."""

from datetime import UTC, date, datetime, timedelta

import pytest

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.market import DailyPrice
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.sessions import Session, SessionTable
from prime_jennie.domain.symbols import Market, StockMaster
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.headlines import HeadlineRepository
from prime_jennie.infra.database.repositories.masters import ListedStock, MasterRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.database.repositories.sector_momentum import SectorMomentumRepository
from prime_jennie.infra.database.tables.research import StockNewsSentimentRow
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.gateway import InMemoryGateway
from prime_jennie.infra.index_bars import IndexBars
from tests.support.insights import COUNCIL_AT, DAY, index_bars

LEVELS = [2_500.0 + age for age in range(200)]


def sessions() -> SessionTable:
    opens = [datetime(2025, 1, 1, tzinfo=UTC) + timedelta(days=age) for age in range(120)]
    return SessionTable(Session(day=at.date(), opens_at=at, closes_at=at + timedelta(hours=6)) for at in opens)


class Index:
    def __init__(self, db: Database, at: datetime = COUNCIL_AT) -> None:
        self.clock = ManualClock(at)
        self.broker = InMemoryBroker(self.clock, indexes={"0001": index_bars(LEVELS)})
        self.gateway = InMemoryGateway(self.broker)
        self.prices = PriceRepository(db)
        self.bars = self.restarted()

    def restarted(self) -> IndexBars:
        return IndexBars(self.clock, self.gateway, self.prices, sessions(), count=150)


async def test_bars_before_the_day_come_oldest_first_and_are_stored(db: Database) -> None:
    index = Index(db)
    today = index_bars([9_999.0], last=DAY)
    index.broker.indexes["0001"] += today
    found = await index.bars.before("0001", DAY)
    assert [bar.close_price for bar in found] == LEVELS[-150:]
    assert await index.prices.index_daily("0001", 150, before=DAY) == found
    assert index.bars.is_current(found, DAY)
    assert not index.bars.is_current(found[:-1], DAY)
    assert not index.bars.is_current([], DAY)
    assert index.bars.is_current(found, date(2031, 1, 1))


async def test_a_complete_morning_is_fetched_once_and_an_incomplete_one_again(db: Database) -> None:
    index = Index(db)
    index.broker.indexes["0001"] = index_bars(LEVELS, last=DAY - timedelta(days=2))
    assert (await index.bars.before("0001", DAY))[-1].price_date == DAY - timedelta(days=2)
    index.broker.indexes["0001"] = index_bars(LEVELS)
    assert (await index.bars.before("0001", DAY))[-1].price_date == DAY - timedelta(days=1)
    index.gateway.down = True
    assert (await index.bars.before("0001", DAY))[-1].price_date == DAY - timedelta(days=1)


async def test_stored_bars_speak_while_the_gateway_is_away(db: Database) -> None:
    index = Index(db)
    found = await index.bars.before("0001", DAY)
    index.gateway.down = True
    assert await index.restarted().before("0001", DAY) == found
    with pytest.raises(Unavailable):
        await index.bars.before("1001", DAY)


async def test_an_earlier_day_reaches_back_as_far(db: Database) -> None:
    index = Index(db, COUNCIL_AT + timedelta(days=300))
    assert len(await index.bars.before("0001", DAY)) == 150


def price(code: str, day: date, close: int, volume: int = 10) -> DailyPrice:
    return DailyPrice(
        stock_code=code,
        price_date=day,
        open_price=close,
        high_price=close,
        low_price=close,
        close_price=close,
        volume=volume,
    )


async def test_sector_momentum_is_the_mean_of_its_stocks_over_twenty_sessions(db: Database) -> None:
    groups = {
        "000010": SectorGroup.FINANCE,
        "000020": SectorGroup.FINANCE,
        "000030": SectorGroup.TELECOM,
        "000040": SectorGroup.TELECOM,
        "000050": None,
    }
    await MasterRepository(db).upsert(
        [
            ListedStock(StockMaster(stock_code=code, stock_name=code, market=Market.KOSPI, sector_group=group))
            for code, group in groups.items()
        ],
        at=COUNCIL_AT,
    )
    days = [DAY - timedelta(days=ago) for ago in range(25, -1, -1)]  # the last is today and must not count
    bars = [price(code, day, 1_000) for code in groups for day in days]
    bars += [price("000010", days[-2], 1_100), price("000020", days[-2], 1_000), price("000030", days[-2], 900)]
    bars += [price("000040", days[-2], 5_000, volume=0)]  # halted: its carried close is no move
    bars += [price(code, DAY, 9_000) for code in groups]
    await PriceRepository(db).upsert_daily(bars)
    found = await SectorMomentumRepository(db).before(DAY)
    assert found == [(SectorGroup.FINANCE, 5.0, 2), (SectorGroup.TELECOM, -10.0, 1)]
    assert await SectorMomentumRepository(db).before(days[20]) == []


async def test_headlines_are_the_newest_of_the_day_each_wording_once(db: Database) -> None:
    def row(number: int, text: str, hours_ago: float) -> StockNewsSentimentRow:
        return StockNewsSentimentRow(
            stock_code="005930",
            news_date=DAY,
            press="통신",
            headline=text,
            article_url=f"http://news/{number}",
            published_at=COUNCIL_AT - timedelta(hours=hours_ago),
        )

    rows = [
        row(1, "어제 저녁", 10),
        row(2, "방금", 0),
        row(3, "방금", 1),
        row(4, "너무 오래", 24),
        row(5, "아직 안 나온", -0.1),
        row(6, "한 시간 전", 1),
    ]
    await db.write(lambda session: session.add_all(rows))
    found = await HeadlineRepository(db).newest(COUNCIL_AT, within=timedelta(hours=24), most=2)
    assert [headline.text for headline in found] == ["방금", "한 시간 전"]
    assert found[0].published_at == COUNCIL_AT
