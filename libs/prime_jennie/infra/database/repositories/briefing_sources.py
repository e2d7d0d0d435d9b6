"""Read what a day's briefing tells of that no other repository answers."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.lifecycle import DailySettlementRow, MarketStateRow
from prime_jennie.infra.database.tables.research import StockNewsSentimentRow
from prime_jennie.infra.database.tables.scouting import WatchlistHistoryRow

NEWS_DAYS: Final = 2
NEUTRAL: Final = 50.0


class BriefingSources:
    """Settlements, watchlists and judged news by day."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def last_account(self) -> str | None:
        """Return the account whose day was last noted: whose briefing it is while the gateway does not answer."""
        query = select(MarketStateRow.account).order_by(MarketStateRow.updated_at.desc()).limit(1)
        return await self._db.read(lambda session: session.execute(query).scalar_one_or_none())

    async def settlements(self, account: str, day: date) -> list[DailySettlementRow]:
        """Return the settlement of every strategy, by name."""
        query = (
            select(DailySettlementRow)
            .where(DailySettlementRow.account == account, DailySettlementRow.trade_date == day)
            .order_by(DailySettlementRow.strategy)
        )
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    async def watchlist(self, day: date) -> list[WatchlistHistoryRow]:
        """Return the list of the day's last run, best first."""
        newest = (
            select(WatchlistHistoryRow.run_id)
            .where(WatchlistHistoryRow.snapshot_date == day)
            .order_by(WatchlistHistoryRow.created_at.desc(), WatchlistHistoryRow.run_id.desc())
            .limit(1)
        )

        def work(session: Session) -> list[WatchlistHistoryRow]:
            run_id = session.execute(newest).scalar_one_or_none()
            rows = select(WatchlistHistoryRow).where(
                WatchlistHistoryRow.snapshot_date == day, WatchlistHistoryRow.run_id == run_id
            )
            return list(session.execute(rows.order_by(WatchlistHistoryRow.rank)).scalars())

        return await self._db.read(work)

    async def news(self, day: date, at: datetime, *, most: int) -> Sequence[StockNewsSentimentRow]:
        """Return the judged articles of two days up to a moment that sound the clearest, either way."""
        query = (
            select(StockNewsSentimentRow)
            .where(
                StockNewsSentimentRow.news_date > day - timedelta(days=NEWS_DAYS),
                StockNewsSentimentRow.news_date <= day,
                StockNewsSentimentRow.published_at <= at,
                StockNewsSentimentRow.sentiment_score.is_not(None),
            )
            .order_by(
                func.abs(StockNewsSentimentRow.sentiment_score - NEUTRAL).desc(),
                StockNewsSentimentRow.published_at.desc(),
                StockNewsSentimentRow.id,
            )
            .limit(most)
        )
        return await self._db.read(lambda session: list(session.execute(query).scalars()))
