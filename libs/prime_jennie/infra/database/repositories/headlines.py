"""Ask for the newest headlines of the whole market; strangers' words."""

from datetime import datetime, timedelta

from sqlalchemy import select

from prime_jennie.domain.news import Headline
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.research import StockNewsSentimentRow

READ_AT_MOST = 200  # one story runs under many stocks


class HeadlineRepository:
    """Reads `stock_news_sentiment` across stocks."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def newest(self, at: datetime, *, within: timedelta, most: int) -> list[Headline]:
        """Return headlines published up to a moment, the newest first, each wording once."""
        row = StockNewsSentimentRow
        query = (
            select(row.published_at, row.press, row.headline)
            .where(row.published_at <= at, row.published_at > at - within)
            .order_by(row.published_at.desc(), row.id.desc())
            .limit(READ_AT_MOST)
        )
        rows = await self._db.read(lambda session: session.execute(query).all())
        found = {text: Headline(published_at=at, press=press, text=text) for at, press, text in reversed(rows)}
        return sorted(found.values(), key=lambda one: one.published_at, reverse=True)[:most]
