"""A small market in a database, and a scout at its desk: real Redis and SQL, a gateway and a clock in memory."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from redis.asyncio import Redis
from sqlalchemy import delete, select

from prime_jennie.domain.analyst import Analyst
from prime_jennie.domain.market import DailyPrice, IndexDailyPrice, StockSnapshot
from prime_jennie.domain.risk import SectorBudget
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.slots import SlotSource, Task, slot_name
from prime_jennie.domain.symbols import Market, StockMaster
from prime_jennie.domain.watchlist import HotWatchlist
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.masters import ListedStock, MasterRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.database.tables.market import StockDailyPriceRow
from prime_jennie.infra.database.tables.scouting import DailyQuantScoreRow, LlmDecisionRow, WatchlistHistoryRow
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.gateway import InMemoryGateway
from prime_jennie.infra.jobs import Job, JobDesk, tell_nobody
from prime_jennie.infra.outages import Outages
from scout_job.live import LiveLists
from scout_job.offline_analyst import OfflineAnalyst
from scout_job.regime import RegimeDesk
from scout_job.run import ScoutRun
from tests.support.scanning import DAY, at

SESSIONS = load_sessions()
FIRST_STRONG, STRONG_STOCKS = 10, 6
PREFERRED, SPAC, CHEAP, THIN = "005935", "474490", "000910", "000920"
HALTED, VANISHED, NEW, UNLISTED, DELISTED = "000930", "000940", "000950", "000960", "000970"
KOSDAQ_STOCK = "035900"
SECTORS = (SectorGroup.FINANCE, SectorGroup.CHEMICAL, SectorGroup.AUTOMOBILE)


def strong(number: int) -> str:
    """Return the code of the `number`-th stock that a scout would list; the first trades most."""
    return f"0000{FIRST_STRONG + number}0"[-6:]


def days_before(day: date, count: int) -> list[date]:
    """Return the last sessions before a day, oldest first."""
    return [SESSIONS.previous(day, count - number).day for number in range(count)]


def climbing(code: str, days: Sequence[date], *, start: int = 20_000, volume: int = 500_000) -> list[DailyPrice]:
    """Return a stock that gains 2 % one day and loses 0.9 % the next, so that its RSI stays below 70."""
    bars, close = [], float(start)
    for number, day in enumerate(days):
        close *= 1.02 if number % 2 == 0 else 0.991
        bars.append(bar(code, day, round(close), volume))
    return bars


def bar(code: str, day: date, close: int, volume: int = 500_000) -> DailyPrice:
    """Return a bar; without volume the close is carried over."""
    traded = volume > 0
    return DailyPrice(
        stock_code=code,
        price_date=day,
        open_price=close if traded else 0,
        high_price=close if traded else 0,
        low_price=close if traded else 0,
        close_price=close,
        volume=volume,
    )


def listing(code: str, name: str = "", **known: Any) -> ListedStock:
    """Return a master entry; its sector goes round unless told."""
    given: dict[str, Any] = {
        "stock_code": code,
        "stock_name": name or f"종목{code}",
        "market": Market.KOSPI,
        "sector_group": SECTORS[int(code[:5]) % len(SECTORS)] if code[:5].isdigit() else SectorGroup.ETC,
    }
    return ListedStock(StockMaster.model_validate(given | known))


class ScoutWorld:
    """The world around one scout."""

    def __init__(self, db: Database, redis: Redis, now: datetime | None = None) -> None:
        self.db = db
        self.redis = redis
        self.clock = ManualClock(now or at("08:30"))
        self.broker = InMemoryBroker(self.clock)
        self.gateway = InMemoryGateway(self.broker)
        self.desk = JobDesk(
            service="scout-job",
            worker_id="scout-job@here:1",
            clock=self.clock,
            redis=redis,
            db=db,
            gateway=self.gateway,
            sessions=SESSIONS,
            outages=Outages(),
            namespace="test",
        )
        self.masters = MasterRepository(db)
        self.prices = PriceRepository(db)
        self.phases: list[tuple[str, int]] = []
        self.lists = LiveLists(redis)

    async def fill(self, *, sessions: int = 130) -> None:
        """Store six climbing stocks and one of each kind that never is listed; the index stands still."""
        days = days_before(DAY, sessions)
        bars = [bar for number in range(STRONG_STOCKS) for bar in self._strong(number, days)]
        bars += climbing(PREFERRED, days) + climbing(SPAC, days) + climbing(UNLISTED, days) + climbing(DELISTED, days)
        bars += climbing(CHEAP, days, start=1_000, volume=50_000_000) + climbing(THIN, days, volume=1_000)
        bars += [*climbing(HALTED, days[:-1]), bar(HALTED, days[-1], 30_000, 0)]
        bars += climbing(VANISHED, days[:-20]) + climbing(NEW, days[-19:]) + climbing(KOSDAQ_STOCK, days)
        await self.prices.upsert_daily(bars)
        stocks = [listing(strong(number)) for number in range(STRONG_STOCKS)]
        stocks += [listing(PREFERRED, "삼성전자우"), listing(SPAC, "유안타제11호스팩"), listing(CHEAP), listing(THIN)]
        stocks += [listing(HALTED), listing(VANISHED), listing(NEW), listing(DELISTED, is_active=False)]
        stocks += [listing(KOSDAQ_STOCK, market=Market.KOSDAQ, sector_group=SectorGroup.MEDIA_ENTERTAINMENT)]
        await self.masters.upsert(stocks, at=datetime(2026, 1, 1, tzinfo=UTC))
        await self.prices.upsert_index(
            [
                IndexDailyPrice(
                    index_code="0001",
                    price_date=day,
                    open_price=2_500,
                    high_price=2_500,
                    low_price=2_500,
                    close_price=2_500,
                    volume=1,
                )
                for day in (*days[-30:], DAY)
            ]
        )

    def _strong(self, number: int, days: Sequence[date]) -> list[DailyPrice]:
        return climbing(strong(number), days, volume=500_000 * (STRONG_STOCKS - number))

    def run(self, analyst: Analyst | None = None, *, analysis_secs: float = 20.0) -> ScoutRun:
        """Return a scout as a fresh process has it; its live lists are those of this world."""
        return ScoutRun(
            self.desk,
            RegimeDesk(self.desk, index_code="0001", index_days=60),
            analyst or OfflineAnalyst(),
            self.lists,
            analysis_secs=analysis_secs,
            keep_scores_days=180,
        )

    def job(
        self,
        clock: str = "08:30",
        day: date = DAY,
        *,
        newest: bool = True,
        report: Callable[[str, int], Awaitable[None]] = tell_nobody,
        **parameters: Any,
    ) -> Job:
        """Return a slot; a slot of today that is the newest moves the clock to its minute."""
        moment = at(clock, day).astimezone(UTC)
        if newest:
            self.clock.set(moment)
        return Job(
            slot=slot_name(Task.SCOUT, moment),
            task=Task.SCOUT,
            at=moment,
            day=moment.astimezone(KST).date(),
            source=SlotSource.SCHEDULE,
            newest=newest,
            parameters=parameters,
            report=report,
        )

    def quote(self, code: str, price: int, *, volume: int = 1_000, seen_at: datetime | None = None) -> None:
        """Let the exchange show a stock."""
        self.broker.prices_krw[code] = price
        self.broker.quotes[code] = StockSnapshot(
            stock_code=code,
            price=price,
            open_price=price,
            high_price=price,
            low_price=price,
            volume=volume,
            change_pct=1.0,
            timestamp=seen_at or self.clock.now(),
        )

    async def watchlist(self) -> HotWatchlist | None:
        """Return the live list."""
        text = await self.redis.get("watchlist:active")
        return None if text is None else HotWatchlist.model_validate_json(text)

    async def listed(self) -> list[str]:
        """Return the live list's codes, best first."""
        found = await self.watchlist()
        assert found is not None
        return [entry.stock_code for entry in found.stocks]

    async def budget(self) -> SectorBudget:
        """Return the live budget."""
        return SectorBudget.model_validate_json(await self.redis.get("budget:sector:active"))

    async def scores(self, run_id: str | None = None) -> dict[str, DailyQuantScoreRow]:
        """Return the score rows of a run, or of the only one, by code."""
        query = select(DailyQuantScoreRow).order_by(DailyQuantScoreRow.stock_code)
        if run_id is not None:
            query = query.where(DailyQuantScoreRow.run_id == run_id)
        rows = await self.db.read(lambda session: list(session.scalars(query)))
        assert len({row.stock_code for row in rows}) == len(rows), "name a run"
        return {row.stock_code: row for row in rows}

    async def history(self, run_id: str) -> list[WatchlistHistoryRow]:
        """Return the list that a run left, best first."""
        query = (
            select(WatchlistHistoryRow).where(WatchlistHistoryRow.run_id == run_id).order_by(WatchlistHistoryRow.rank)
        )
        return await self.db.read(lambda session: list(session.scalars(query)))

    async def decisions(self) -> list[LlmDecisionRow]:
        """Return what the analyst said, by code."""
        query = select(LlmDecisionRow).order_by(LlmDecisionRow.stock_code)
        return await self.db.read(lambda session: list(session.scalars(query)))

    async def forget_bars(self, since: date) -> None:
        """Delete the bars from a day on."""
        gone = delete(StockDailyPriceRow).where(StockDailyPriceRow.price_date >= since)
        await self.db.write(lambda session: session.execute(gone) and None)
