"""Insights as the database gives them back."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from prime_jennie.domain.macro import Consensus, GlobalSnapshot, KeyTheme, RiskFactor, SectorSignal, VixRegime
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.signals import SignalType
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.insights import InsightRepository
from tests.support.insights import COUNCIL_AT, DAY, insight

RICH = insight(
    sector_signals=(SectorSignal(sector_group=SectorGroup.FINANCE, signal="HOT", confidence=0.5, reasoning="상승"),),
    key_themes=(KeyTheme(rank=1, theme="밸류업", description="", impact="Positive"),),
    risk_factors=(RiskFactor(name="환율", severity="MID", duration_days=3),),
    sectors_to_favor=(SectorGroup.FINANCE,),
    sectors_to_avoid=(SectorGroup.TELECOM,),
    strategies_to_favor=(SignalType.DIP_BUY,),
    strategies_to_avoid=(SignalType.MOMENTUM,),
    opportunity_factors=("저평가",),
    political_risk_summary="조용함",
    trading_reasoning="지수가 말한다",
    council_consensus=Consensus.PARTIAL_DISAGREE,
    council_cost_usd=0.215,
    vix_value=18.5,
    usd_krw=1450.5,
    kospi_index=2_610.5,
    kosdaq_index=735.25,
    is_fallback=True,
    gaps=("news: none",),
)
SNAPSHOT = GlobalSnapshot(
    snapshot_date=DAY,
    timestamp=datetime(2025, 3, 17, 22, 20, tzinfo=UTC),
    vix_regime=VixRegime.NORMAL,
    kospi_change_pct=0.5,
    kospi_foreign_net=-1_200.0,
    completeness_pct=40,
)


async def test_an_insight_comes_back_as_it_was_decided(db: Database) -> None:
    insights = InsightRepository(db)
    await insights.put(RICH, run_id="council-20250318-0730", raw={"judge": {"x": 1}}, snapshot=SNAPSHOT)
    assert await insights.of(DAY) == RICH
    assert await insights.run_of(DAY) == "council-20250318-0730"
    row = await db.read(
        lambda session: session.execute(
            text("SELECT kospi_change_pct, kospi_foreign_net, kosdaq_change_pct FROM daily_macro_insight")
        ).one()
    )
    assert tuple(row) == (0.5, -1_200.0, None)


async def test_a_later_sitting_replaces_the_earlier_and_the_newest_before_a_day_is_found(db: Database) -> None:
    insights = InsightRepository(db)
    noon = insight(sentiment_score=61.0, decided_at=COUNCIL_AT + timedelta(hours=4))
    await insights.put(RICH, run_id="council-20250318-0730", raw={})
    await insights.put(noon, run_id="council-20250318-1150", raw={})
    assert await insights.of(DAY) == noon
    assert await insights.latest(before=DAY + timedelta(days=3)) == noon
    assert await insights.latest(before=DAY) is None
    assert await insights.of(DAY + timedelta(days=1)) is None
    assert await insights.run_of(DAY + timedelta(days=1)) is None


async def test_an_unreadable_row_counts_as_none(db: Database) -> None:
    insights = InsightRepository(db)
    await insights.put(RICH, run_id="council-20250318-0730", raw={})
    await db.write(lambda session: session.execute(text("UPDATE daily_macro_insight SET sentiment = 'euphoric'")))
    assert await insights.of(DAY) is None


async def test_an_insight_without_its_moment_is_not_stored(db: Database) -> None:
    with pytest.raises(ValueError, match="moment"):
        await InsightRepository(db).put(insight(decided_at=None), run_id="x", raw={})
