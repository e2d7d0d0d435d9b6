"""The collection after the close: the day's bars of every listed stock, and what belongs to them."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from data_collector.day_bars import DayBars, day_bars
from data_collector.gap_book import GapBook
from data_collector.history import History
from data_collector.index_bars import INDEXES, IndexBars
from data_collector.minute_bars import MinuteBars, watched_codes
from data_collector.parameters import CollectParameters, Kind, read_parameters
from data_collector.retention import clean_up
from data_collector.valuations import Valuations
from prime_jennie.domain.errors import RateLimited, Unavailable
from prime_jennie.domain.gaps import GapKind
from prime_jennie.domain.sessions import KST, Session
from prime_jennie.domain.slots import SlotSkipped
from prime_jennie.infra.database.repositories.collected_prices import CollectedPrices, Written
from prime_jennie.infra.database.repositories.gaps import GapRepository
from prime_jennie.infra.database.repositories.masters import MasterRepository
from prime_jennie.infra.jobs import Job, JobDesk

_STOCKS_A_CALL: Final = 300
_MOST_REBASED: Final = 40  # a slot's corporate actions; more of them would be a broken feed


class Closing:
    """One slot after the close; run again it writes the same rows."""

    def __init__(
        self,
        desk: JobDesk,
        *,
        history: History,
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
        self._history = history
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
                return await self._daily(job, listed, book)
            case Kind.INDEX:
                await job.report("index bars", 50)
                written = await self._indexes.bring(job.day, job.day, book, again=True)
                return f"{written.bars} bars of {len(INDEXES)} indexes{_changed(written)}"
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

    async def _daily(self, job: Job, listed: Sequence[str], book: GapBook) -> str:
        if not listed:
            book.say(GapKind.SOURCE, "listings", "stock_master names no listed stock")
            return "no listed stock"
        closes_before = await self._prices.closes_of(self._desk.sessions.previous(job.day).day)
        # Those without a bar yesterday come last: an unknown stock makes the broker refuse its whole call of thirty.
        listed = sorted(listed, key=lambda code: (code not in closes_before, code))
        written, rebased, failed = Written(), list[str](), 0
        for start in range(0, len(listed), _STOCKS_A_CALL):
            await job.report("daily bars", 45 * start // len(listed))
            codes = listed[start : start + _STOCKS_A_CALL]
            try:
                quotes = await self._desk.gateway.snapshots(codes)
            except (Unavailable, RateLimited) as error:
                failed += len(codes)
                book.say(GapKind.FAILED, f"{codes[0]} to {codes[-1]}", f"{len(codes)} quotes: {error}")
                if failed == len(listed):
                    raise
                continue
            found: DayBars = day_bars(quotes, job.day, closes_before)
            written += await self._prices.write_daily(found.bars)
            rebased += found.rebased
            book.note(found.gaps)
            await book.write()
        if not written.bars and not failed:
            await book.write()
            raise Unavailable(f"not one usable quote of {len(listed):,} stocks")
        again = await self._history.again(rebased[:_MOST_REBASED], job.day, book)
        notes = book.told(GapKind.HALTED, GapKind.UNQUOTED, GapKind.BAD, GapKind.NEW, GapKind.ADJUSTED)
        parts = [f"{written.bars:,} bars of {len(listed):,} stocks", *([notes] if notes else [])]
        parts += [f"{failed:,} quotes failed"] if failed else []
        return ", ".join(parts) + _changed(written + again)


def _changed(written: Written) -> str:
    return f", {written.changed:,} bars had other figures" if written.changed else ""
