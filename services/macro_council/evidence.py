"""Gather what the members see; whatever is not to be had is said, never guessed."""

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Final

import structlog

from macro_council.config import CouncilSettings
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.macro import GlobalSnapshot, MacroInsight
from prime_jennie.domain.market import IndexDailyPrice
from prime_jennie.domain.news import Headline
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.infra.database.repositories.headlines import HeadlineRepository
from prime_jennie.infra.database.repositories.insights import InsightRepository
from prime_jennie.infra.database.repositories.macro_snapshots import MacroSnapshotRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.database.repositories.sector_momentum import SectorMomentumRepository
from prime_jennie.infra.index_bars import IndexBars
from prime_jennie.infra.jobs import Job, JobDesk
from prime_jennie.infra.outages import UNANSWERED
from prime_jennie.strategy.council import Brief, SectorMomentum
from prime_jennie.strategy.index_technicals import IndexTechnicals, index_technicals
from prime_jennie.strategy.price_score import price_score
from prime_jennie.strategy.regime import read_index

HEADLINE_AGE: Final = timedelta(hours=24)
_INPUTS: Final = 6  # KOSPI, KOSDAQ, snapshot, sectors, headlines, an earlier insight

log = structlog.get_logger(__name__)


@dataclass
class _Gaps:
    told: list[str] = field(default_factory=list)

    def note(self, gap: str) -> None:
        self.told.append(gap)


class IndexNow:
    """Asks for KOSPI's day so far; a quote that is old, or of another day, is none."""

    def __init__(self, desk: JobDesk, settings: CouncilSettings) -> None:
        self._desk = desk
        self._code = settings.index_code
        self._longest = timedelta(minutes=settings.quote_minutes)

    async def change_pct(self) -> float | None:
        """Return the change against the previous close, None where it is unknown; an outage is unknown, no error."""
        try:
            quote = await self._desk.gateway.index_quote(self._code)
        except UNANSWERED as error:
            log.warning("index quote unknown", index=self._code, error=f"{type(error).__name__}: {error}")
            return None
        age = self._desk.clock.now() - quote.timestamp
        if abs(age) > self._longest:
            log.warning("index quote too old", index=self._code, age_secs=age.total_seconds())
            return None
        return quote.change_pct


class Evidence:
    """Reads every input of one sitting."""

    def __init__(self, desk: JobDesk, settings: CouncilSettings, bars: IndexBars, index_now: IndexNow) -> None:
        self._sessions: SessionTable = desk.sessions
        self._settings = settings
        self._bars = bars
        self._index_now = index_now
        self._snapshots = MacroSnapshotRepository(desk.db)
        self._sectors = SectorMomentumRepository(desk.db)
        self._headlines = HeadlineRepository(desk.db)
        self._insights = InsightRepository(desk.db)

    @classmethod
    def of(cls, desk: JobDesk, settings: CouncilSettings) -> "Evidence":
        """Put it together from a service's desk."""
        bars = IndexBars(desk.clock, desk.gateway, PriceRepository(desk.db), desk.sessions, count=settings.index_bars)
        return cls(desk, settings, bars, IndexNow(desk, settings))

    async def index_bars(self, day: date) -> list[IndexDailyPrice]:
        """Return KOSPI's bars before a day."""
        return await self._bars.before(self._settings.index_code, day)

    async def brief(self, job: Job) -> Brief:
        """Return what was known at a slot's minute: bars before its day only, so a sitting can be repeated.

        Unavailable where KOSPI's bars are too few: it decides, and without it nobody may.
        """
        gaps = _Gaps()
        bars = await self.index_bars(job.day)
        kospi, reading = index_technicals(bars), read_index([bar.close_price for bar in bars])
        if kospi is None or reading is None:
            raise Unavailable(f"{len(bars)} bars of the index are too few to judge by")
        if not self._bars.is_current(bars, job.day):
            gaps.note(f"코스피 {kospi.last_day} 이후 일봉 없음")
        snapshot = await self._snapshot(job, gaps)
        return Brief(
            day=job.day,
            at=job.at,
            kospi=kospi,
            price=price_score(reading, kospi),
            kosdaq=await self._kosdaq(job.day, gaps),
            today_change_pct=await self._today(job, snapshot, gaps),
            snapshot=snapshot,
            sectors=await self._momentum(job.day, gaps),
            yesterday=await self._yesterday(job.day, gaps),
            headlines=await self._news(job.at, gaps),
            gaps=tuple(gaps.told),
        )

    async def _kosdaq(self, day: date, gaps: _Gaps) -> IndexTechnicals | None:
        try:
            found = index_technicals(await self._bars.before(self._settings.second_index_code, day))
        except UNANSWERED as error:
            log.warning("second index unknown", error=f"{type(error).__name__}: {error}")
            found = None
        if found is None:
            gaps.note("코스닥 지수 없음")
        return found

    async def _snapshot(self, job: Job, gaps: _Gaps) -> GlobalSnapshot | None:
        found = await self._snapshots.find(job.day)
        if found is not None and found.timestamp > job.at:
            found = None  # a repeated sitting must not know more than the first one did
        if found is None:
            gaps.note("거시 스냅샷 없음")
            return None
        missing = [name for name in ("vix", "usd_krw", "kospi_foreign_net") if getattr(found, name) is None]
        if missing:
            gaps.note("스냅샷에 없는 값: " + ", ".join(missing))
        return found

    async def _today(self, job: Job, snapshot: GlobalSnapshot | None, gaps: _Gaps) -> float | None:
        session = self._sessions.of(job.at)
        if session is None or not session.opens_at <= job.at < session.closes_at:
            return None
        collected = snapshot is not None and snapshot.timestamp >= session.opens_at
        change_pct = snapshot.kospi_change_pct if snapshot is not None and collected else None
        if change_pct is None and job.newest:
            change_pct = await self._index_now.change_pct()
        if change_pct is None:
            gaps.note("장중 코스피 미확인")
        return change_pct

    async def _momentum(self, day: date, gaps: _Gaps) -> tuple[SectorMomentum, ...]:
        found = await self._sectors.before(day)
        if not found:
            gaps.note("업종별 20일 수익률 없음")
        return tuple(SectorMomentum(*sector) for sector in found)

    async def _yesterday(self, day: date, gaps: _Gaps) -> MacroInsight | None:
        found = await self._insights.latest(before=day)
        if found is None:
            gaps.note("이전 인사이트 없음")
        return found

    async def _news(self, at: datetime, gaps: _Gaps) -> tuple[Headline, ...]:
        found = await self._headlines.newest(at, within=HEADLINE_AGE, most=self._settings.headlines)
        if not found:
            gaps.note("24시간 내 뉴스 없음")
        return tuple(found)


def completeness_pct(brief: Brief) -> float:
    """Return the share of inputs that were there."""
    there = (True, brief.kosdaq, brief.snapshot, brief.sectors, brief.headlines, brief.yesterday)
    return round(100 * sum(1 for one in there if one) / _INPUTS, 1)
