"""Find what is known of a day; what is not known is named, never guessed."""

from collections.abc import Sequence
from typing import Final

import structlog

from daily_briefing.book_facts import portfolio_figures, trade_figures
from daily_briefing.market_facts import market_figures
from daily_briefing.notes import Notes
from prime_jennie.domain.briefing import BriefingFacts, Missing, NewsFigure, PickFigure, SlotFigure
from prime_jennie.domain.sessions import UnknownSession
from prime_jennie.domain.slots import Slot, SlotState
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.infra.database.repositories.briefing_sources import BriefingSources
from prime_jennie.infra.database.repositories.masters import MasterRepository
from prime_jennie.infra.database.repositories.slots import LONGEST_PAGE, SlotRepository
from prime_jennie.infra.database.tables.scouting import WatchlistHistoryRow
from prime_jennie.infra.jobs import Job, JobDesk
from prime_jennie.infra.outages import UNANSWERED

MOST_PICKS: Final = 5
MOST_NEWS: Final = 5

log = structlog.get_logger(__name__)


class FactFinder:
    """Reads one day's facts. Redis and the gateway may be away, and then something is missing; SQL may not."""

    def __init__(self, desk: JobDesk) -> None:
        self._desk = desk
        self._sources = BriefingSources(desk.db)

    async def find(self, job: Job) -> BriefingFacts:
        """Return what is known of the job's day; the present (Redis, gateway) only where the slot is the newest."""
        notes = Notes()
        watchlist = await self._sources.watchlist(job.day)
        market = await market_figures(job, self._desk, notes, watchlist)
        account = await self._account(notes)
        trades = portfolio = None
        if account is not None:
            settlements = await self._sources.settlements(account, job.day)
            trades = await trade_figures(account, job, self._desk, notes, settlements)
            portfolio = await portfolio_figures(account, job, self._desk, notes, settlements)
        slots = await self._slots(job, notes)
        return BriefingFacts(
            day=job.day,
            has_session=self._has_session(job),
            market=market,
            trades=trades,
            portfolio=portfolio,
            watchlist=_picks(watchlist, notes),
            slots_done=sum(slot.state.succeeded or slot.state is SlotState.SKIPPED for slot in slots),
            slots_open=sum(slot.state is SlotState.RUNNING for slot in slots),
            troubled_slots=_troubled(slots),
            news=await self._news(job, notes),
            missing=tuple(notes.missing),
            sources=notes.sources,
        )

    def _has_session(self, job: Job) -> bool | None:
        try:
            return self._desk.sessions.is_session(job.day)
        except UnknownSession:
            return None

    async def _account(self, notes: Notes) -> str | None:
        try:
            account = (await self._desk.gateway.info()).account_no
            notes.found(Missing.ACCOUNT.value, "kis-gateway")
        except UNANSWERED as error:
            log.warning("gateway does not say whose account it is", error=f"{type(error).__name__}: {error}")
            return notes.first(Missing.ACCOUNT, ("market_states", await self._sources.last_account()))
        return account

    async def _slots(self, job: Job, notes: Notes) -> list[Slot]:
        """Return the day's other slots, oldest first."""
        page = await SlotRepository(self._desk.db).page(self._desk.namespace, day=job.day, limit=LONGEST_PAGE)
        slots = [slot for slot in reversed(page) if slot.name != job.slot]
        if slots:
            notes.found(Missing.SLOTS.value, "slots")
        else:
            notes.lack(Missing.SLOTS)
        return slots

    async def _news(self, job: Job, notes: Notes) -> tuple[NewsFigure, ...]:
        rows = await self._sources.news(job.day, self._desk.clock.now(), most=MOST_NEWS)
        if not rows:
            notes.lack(Missing.NEWS)
            return ()
        notes.found(Missing.NEWS.value, "stock_news_sentiment")
        listed = await MasterRepository(self._desk.db).find_all([row.stock_code for row in rows])
        return tuple(
            NewsFigure(
                stock_name=listed[row.stock_code].master.stock_name if row.stock_code in listed else row.stock_code,
                headline=row.headline,
                sentiment_score=row.sentiment_score,
            )
            for row in rows
            if row.sentiment_score is not None
        )


def _picks(watchlist: Sequence[WatchlistHistoryRow], notes: Notes) -> tuple[PickFigure, ...]:
    if not watchlist:
        notes.lack(Missing.WATCHLIST)
        return ()
    notes.found(Missing.WATCHLIST.value, f"watchlist_history ({watchlist[0].run_id})")
    return tuple(
        PickFigure(stock_name=row.stock_name, trade_tier=TradeTier(row.trade_tier), hybrid_score=row.hybrid_score)
        for row in watchlist[:MOST_PICKS]
    )


def _troubled(slots: Sequence[Slot]) -> tuple[SlotFigure, ...]:
    """Return the slots that are over without their work done, and those that failed and may come again."""
    return tuple(
        SlotFigure(task=slot.task, at=slot.at, state=slot.state, reason=slot.reason)
        for slot in slots
        if slot.state in (SlotState.FAILED, SlotState.MISSED)
    )
