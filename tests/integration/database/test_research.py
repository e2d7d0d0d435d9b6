"""What was known of a stock on a morning: the newest figures of earlier days, and nothing of the day itself."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from prime_jennie.domain.sessions import KST
from prime_jennie.domain.watchlist import AnalystConsensus, FinancialTrend, InvestorTradingSummary
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.research import ResearchRepository
from prime_jennie.infra.database.tables.research import (
    StockConsensusRow,
    StockFundamentalRow,
    StockInvestorTradingRow,
    StockNewsSentimentRow,
)
from tests.support.order_desk import SAMSUNG

DAY = date(2025, 2, 14)
AT = datetime(2025, 2, 14, 8, 30, tzinfo=KST)
HYNIX = "000660"


@pytest.fixture
def research(db: Database) -> ResearchRepository:
    return ResearchRepository(db)


async def store(db: Database, *rows: Any) -> None:
    await db.write(lambda session: session.add_all(rows))


def fundamentals(days_ago: int, **figures: Any) -> StockFundamentalRow:
    return StockFundamentalRow(
        stock_code=SAMSUNG, trade_date=DAY - timedelta(days=days_ago), updated_at=datetime.now(UTC), **figures
    )


def flow(days_ago: int, foreign: int | None, institution: int | None, ratio: float | None = None) -> Any:
    return StockInvestorTradingRow(
        stock_code=SAMSUNG,
        trade_date=DAY - timedelta(days=days_ago),
        foreign_net_buy=foreign,
        institution_net_buy=institution,
        foreign_holding_ratio=ratio,
    )


def consensus(days_ago: int, **figures: Any) -> StockConsensusRow:
    return StockConsensusRow(stock_code=SAMSUNG, trade_date=DAY - timedelta(days=days_ago), **figures)


def article(headline: str, published_at: datetime, score: float | None = None, code: str = SAMSUNG) -> Any:
    return StockNewsSentimentRow(
        stock_code=code,
        news_date=published_at.astimezone(KST).date(),
        press="신문",
        headline=headline,
        sentiment_score=score,
        article_url=f"https://news.example/{code}/{headline}",
        published_at=published_at,
    )


async def test_nothing_stored_is_nothing_known(research: ResearchRepository) -> None:
    found = await research.known_at(AT)
    assert (found.fundamentals, found.market_caps_krw, found.flows, found.consensus, found.sentiments) == ({},) * 5


async def test_the_newest_figure_of_each_kind_counts_and_todays_do_not(
    db: Database, research: ResearchRepository
) -> None:
    await store(
        db,
        fundamentals(201, per=1.0, pbr=1.0, roe=1.0),
        fundamentals(90, per=12.0, pbr=1.5, roe=9.0, market_cap=1),
        fundamentals(2, market_cap=400_000_000_000_000),
        fundamentals(1, per=13.0),
        fundamentals(0, per=99.0, market_cap=9),
    )
    found = await research.known_at(AT)
    assert found.fundamentals == {SAMSUNG: FinancialTrend(per=13.0, pbr=1.5, roe=9.0)}
    assert found.market_caps_krw == {SAMSUNG: 400_000_000_000_000}


async def test_an_old_market_cap_is_none(db: Database, research: ResearchRepository) -> None:
    await store(db, fundamentals(11, market_cap=400_000_000_000_000))
    found = await research.known_at(AT)
    assert (found.market_caps_krw, found.fundamentals) == ({}, {})


async def test_flows_add_up_real_days_of_which_both_sides_are_known(db: Database, research: ResearchRepository) -> None:
    await store(
        db,
        flow(61, 10**12, 10**12),
        flow(60, 1_000, -50),
        flow(5, None, 10**12),
        flow(3, 10**12, None),
        flow(1, 500, -25, 51.5),
        flow(0, 10**12, 10**12, 99.0),
    )
    found = await research.known_at(AT)
    assert found.flows == {
        SAMSUNG: InvestorTradingSummary(
            foreign_net_buy_sum=1_500, institution_net_buy_sum=-75, foreign_holding_ratio=51.5
        )
    }


async def test_days_of_which_only_one_side_is_known_are_no_flows(db: Database, research: ResearchRepository) -> None:
    await store(db, flow(1, 500, None, 51.5))
    assert (await research.known_at(AT)).flows == {}


async def test_the_foreign_shares_trend_compares_ten_observations_with_the_ten_before(
    db: Database, research: ResearchRepository
) -> None:
    old, before, now = [30.0] * 5, [50.0] * 10, [51.25] * 10
    rows = [flow(25 - number, 0, 0, ratio) for number, ratio in enumerate([*old, *before, *now])]
    await store(db, *rows)
    assert (await research.known_at(AT)).flows[SAMSUNG].foreign_ratio_trend == pytest.approx(1.25)


async def test_nineteen_observations_have_no_trend(db: Database, research: ResearchRepository) -> None:
    await store(db, *[flow(day, 0, 0, 50.0) for day in range(1, 20)])
    assert (await research.known_at(AT)).flows[SAMSUNG].foreign_ratio_trend is None


async def test_forecasts_are_the_newest_and_their_revision_is_over_thirty_days(
    db: Database, research: ResearchRepository
) -> None:
    await store(
        db,
        consensus(91, forward_eps=1.0),
        consensus(40, forward_eps=5_000.0, forward_per=11.0, target_price=90_000, analyst_count=20),
        consensus(31, forward_eps=4_000.0),
        consensus(20, forward_eps=4_400.0, forward_roe=12.0),
        consensus(1, forward_eps=4_600.0),
        consensus(0, forward_eps=9_999.0),
    )
    found = await research.known_at(AT)
    known = found.consensus[SAMSUNG]
    assert known.eps_revision_pct == pytest.approx(15.0)  # against 4,000 of thirty days before the newest
    assert known.model_copy(update={"eps_revision_pct": None}) == AnalystConsensus(
        forward_per=11.0, forward_eps=4_600.0, forward_roe=12.0, target_price=90_000, analyst_count=20
    )


@pytest.mark.parametrize("before", [0.0, -100.0])
async def test_from_a_loss_there_is_no_revision_in_percent(
    db: Database, research: ResearchRepository, before: float
) -> None:
    await store(db, consensus(40, forward_eps=before), consensus(1, forward_eps=500.0))
    assert (await research.known_at(AT)).consensus[SAMSUNG].eps_revision_pct is None


async def test_forecasts_without_earnings_have_no_revision_and_empty_ones_are_none(
    db: Database, research: ResearchRepository
) -> None:
    await store(db, consensus(40, forward_per=9.0), StockConsensusRow(stock_code=HYNIX, trade_date=date(2025, 2, 1)))
    found = await research.known_at(AT)
    assert found.consensus == {SAMSUNG: AnalystConsensus(forward_per=9.0)}


async def test_sentiment_is_the_mean_of_judged_articles_of_two_weeks_published_by_then(
    db: Database, research: ResearchRepository
) -> None:
    await store(
        db,
        article("old", AT - timedelta(days=15), 0.0),
        article("good", AT - timedelta(days=13), 80.0),
        article("fair", AT - timedelta(minutes=1), 60.0),
        article("unjudged", AT - timedelta(hours=2)),
        article("to come", AT + timedelta(minutes=1), 0.0),
        article("unjudged", AT - timedelta(hours=2), code=HYNIX),
    )
    found = await research.known_at(AT)
    assert found.sentiments == {SAMSUNG: 70.0}


async def test_headlines_come_newest_first_and_only_so_many(db: Database, research: ResearchRepository) -> None:
    await store(
        db,
        *[article(f"기사 {hours}", AT - timedelta(hours=hours)) for hours in (5, 1, 3, 2, 4, 6)],
        article("내일", AT + timedelta(hours=1)),
        article("다른 종목", AT - timedelta(hours=1), code=HYNIX),
    )
    found = await research.headlines([SAMSUNG, "0004Y0"], AT, most=5)
    assert found == {SAMSUNG: [f"기사 {hours}" for hours in range(1, 6)]}
    assert await research.headlines([], AT, most=5) == {}
