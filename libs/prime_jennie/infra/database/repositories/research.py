"""Read what was known of all stocks on the morning of a day, beside their prices: nothing of that day or later."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from math import fsum
from typing import Any, Final

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from prime_jennie.domain.sessions import KST
from prime_jennie.domain.watchlist import AnalystConsensus, FinancialTrend, InvestorTradingSummary
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.research import (
    StockConsensusRow,
    StockFundamentalRow,
    StockInvestorTradingRow,
    StockNewsSentimentRow,
)

FUNDAMENTALS_DAYS: Final = 200  # calendar days: two quarters and their reporting
MARKET_CAP_DAYS: Final = 10
CONSENSUS_DAYS: Final = 90
REVISION_DAYS: Final = 30
FLOW_DAYS: Final = 60
TREND_OBSERVATIONS: Final = 10
NEWS_DAYS: Final = 14

_RATIOS: Final = ("per", "pbr", "roe")
_FORECASTS: Final = ("forward_per", "forward_eps", "forward_roe", "target_price", "analyst_count", "investment_opinion")


@dataclass(frozen=True)
class Research:
    """What was known, by stock code; a stock of which nothing was known is absent."""

    fundamentals: Mapping[str, FinancialTrend]
    market_caps_krw: Mapping[str, int]
    flows: Mapping[str, InvestorTradingSummary]
    consensus: Mapping[str, AnalystConsensus]
    sentiments: Mapping[str, float]


class ResearchRepository:
    """Fundamentals, flows, forecasts and news."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def known_at(self, at: datetime) -> Research:
        """Return what was known at a moment: rows of earlier days, and articles published up to then."""
        day = at.astimezone(KST).date()

        def work(session: Session) -> Research:
            fundamentals, caps = _fundamentals(session, day)
            return Research(
                fundamentals=fundamentals,
                market_caps_krw=caps,
                flows=_flows(session, day),
                consensus=_consensus(session, day),
                sentiments=_sentiments(session, day, at),
            )

        return await self._db.read(work)

    async def headlines(self, stock_codes: Sequence[str], at: datetime, *, most: int) -> dict[str, list[str]]:
        """Return each stock's newest headlines of two weeks, newest first; strangers' words."""
        row = StockNewsSentimentRow
        query = (
            select(row.stock_code, row.headline)
            .where(row.stock_code.in_(stock_codes), *_published(at.astimezone(KST).date(), at))
            .order_by(row.published_at.desc(), row.id.desc())
        )

        def work(session: Session) -> dict[str, list[str]]:
            found: dict[str, list[str]] = {}
            for code, headline in session.execute(query):
                own = found.setdefault(code, [])
                if len(own) < most:
                    own.append(headline)
            return found

        return await self._db.read(work)


def _fundamentals(session: Session, day: date) -> tuple[dict[str, FinancialTrend], dict[str, int]]:
    """Return the newest figure of each kind: a day's row may carry the market cap alone."""
    row = StockFundamentalRow
    query = select(row.stock_code, row.trade_date, row.per, row.pbr, row.roe, row.market_cap)
    ratios: dict[str, dict[str, float]] = {}
    caps: dict[str, int] = {}
    for code, known_on, per, pbr, roe, cap in session.execute(_before(query, row, day, FUNDAMENTALS_DAYS)):
        newer = {name: value for name, value in zip(_RATIOS, (per, pbr, roe), strict=True) if value is not None}
        if newer:
            ratios.setdefault(code, {}).update(newer)
        if cap and known_on >= day - timedelta(days=MARKET_CAP_DAYS):
            caps[code] = cap
    return {code: FinancialTrend.model_validate(known) for code, known in ratios.items()}, caps


def _flows(session: Session, day: date) -> dict[str, InvestorTradingSummary]:
    row = StockInvestorTradingRow
    query = select(row.stock_code, row.foreign_net_buy, row.institution_net_buy, row.foreign_holding_ratio)
    days: dict[str, list[tuple[int | None, int | None, float | None]]] = {}
    for code, *figures in session.execute(_before(query, row, day, FLOW_DAYS)):
        days.setdefault(code, []).append((figures[0], figures[1], figures[2]))
    return {code: found for code, own in days.items() if (found := _flow_summary(own)) is not None}


def _flow_summary(days: Sequence[tuple[int | None, int | None, float | None]]) -> InvestorTradingSummary | None:
    """Sum the days of which both sides are known; None where there is none."""
    bought = [(foreign, institution) for foreign, institution, _ in days if None not in (foreign, institution)]
    if not bought:
        return None
    ratios = [ratio for _, _, ratio in days if ratio is not None]
    return InvestorTradingSummary(
        foreign_net_buy_sum=sum(foreign or 0 for foreign, _ in bought),
        institution_net_buy_sum=sum(institution or 0 for _, institution in bought),
        foreign_holding_ratio=ratios[-1] if ratios else None,
        foreign_ratio_trend=_trend(ratios),
    )


def _trend(ratios: Sequence[float]) -> float | None:
    """Return the mean of the last ten observations minus the mean of the ten before, in percentage points."""
    if len(ratios) < 2 * TREND_OBSERVATIONS:
        return None
    newest, before = ratios[-TREND_OBSERVATIONS:], ratios[-2 * TREND_OBSERVATIONS : -TREND_OBSERVATIONS]
    return (fsum(newest) - fsum(before)) / TREND_OBSERVATIONS


def _consensus(session: Session, day: date) -> dict[str, AnalystConsensus]:
    row = StockConsensusRow
    query = select(row.stock_code, row.trade_date, *(getattr(row, name) for name in _FORECASTS))
    newest: dict[str, dict[str, Any]] = {}
    eps: dict[str, list[tuple[date, float]]] = {}
    for code, known_on, *figures in session.execute(_before(query, row, day, CONSENSUS_DAYS)):
        known = {name: value for name, value in zip(_FORECASTS, figures, strict=True) if value is not None}
        newest.setdefault(code, {}).update(known)
        if "forward_eps" in known:
            eps.setdefault(code, []).append((known_on, known["forward_eps"]))
    return {
        code: AnalystConsensus.model_validate({**known, "eps_revision_pct": _revision(eps.get(code, []))})
        for code, known in newest.items()
        if known
    }


def _revision(eps: Sequence[tuple[date, float]]) -> float | None:
    """Return the change of the expected earnings against 30 days before the newest ones, in percent.

    From a loss or from nothing there is no percentage.
    """
    if not eps:
        return None
    newest_on, newest = eps[-1]
    before = [value for known_on, value in eps if known_on <= newest_on - timedelta(days=REVISION_DAYS)]
    return None if not before or before[-1] <= 0 else (newest / before[-1] - 1) * 100


def _sentiments(session: Session, day: date, at: datetime) -> dict[str, float]:
    """Return the mean of judged articles; an unjudged one says nothing (rulebook §8 ✗)."""
    row = StockNewsSentimentRow
    query = select(row.stock_code, row.sentiment_score).where(*_published(day, at), row.sentiment_score.is_not(None))
    scores: dict[str, list[float]] = {}
    for code, score in session.execute(query):
        if score is not None:
            scores.setdefault(code, []).append(score)
    return {code: fsum(own) / len(own) for code, own in scores.items()}


def _published(day: date, at: datetime) -> Iterable[Any]:
    row = StockNewsSentimentRow
    return row.news_date >= day - timedelta(days=NEWS_DAYS), row.published_at <= at


def _before(query: Any, row: Any, day: date, days: int) -> Select[Any]:
    since = row.trade_date >= day - timedelta(days=days)
    bounded: Select[Any] = query.where(row.trade_date < day, since).order_by(row.stock_code, row.trade_date)
    return bounded
