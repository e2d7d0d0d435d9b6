"""The collection after the close: the day's bars of every listed stock, and what belongs to them."""

from collections.abc import Sequence
from datetime import datetime

from data_collector.daily_bars import DailyBars, changed_clause
from data_collector.gap_book import GapBook
from data_collector.index_bars import INDEXES, IndexBars
from data_collector.minute_bars import MinuteBars, watched_codes
from data_collector.parameters import CollectParameters, Kind, read_parameters
from data_collector.retention import clean_up
from data_collector.valuations import Valuations
from prime_jennie.domain.sessions import KST, Session
from prime_jennie.domain.slots import SlotSkipped
from prime_jennie.infra.database.repositories.collected_prices import CollectedPrices
from prime_jennie.infra.database.repositories.gaps import GapRepository
from prime_jennie.infra.database.repositories.masters import MasterRepository
from prime_jennie.infra.database.repositories.workers import WorkerRepository
from prime_jennie.infra.jobs import Job, JobDesk


class Closing:
    """One slot after the close; run again it writes the same rows."""

    def __init__(
        self,
        desk: JobDesk,
        *,
        daily: DailyBars,
        indexes: IndexBars,
        minutes: MinuteBars,
        valuations: Valuations,
        prices: CollectedPrices,
        gaps: GapRepository,
        masters: MasterRepository,
        minute_bars_days: int,
        daily_bars_years: int,
    ) -> None:
        self._desk = desk
        self._daily = daily
        self._indexes = indexes
        self._minutes = minutes
        self._valuations = valuations
        self._prices = prices
        self._gaps = gaps
        self._masters = masters
        self._minute_bars_days = minute_bars_days
        self._daily_bars_years = daily_bars_years

    async def run(self, job: Job) -> str:
        """Collect the kinds that are asked for and tell what came of each."""
        wanted = read_parameters(CollectParameters, job.parameters)
        session = self._closed_session(job, self._desk.clock.now())
        book = GapBook(self._gaps, self._desk.clock, job)
        listed = await self._masters.active_codes()
        needs_watched = {Kind.MINUTE, Kind.QUOTES} & set(wanted.kinds)
        watched = await watched_codes(self._desk.redis, self._desk.db) if needs_watched else []
        told: list[str] = []
        for kind in Kind:
            if kind in wanted.kinds:
                told.append(await self._collect(kind, job, session, listed, watched, wanted.quotes, book))
                await book.write()
        return "; ".join(told)

    async def _collect(
        self,
        kind: Kind,
        job: Job,
        session: Session,
        listed: Sequence[str],
        watched: Sequence[str],
        quotes: int,
        book: GapBook,
    ) -> str:
        match kind:
            case Kind.DAILY:
                return await self._daily.bring(job, listed, book)
            case Kind.INDEX:
                await job.report("index bars", 50)
                written = await self._indexes.bring(job.day, job.day, book, again=True)
                return f"{written.bars} bars of {len(INDEXES)} indexes{changed_clause(written)}"
            case Kind.MINUTE:
                return await self._minutes.bring(job, watched, session, book)
            case Kind.CAPS:
                await job.report("market caps", 85)
                return await self._valuations.approximate_caps(job, book)
            case Kind.QUOTES:
                return await self._valuations.ask_broker(job, watched, listed, quotes, book)
            case Kind.CLEANUP:
                await job.report("clean-up", 95)
                return await clean_up(
                    self._prices,
                    self._gaps,
                    WorkerRepository(self._desk.db),
                    job.day,
                    minute_bars_days=self._minute_bars_days,
                    daily_bars_years=self._daily_bars_years,
                )

    def _closed_session(self, job: Job, now: datetime) -> Session:
        """Return the day's session once it is over: quotes of any other moment make no bars of that day."""
        session = self._desk.sessions.get(job.day)
        if session is None:
            raise SlotSkipped(f"the exchange was closed on {job.day}")
        if now < session.closes_at:
            raise SlotSkipped(
                f"the exchange closes at {session.closes_at.astimezone(KST):%H:%M}: the day has no bars yet"
            )
        if now.astimezone(KST).date() != job.day:
            raise SlotSkipped(f"quotes are of today: macro-collect brings the bars of {job.day}")
        return session
