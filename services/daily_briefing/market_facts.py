"""Find the market's day: indexes, volatility, the won, the council's sentiment, the regime."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from daily_briefing.notes import Notes
from prime_jennie.domain.briefing import IndexFigure, MarketFigures, Missing
from prime_jennie.domain.market import MarketRegime
from prime_jennie.infra.database.repositories.insights import InsightRepository
from prime_jennie.infra.database.repositories.macro_snapshots import MacroSnapshotRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.database.tables.scouting import WatchlistHistoryRow
from prime_jennie.infra.jobs import Job, JobDesk
from prime_jennie.infra.outages import UNANSWERED
from prime_jennie.infra.regime import RegimeReader

KOSPI, KOSDAQ = "0001", "1001"
COLLECTED: Final = "global_macro_snapshot"
COUNCIL: Final = "daily_macro_insight"

log = structlog.get_logger(__name__)


async def market_figures(
    job: Job, desk: JobDesk, notes: Notes, watchlist: Sequence[WatchlistHistoryRow]
) -> MarketFigures:
    """Return what is known of the market; the present is asked only for the newest slot."""
    snapshot = await MacroSnapshotRepository(desk.db).find(job.day)
    insight = await InsightRepository(desk.db).of(job.day)
    figures = MarketFigures(
        kospi=await _index(Missing.KOSPI, KOSPI, job, desk, notes),
        kosdaq=await _index(Missing.KOSDAQ, KOSDAQ, job, desk, notes),
        vix=notes.first(Missing.VIX, (COLLECTED, snapshot and snapshot.vix), (COUNCIL, insight and insight.vix_value)),
        usd_krw=notes.first(
            Missing.USD_KRW, (COLLECTED, snapshot and snapshot.usd_krw), (COUNCIL, insight and insight.usd_krw)
        ),
        sentiment=notes.first(Missing.SENTIMENT, (COUNCIL, insight and insight.sentiment)),
        sentiment_score=insight and insight.sentiment_score,
        council=insight and insight.council,
    )
    return figures.model_copy(update=await _regime(job, desk, notes, watchlist))


async def _index(what: Missing, code: str, job: Job, desk: JobDesk, notes: Notes) -> IndexFigure | None:
    """Return the day's stored bar against the session before; where it is not stored yet, what the gateway says."""
    bars = await PriceRepository(desk.db).index_daily(code, 2, before=job.day + timedelta(days=1))
    if bars and bars[-1].price_date == job.day:
        last = bars[-1]
        has_both = len(bars) == 2 and bars[0].price_date == desk.sessions.day_before(job.day)
        change_pct = round((last.close_price / bars[0].close_price - 1) * 100, 4) if has_both else None
        notes.found(what.value, f"index_daily_price{'' if last.source is None else f' ({last.source})'}")
        return IndexFigure(
            close=last.close_price, change_pct=change_pct, is_approximation=any(bar.source for bar in bars)
        )
    if job.newest:
        try:
            quote = await desk.gateway.index_quote(code)
        except UNANSWERED as error:
            log.warning("index unknown", index_code=code, error=f"{type(error).__name__}: {error}")
        else:
            if quote.timestamp >= job.at - timedelta(days=1):
                notes.found(what.value, f"kis-gateway{'' if quote.source is None else f' ({quote.source})'}")
                return IndexFigure(
                    close=quote.price, change_pct=quote.change_pct, is_approximation=quote.source is not None
                )
    notes.lack(what)
    return None


async def _regime(job: Job, desk: JobDesk, notes: Notes, watchlist: Sequence[WatchlistHistoryRow]) -> dict[str, object]:
    """Return the regime in force now, else that of the day's last scouting: `regime:current` ends an hour after it."""
    if job.newest:
        try:
            context = await RegimeReader(desk.redis).on_day_of(job.at)
        except UNANSWERED as error:
            log.warning("regime unknown", error=f"{type(error).__name__}: {error}")
        else:
            if context is not None:
                notes.found(Missing.REGIME.value, "regime:current")
                return {"regime": context.market_regime, "regime_at": desk.clock.now()}
    if watchlist:
        notes.found(Missing.REGIME.value, "watchlist_history")
        return {"regime": MarketRegime(watchlist[0].market_regime), "regime_at": watchlist[0].created_at}
    notes.lack(Missing.REGIME)
    return {}
