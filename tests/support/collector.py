"""A data-collector at a desk of tests: a real database and Redis, gateway and clock in memory."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from redis.asyncio import Redis

from data_collector.app import assemble
from data_collector.closing import Closing
from data_collector.config import CollectorSettings
from data_collector.macro import MacroCollect
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.gaps import GapKind
from prime_jennie.domain.market import DailyPrice, IndexDailyPrice, MinutePrice, Snapshots, StockSnapshot
from prime_jennie.domain.ports import FigureSource
from prime_jennie.domain.slots import SlotSource, Task, slot_name
from prime_jennie.domain.symbols import Market, StockMaster
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.gaps import GapRepository
from prime_jennie.infra.database.repositories.masters import ListedStock, MasterRepository
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.gateway import InMemoryGateway
from prime_jennie.infra.jobs import Job, JobDesk
from prime_jennie.infra.outages import Outages

DAY = date(2025, 3, 4)
SESSIONS = load_sessions()
BEFORE = SESSIONS.previous(DAY).day  # 28 February: 1 March is a holiday, 3 March its substitute
MORNING = datetime(2025, 3, 3, 22, 20, tzinfo=UTC)  # 07:20 in Seoul
AFTERNOON = datetime(2025, 3, 4, 7, 0, tzinfo=UTC)  # 16:00
SAMSUNG, HYNIX, NAVER, KAKAO = "005930", "000660", "035420", "035720"
HISTORY_SESSIONS = 30


@dataclass
class FlakyGateway(InMemoryGateway):
    """The gateway in memory that counts what it is asked, and does not answer for some."""

    asked: list[str] = field(default_factory=list)
    silent: set[str] = field(default_factory=set)
    """Stocks and indexes whose questions fail."""
    stop_after: int | None = None
    """After so many questions the process that asks dies."""

    def _count(self, subject: str) -> None:
        self.asked.append(subject)
        if self.stop_after is not None and len(self.asked) > self.stop_after:
            raise RuntimeError("killed")
        if subject in self.silent:
            raise Unavailable("the gateway did not answer")

    async def daily_prices(self, code: str, days: int = 150) -> list[DailyPrice]:
        self._count(code)
        return await super().daily_prices(code, days)

    async def index_daily_prices(self, index_code: str, days: int = 150) -> list[IndexDailyPrice]:
        self._count(index_code)
        return await super().index_daily_prices(index_code, days)

    async def snapshots(self, codes: Sequence[str]) -> Snapshots:
        for code in codes:
            if code in self.silent:
                raise Unavailable("the gateway did not answer")
        self.asked += codes
        return await super().snapshots(codes)

    async def minute_prices(self, code: str, minutes: int = 30) -> list[MinutePrice]:
        self._count(code)
        return list(self.broker.minutes.get(code, []))


@dataclass
class CollectorBench:
    """The two tasks of data-collector, and the strings that a test pulls behind them."""

    db: Database
    redis: Redis
    clock: ManualClock = field(default_factory=lambda: ManualClock(MORNING))
    sources: list[FigureSource] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.broker = InMemoryBroker(self.clock)
        self.gateway = FlakyGateway(self.broker)
        self.masters = MasterRepository(self.db)
        self.gaps = GapRepository(self.db)

    @property
    def tasks(self) -> tuple[MacroCollect, Closing]:
        """Put the service together anew, as after a restart."""
        desk = JobDesk(
            service="data-collector",
            worker_id="data-collector@here:1",
            clock=self.clock,
            redis=self.redis,
            db=self.db,
            gateway=self.gateway,
            sessions=SESSIONS,
            outages=Outages(),
            namespace="default",
        )
        settings = CollectorSettings(history_sessions=HISTORY_SESSIONS)
        return assemble(desk, settings, self.sources)

    async def macro(self, at: datetime = MORNING, **changes: Any) -> str:
        """Run macro-collect at a moment."""
        self.clock.set(max(at, self.clock.now()))
        return await self.tasks[0].run(job(Task.MACRO_COLLECT, at, **changes))

    async def collect(self, at: datetime = AFTERNOON, **changes: Any) -> str:
        """Run data-collector at a moment."""
        self.clock.set(max(at, self.clock.now()))
        return await self.tasks[1].run(job(Task.DATA_COLLECTOR, at, **changes))

    async def enlist(self, *codes: str, shares: int | None = 1_000_000) -> None:
        """Put stocks on the list of listed ones."""
        listed = [
            ListedStock(StockMaster(stock_code=code, stock_name=code, market=Market.KOSPI), shares) for code in codes
        ]
        await self.masters.upsert(listed, at=self.clock.now())

    def trade(self, code: str, *, sessions: int = 60, close: int = 70_000, upto: date = BEFORE) -> list[date]:
        """Let a stock have traded for some sessions up to a day; returns them."""
        last = upto if SESSIONS.is_session(upto) else SESSIONS.previous(upto).day
        days = [SESSIONS.previous(last, back).day for back in range(sessions - 1, 0, -1)] + [last]
        self.broker.prices_krw[code] = close
        self.broker.daily[code] = [daily(code, day, close) for day in days]
        return days

    def index(self, code: str = "0001", *, sessions: int = 60, level: float = 2_500.0, upto: date = BEFORE) -> None:
        """Let an index have stood somewhere for some sessions."""
        days = [SESSIONS.previous(upto, back).day for back in range(sessions - 1, 0, -1)] + [upto]
        self.broker.indexes[code] = [index_bar(code, day, level) for day in days]

    async def subjects(self, kind: GapKind, day: date = DAY) -> list[str]:
        """Return whose gaps of a kind are recorded for a day."""
        return sorted(gap.subject for gap in await self.gaps.of_day(day, [kind]))


def job(task: Task, at: datetime, **changes: Any) -> Job:
    """Return an attempt at a task's slot of a minute."""
    fields: dict[str, Any] = {
        "slot": slot_name(task, at),
        "task": task,
        "at": at,
        "day": (at + timedelta(hours=9)).date(),
        "source": SlotSource.SCHEDULE,
        "newest": True,
        **changes,
    }
    return Job(**fields)


def daily(code: str, day: date, close: int = 70_000, volume: int = 1_000) -> DailyPrice:
    """Return a quiet day's bar."""
    return DailyPrice(
        stock_code=code,
        price_date=day,
        open_price=close,
        high_price=close + 500,
        low_price=close - 500,
        close_price=close,
        volume=volume,
    )


def index_bar(code: str, day: date, level: float) -> IndexDailyPrice:
    """Return a quiet day's bar of an index."""
    return IndexDailyPrice(
        index_code=code,
        price_date=day,
        open_price=level,
        high_price=level + 10,
        low_price=level - 10,
        close_price=level,
        volume=1_000_000,
        source="approximation",
    )


def quote(code: str, price: int = 70_700, **changes: Any) -> StockSnapshot:
    """Return a stock's quote after the close, one per cent above 70,000."""
    fields: dict[str, Any] = {
        "stock_code": code,
        "price": price,
        "open_price": price,
        "high_price": price,
        "low_price": price,
        "volume": 5_000,
        "change_pct": 1.0,
        "timestamp": AFTERNOON,
        **changes,
    }
    return StockSnapshot(**fields)


def minute(code: str, at: datetime, close: int = 70_000) -> MinutePrice:
    """Return a minute's bar."""
    return MinutePrice(
        stock_code=code,
        price_datetime=at,
        open_price=close,
        high_price=close,
        low_price=close,
        close_price=close,
        volume=10,
    )
