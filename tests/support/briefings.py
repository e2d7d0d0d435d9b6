"""A day's facts for tests of the briefing: a full day, to be changed as a test says."""

from datetime import UTC, date, datetime
from typing import Any

from prime_jennie.domain.briefing import (
    BriefingFacts,
    HoldingFigure,
    IndexFigure,
    MarketFigures,
    Missing,
    NewsFigure,
    PickFigure,
    PortfolioFigures,
    SaleFigure,
    SlotFigure,
    TradeFigures,
)
from prime_jennie.domain.macro import Sentiment
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.slots import SlotState, Task
from prime_jennie.domain.tiers import TradeTier

DAY = date(2025, 2, 14)
AT_1430 = datetime(2025, 2, 14, 5, 30, tzinfo=UTC)


def full_day(**changes: Any) -> BriefingFacts:
    """Return a day of which everything is known."""
    facts: dict[str, Any] = {
        "day": DAY,
        "has_session": True,
        "market": MarketFigures(
            kospi=IndexFigure(close=2591.05, change_pct=0.31, is_approximation=True),
            kosdaq=IndexFigure(close=756.32, change_pct=-0.12),
            vix=15.37,
            usd_krw=1443.5,
            sentiment=Sentiment.NEUTRAL_TO_BULLISH,
            sentiment_score=58,
            council="offline council (deterministic, no model)",
            regime=MarketRegime.BULL,
            regime_at=AT_1430,
        ),
        "trades": TradeFigures(
            buys=12,
            sells=7,
            bought_krw=31_204_500,
            sold_krw=14_882_000,
            realized_krw=151_492,
            is_settled=True,
            wins=5,
            losses=2,
            win_rate=5 / 7,
            best=SaleFigure(stock_name="두산에너빌리티", profit_krw=46_761, profit_pct=3.13),
            worst=SaleFigure(stock_name="한국전력공사", profit_krw=-18_204, profit_pct=-1.02),
        ),
        "portfolio": PortfolioFigures(
            positions=9,
            total_asset_krw=50_201_538,
            cash_krw=33_677_500,
            stock_krw=16_524_038,
            unrealized_krw=50_046,
            holdings=(
                HoldingFigure(stock_name="한화에어로스페이스", quantity=5, unrealized_krw=31_200),
                HoldingFigure(stock_name="SK텔레콤", quantity=60, unrealized_krw=-4_100),
            ),
        ),
        "watchlist": (
            PickFigure(stock_name="삼성전자", trade_tier=TradeTier.TIER1, hybrid_score=78.2),
            PickFigure(stock_name="SK하이닉스", trade_tier=TradeTier.TIER2, hybrid_score=71.0),
        ),
        "slots_done": 21,
        "troubled_slots": (
            SlotFigure(task=Task.SCOUT, at=AT_1430, state=SlotState.FAILED, reason="Unavailable: kis-gateway: timeout"),
        ),
        "news": (NewsFigure(stock_name="삼성전자", headline="삼성전자, 신규 공장 착공", sentiment_score=82),),
    }
    return BriefingFacts.model_validate(facts | changes)


def empty_day() -> BriefingFacts:
    """Return a day of which nothing is known."""
    return BriefingFacts(day=DAY, missing=tuple(Missing))
