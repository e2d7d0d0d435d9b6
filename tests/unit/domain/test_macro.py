"""Macro: bands, the safe default, and the throttle's zero."""

from datetime import UTC, date, datetime

import pytest
from pydantic import ValidationError

from prime_jennie.domain.macro import (
    GlobalSnapshot,
    KeyTheme,
    MacroInsight,
    RiskFactor,
    RiskLevel,
    SectorSignal,
    TradingContext,
    VixRegime,
)
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.sectors import SectorGroup

DAY = date(2025, 3, 13)
CONTEXT = {"date": DAY, "market_regime": "BULL", "position_multiplier": 1.0, "stop_loss_multiplier": 1.0}
INSIGHT = {
    "insight_date": DAY,
    "sentiment": "neutral_to_bullish",
    "sentiment_score": 61,
    "regime_hint": "완만한 상승",
    "position_size_pct": 100,
    "stop_loss_adjust_pct": 100,
    "political_risk_level": "low",
    "vix_regime": "normal",
}


@pytest.mark.parametrize(
    ("vix", "band"),
    [
        (14.99, VixRegime.LOW_VOL),
        (15, VixRegime.NORMAL),
        (24.99, VixRegime.NORMAL),
        (25, VixRegime.ELEVATED),
        (34.99, VixRegime.ELEVATED),
        (35, VixRegime.CRISIS),
        (None, VixRegime.NORMAL),
    ],
)
def test_vix_bands_begin_at_their_bounds_and_unknown_is_normal(vix: float | None, band: VixRegime) -> None:
    assert VixRegime.of(vix) is band


def test_the_safe_default_is_sideways_and_careful() -> None:
    context = TradingContext.safe_default(DAY)
    assert context.market_regime is MarketRegime.SIDEWAYS
    assert (context.position_multiplier, context.stop_loss_multiplier) == (0.8, 1.2)
    assert not context.buys_blocked


def test_a_zero_factor_is_carried_as_buys_blocked_and_read_back_unchanged() -> None:
    """Ancestor's defect: 0.0 was written, failed on reading, and consumers fell back to 0.8."""
    blocked = TradingContext.model_validate(
        CONTEXT | {"intraday_multiplier_raw": 0.0, "position_multiplier": 0.3, "buys_blocked": True}
    )
    assert TradingContext.model_validate_json(blocked.model_dump_json()) == blocked
    assert blocked.buys_blocked


@pytest.mark.parametrize(
    "change",
    [{"intraday_multiplier_raw": 0.0}, {"council_multiplier_raw": 0.0}, {"intraday_risk_level": "CRITICAL"}],
)
def test_a_zero_factor_without_the_flag_is_refused_when_written(change: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match="buys_blocked"):
        TradingContext.model_validate(CONTEXT | change)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("position_multiplier", 0.0),
        ("position_multiplier", 2.1),
        ("stop_loss_multiplier", 0.2),
        ("risk_off_level", 11),
        ("risk_off_level", -1),
        ("favor_sectors", ["반도체"]),
        ("strategies_to_avoid", ["ASTROLOGY"]),
        ("market_regime", "UNKNOWN"),
        ("vix_regime", "calm"),
    ],
)
def test_a_context_outside_its_ranges_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        TradingContext.model_validate(CONTEXT | {field: value})


def test_a_context_says_how_its_regime_was_found() -> None:
    made = TradingContext.model_validate(CONTEXT | {"regime_source": "index of shares × close, an approximation"})
    assert "approximation" in (made.regime_source or "")
    assert made.intraday_risk_level is RiskLevel.NORMAL


def test_an_insight_round_trips_with_its_parts() -> None:
    made = MacroInsight.model_validate(
        INSIGHT
        | {
            "sector_signals": [SectorSignal(sector_group=SectorGroup.FINANCE, signal="HOT", confidence=0.7)],
            "key_themes": [KeyTheme(rank=1, theme="HBM", description="수요 증가", impact="Positive")],
            "risk_factors": [RiskFactor(name="관세", severity="HIGH", duration_days=30)],
            "sectors_to_avoid": ["건설/부동산"],
        }
    )
    assert MacroInsight.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("position_size_pct", 49),
        ("position_size_pct", 131),
        ("stop_loss_adjust_pct", 79),
        ("stop_loss_adjust_pct", 151),
        ("regime_hint", "x" * 201),
        ("sentiment_score", 101),
        ("sectors_to_favor", ["게임"]),
        ("sector_signals", [{"sector_group": "금융", "signal": "bullish"}]),
        ("key_themes", [{"rank": 0, "theme": "a", "description": "b", "impact": "Positive"}]),
        ("risk_factors", [{"name": "관세", "severity": "EXTREME"}]),
    ],
)
def test_an_insight_outside_its_ranges_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        MacroInsight.model_validate(INSIGHT | {field: value})


def test_a_snapshot_of_the_world_may_be_incomplete_but_says_so() -> None:
    made = GlobalSnapshot(
        snapshot_date=DAY, timestamp=datetime(2025, 3, 13, tzinfo=UTC), vix_regime=VixRegime.NORMAL, completeness_pct=20
    )
    assert made.vix is None
    with pytest.raises(ValidationError, match="completeness_pct"):
        GlobalSnapshot.model_validate(made.model_dump() | {"completeness_pct": 101})
