"""Insights and index bars for tests."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from prime_jennie.domain.macro import MacroInsight, PoliticalRisk, Sentiment, VixRegime
from prime_jennie.domain.market import IndexDailyPrice

DAY = date(2025, 3, 18)
COUNCIL_AT = datetime(2025, 3, 17, 22, 30, tzinfo=UTC)  # 07:30 in Seoul
OPEN = datetime(2025, 3, 18, 0, 0, tzinfo=UTC)


def insight(**changes: Any) -> MacroInsight:
    """Return a neutral insight of DAY, changed as a test says."""
    figures: dict[str, Any] = {
        "insight_date": DAY,
        "sentiment": Sentiment.NEUTRAL,
        "sentiment_score": 50.0,
        "regime_hint": "횡보",
        "position_size_pct": 100.0,
        "stop_loss_adjust_pct": 100.0,
        "political_risk_level": PoliticalRisk.LOW,
        "vix_regime": VixRegime.NORMAL,
        "council": "exaone",
        "decided_at": COUNCIL_AT,
    }
    return MacroInsight.model_validate(figures | changes)


def index_bars(
    closes: list[float], *, last: date = DAY - timedelta(days=1), code: str = "0001"
) -> list[IndexDailyPrice]:
    """Return one bar a calendar day, the newest on `last`."""
    first = last - timedelta(days=len(closes) - 1)
    return [
        IndexDailyPrice(
            index_code=code,
            price_date=first + timedelta(days=age),
            open_price=close,
            high_price=close * 1.004,
            low_price=close * 0.996,
            close_price=close,
            volume=1_000,
            source="approximation",
        )
        for age, close in enumerate(closes)
    ]
