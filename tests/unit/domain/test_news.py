"""News: a score in range, a link, and an aware moment."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from prime_jennie.domain.news import NewsArticle, NewsSentiment

ARTICLE = {
    "stock_code": "005930",
    "stock_name": "삼성전자",
    "press": "연합",
    "headline": "삼성전자, 신제품 공개",
    "article_url": "https://example.com/1",
    "published_at": datetime(2025, 3, 13, tzinfo=UTC),
    "source": "naver",
}


def test_an_article_survives_the_stream() -> None:
    article = NewsArticle.model_validate(ARTICLE)
    assert NewsArticle.model_validate_json(article.model_dump_json()) == article


@pytest.mark.parametrize(("field", "value"), [("headline", ""), ("headline", "가" * 501), ("article_url", "")])
def test_an_article_without_headline_or_link_is_refused(field: str, value: str) -> None:
    with pytest.raises(ValidationError, match=field):
        NewsArticle.model_validate(ARTICLE | {field: value})


@pytest.mark.parametrize("score", [-1, 100.5, float("nan"), None])
def test_a_sentiment_needs_a_score_of_0_to_100(score: float | None) -> None:
    """Ancestor's defect: an unscored article was stored as 50."""
    body = {key: value for key, value in ARTICLE.items() if key not in ("stock_name", "source")}
    assert NewsSentiment.model_validate(body | {"news_date": "2025-03-13", "sentiment_score": 50}).sentiment_score == 50
    with pytest.raises(ValidationError, match="sentiment_score"):
        NewsSentiment.model_validate(body | {"news_date": "2025-03-13", "sentiment_score": score})
