"""One scouting run: read, score, ask, choose; rows first, live keys last.

Loads numpy with everything it takes: `app` imports this module with the first run.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Final

import structlog

from prime_jennie.domain.analyst import MAX_HEADLINES, Analyst
from prime_jennie.domain.errors import NotFound
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.symbols import Exclusion
from prime_jennie.domain.watchlist import HotWatchlist
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.research import ResearchRepository
from prime_jennie.infra.database.repositories.scores import RunRows, ScoreRepository
from prime_jennie.infra.jobs import Job, JobDesk
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.strategy.smoothing import WINDOW_DATES
from prime_jennie.strategy.universe import CHECKED_KINDS
from scout_job.analysis import Verdict, analyse
from scout_job.choice import Choice, Memory, choose
from scout_job.findings import Findings, gaps_of
from scout_job.history import HistoryDesk
from scout_job.live import LiveLists
from scout_job.market import ScoredMarket, cases_of, may_be_listed, score_market, worth_analysing
from scout_job.parameters import ScoutParameters, read_parameters
from scout_job.quotes import Quotes, quotes_now
from scout_job.regime import RegimeDesk
from scout_job.rows import RunKey, decision_rows, list_rows, score_rows

SCORING, ANALYSIS, SELECTION = "quant_scoring", "llm_analysis", "selection"  # the seeds' phases
UNCHECKED: Final = tuple(kind for kind in Exclusion if kind not in CHECKED_KINDS)
# A stock above the turnover floor prints within seconds of the open: one that has not by then is halted.
HALTED_AFTER: Final = timedelta(minutes=20)
NO_REGIME: Final[tuple[type[Exception], ...]] = (*OUTAGES, NotFound)

log = structlog.get_logger(__name__)


class ScoutRun:
    """The task `scout`."""

    def __init__(
        self,
        desk: JobDesk,
        regime: RegimeDesk,
        analyst: Analyst,
        lists: LiveLists,
        *,
        analysis_secs: float,
        keep_scores_days: int,
    ) -> None:
        self._desk = desk
        self._regime = regime
        self._analyst = analyst
        self._lists = lists
        self._analysis_secs = analysis_secs
        self._keep_scores = timedelta(days=keep_scores_days)
        self._history = HistoryDesk(desk.db, desk.sessions)
        self._research = ResearchRepository(desk.db)
        self._scores = ScoreRepository(desk.db)
        self._positions = PositionRepository(desk.db)
        self.last: Findings | None = None

    async def __call__(self, job: Job) -> str:
        """Run one slot and return what came of it; an outage that leaves no market to judge raises.

        Nothing depends on the clock but which quotes there are: the same rows give the same list.
        """
        wanted = read_parameters(job.parameters)
        await job.report(SCORING, 5)
        context = await self._context(job)
        regime = MarketRegime.SIDEWAYS if context is None else context.market_regime
        history = await self._history.before(job.day, wanted.markets)
        listable = may_be_listed(history, wanted.floors)
        await job.report(SCORING, 15)
        quotes = await self._quotes(job, listable)
        research = await self._research.known_at(job.at)
        market = await asyncio.to_thread(score_market, history, research, listable, quotes, regime)
        listed_since = await self._scores.listed_before(job.day, job.at)
        verdicts = await self._judged(job, market, regime, listed_since, wanted, but=self._halted(quotes))
        await job.report(SELECTION, 85)
        memory = Memory(
            listed_since,
            await self._scores.earlier_scores(job.day, WINDOW_DATES - 1),
            await self._held(market.sectors),
        )
        choice = choose(market, verdicts, memory, context, day=job.day, at=job.at, most=wanted.most)
        gaps = gaps_of(history, market, quotes, verdicts, context)
        await self._store(job, market, verdicts, choice, regime)
        await job.report(SELECTION, 95)
        if job.newest:
            await job.demand_own()
            await self._publish(job, choice, regime, gaps)
        self.last = Findings(
            slot=job.slot,
            universe=len(history.codes),
            scored=market.scored,
            candidates=len(market.candidates),
            analysed=len(verdicts),
            listed=len(choice.entries),
            regime=None if context is None else regime,
            analyst=self._analyst.name,
            gaps=gaps,
            live=job.newest,
        )
        log.debug("passed over", slot=job.slot, reasons=dict(sorted(choice.selection.passed_over.items())))
        return self.last.line()

    async def _context(self, job: Job) -> TradingContext | None:
        """Return what is known of the day's regime; a list without it is better than none, for it allows no buys."""
        try:
            return await self._regime.known(job.day, throttled=job.newest)
        except NO_REGIME as error:
            log.warning("regime unknown", slot=job.slot, error=f"{type(error).__name__}: {error}")
            return None

    async def _quotes(self, job: Job, codes: Sequence[str]) -> Quotes | None:
        """Return today's quotes where there are any: before the open, and for a past day, the last close is the quote.

        The list before the open thus depends on stored rows alone.
        """
        session = self._desk.sessions.of(self._desk.clock.now())
        if not job.newest or session is None or self._desk.clock.now() < session.opens_at:
            return None

        async def asked(count: int) -> None:
            await job.report(SCORING, 15 + 20 * count // max(1, len(codes)))

        return await quotes_now(self._desk.gateway, self._desk.clock, codes, asked)

    def _halted(self, quotes: Quotes | None) -> frozenset[str]:
        """Return the stocks that should have traded by now and have not."""
        now = self._desk.clock.now()
        session = self._desk.sessions.of(now)
        if quotes is None or session is None or now < session.opens_at + HALTED_AFTER:
            return frozenset()
        return frozenset(code for code, seen in quotes.found.items() if seen.volume == 0)

    async def _judged(
        self,
        job: Job,
        market: ScoredMarket,
        regime: MarketRegime,
        listed: Collection[str],
        wanted: ScoutParameters,
        *,
        but: Collection[str],
    ) -> list[Verdict]:
        codes = [code for code in worth_analysing(market, listed, wanted.analysed) if code not in but]
        headlines = await self._research.headlines(codes, job.at, most=MAX_HEADLINES)
        cases = cases_of(market, regime, headlines, codes)
        await job.report(ANALYSIS, 40)

        async def judged(count: int) -> None:
            await job.report(ANALYSIS, 40 + 40 * count // len(cases))

        try:
            return await analyse(self._analyst, cases, within_secs=self._analysis_secs, report=judged)
        finally:
            await self._analyst.close()  # an hour passes before the next question

    async def _held(self, sectors: Mapping[str, SectorGroup]) -> dict[SectorGroup, int]:
        """Count the held stocks by sector; one that is not of the universe takes no sector's place."""
        held = await self._positions.held_codes()
        return dict(Counter(sectors[code] for code in held if code in sectors))

    async def _store(
        self, job: Job, market: ScoredMarket, verdicts: Sequence[Verdict], choice: Choice, regime: MarketRegime
    ) -> None:
        run = RunKey(job.slot, job.day, job.at, self._analyst.name)
        rows = RunRows(
            run_id=job.slot,
            at=job.at,
            day=job.day,
            scores=score_rows(run, market.quant, choice),
            listed=list_rows(run, choice.entries, regime),
            decisions=decision_rows(run, verdicts),
        )
        await self._scores.save(rows, keep_after=job.day - self._keep_scores)

    async def _publish(self, job: Job, choice: Choice, regime: MarketRegime, gaps: tuple[str, ...]) -> None:
        watchlist = HotWatchlist(
            generated_at=job.at,
            market_regime=regime,
            stocks=choice.entries,
            version=HotWatchlist.version_of(job.at),
            unchecked=UNCHECKED,
            gaps=gaps,
        )
        await self._lists.publish(watchlist, choice.budget)
        try:
            await self._regime.publish(job.day)
        except NO_REGIME as error:
            log.warning("regime left to the next refresh", slot=job.slot, error=f"{type(error).__name__}: {error}")
