"""The collection before the open and at noon: bars that are missing, then the world's figures of the day."""

from collections.abc import Mapping
from typing import Final

from redis.asyncio import Redis

from data_collector.figures import FIGURES, Figures
from data_collector.gap_book import GapBook
from data_collector.history import History
from data_collector.index_bars import IndexBars
from data_collector.parameters import MacroParameters, read_parameters
from prime_jennie.domain.gaps import GapKind
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.macro import GlobalSnapshot
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.slots import SlotSkipped
from prime_jennie.infra.database.repositories.gaps import GapRepository
from prime_jennie.infra.database.repositories.macro_snapshots import MacroSnapshotRepository
from prime_jennie.infra.database.repositories.masters import MasterRepository
from prime_jennie.infra.jobs import Job, JobDesk
from prime_jennie.infra.redis.cache import TypedCache

# What the scout would look at beside prices, and nobody collects: recorded each day, so that it shows as missing.
MISSING_INPUTS: Final[Mapping[str, str]] = {
    "investor-trading": "no source: who bought each stock (Naver) is not read",
    "foreign-holding": "no source: foreign ownership (Naver) is not read",
    "roe": "no source: ROE (Naver) is not read; PER and PBR come from the broker where asked for",
    "financials": "no source: quarterly financials are not read",
    "consensus": "no source: analysts' forecasts (FnGuide) are not read",
    "filings": "no source: DART filings are not read",
    "news": "no source: news and their sentiment are not read",
    "sectors": "Naver's sectors are not read: sectors follow the listing file's KSIC wording",
    "listings": "the list of stocks is brought by `jennie data import` or the demo: new listings join with it",
}


class MacroCollect:
    """One slot; what is stored already costs nothing but SQL."""

    def __init__(
        self,
        desk: JobDesk,
        *,
        history: History,
        indexes: IndexBars,
        figures: Figures,
        gaps: GapRepository,
        masters: MasterRepository,
        snapshots: MacroSnapshotRepository,
    ) -> None:
        self._desk = desk
        self._history = history
        self._indexes = indexes
        self._figures = figures
        self._gaps = gaps
        self._masters = masters
        self._snapshots = snapshots

    async def run(self, job: Job) -> str:
        """Fill the history, gather the figures, store them, and publish them if no later slot has."""
        wanted = read_parameters(MacroParameters, job.parameters)
        session = self._desk.sessions.get(job.day)
        if session is None:
            raise SlotSkipped(f"the exchange was closed on {job.day}")
        book = GapBook(self._gaps, self._desk.clock, job)
        await job.report("index history", 1)
        today = self._desk.clock.now().astimezone(KST).date()
        indexes = await self._indexes.bring(today, self._desk.sessions.previous(job.day).day, book)
        listed = await self._masters.active_codes()
        history = await self._history.fill(job, listed, book, reach=wanted.history)
        await job.report("figures", 92)
        now = self._desk.clock.now()
        snapshot = await self._figures.gather(job.day, session, now, book)
        for name, reason in MISSING_INPUTS.items():
            book.say(GapKind.SOURCE, name, reason)
        await book.write()
        await self._snapshots.save(snapshot, at=now, overwrite=job.newest)
        if job.newest:
            await job.demand_own()
            await macro_cache(self._desk.redis).set(snapshot, date=job.day.isoformat())
        gaps = book.told(GapKind.HISTORY, GapKind.HOLES, GapKind.FAILED, GapKind.BAD)
        parts = [history.told(), *([f"{indexes.bars} index bars"] if indexes.bars else []), _told(snapshot)]
        return "; ".join([*parts, *([gaps] if gaps else [])])


def macro_cache(redis: Redis) -> TypedCache[GlobalSnapshot]:
    """Return where the day's figures are published."""
    return TypedCache.of(redis, RedisKeys.MACRO_SNAPSHOT, GlobalSnapshot)


def _told(snapshot: GlobalSnapshot) -> str:
    known = sum(getattr(snapshot, figure) is not None for figure in FIGURES)
    levels = [
        f"{name} {level:,.2f} ({change:+.2f} %)"
        for name, level, change in (
            ("KOSPI", snapshot.kospi_index, snapshot.kospi_change_pct),
            ("KOSDAQ", snapshot.kosdaq_index, snapshot.kosdaq_change_pct),
        )
        if level is not None and change is not None
    ]
    return ", ".join([f"{known} of {len(FIGURES)} figures", *levels])
