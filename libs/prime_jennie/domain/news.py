"""Carry what the press writes about a stock, and how it sounds."""

from datetime import date

from pydantic import Field

from prime_jennie.domain.model import Message, Record, Timestamp
from prime_jennie.domain.money import Score
from prime_jennie.domain.symbols import StockCode


class NewsArticle(Message):
    """An article as crawled; its text is untrusted."""

    stock_code: StockCode
    stock_name: str = Field(min_length=1)
    press: str
    headline: str = Field(min_length=1, max_length=500)
    summary: str | None = None
    category: str | None = None
    article_url: str = Field(min_length=1)
    published_at: Timestamp
    source: str


class Headline(Record):
    """One line of the press, of whichever stock; untrusted."""

    published_at: Timestamp
    press: str
    text: str = Field(min_length=1)


class NewsSentiment(Record):
    """A scored article: 0 to 100, 50 neutral; `article_url` is unique."""

    stock_code: StockCode
    news_date: date
    press: str
    headline: str = Field(min_length=1, max_length=500)
    summary: str | None = None
    sentiment_score: Score
    sentiment_reason: str | None = None
    category: str | None = None
    article_url: str = Field(min_length=1)
    published_at: Timestamp
