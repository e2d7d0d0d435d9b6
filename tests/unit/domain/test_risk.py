"""Risk: sizes, sector caps, halts."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from prime_jennie.domain.risk import (
    Halt,
    HaltSource,
    HaltState,
    PositionSizingRequest,
    PositionSizingResult,
    SectorAnalysis,
    SectorBudget,
    SectorBudgetEntry,
    SectorTier,
)
from prime_jennie.domain.sectors import SectorGroup

AT = datetime(2025, 3, 13, tzinfo=UTC)
REQUEST = {
    "stock_code": "005930",
    "stock_price": 72_100,
    "atr": 1_442,
    "available_cash": 50_000_000,
    "portfolio_value": 50_000_000,
    "llm_score": 70,
    "hybrid_score": 70,
    "trade_tier": "TIER1",
    "risk_tag": "NEUTRAL",
}


def entry(group: SectorGroup, cap: int) -> SectorBudgetEntry:
    return SectorBudgetEntry(
        sector_group=group,
        tier=SectorTier.HOT,
        watchlist_cap=5,
        portfolio_cap=cap,
        effective_cap=min(cap + 1, 10),
        held_count=0,
    )


def test_the_rulebooks_vector_is_a_valid_request() -> None:
    request = PositionSizingRequest.model_validate(REQUEST)
    assert (request.position_multiplier, request.stale_days, request.portfolio_risk_pct) == (1, 0, 0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("stock_price", 0),
        ("atr", -1),
        ("atr", float("nan")),
        ("available_cash", -1),
        ("portfolio_risk_pct", -0.1),
        ("position_multiplier", 0),
        ("stale_days", -1),
        ("held_sector_groups", ["우주"]),
    ],
)
def test_a_request_outside_its_ranges_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        PositionSizingRequest.model_validate(REQUEST | {field: value})


def test_a_result_may_be_nothing_but_not_negative() -> None:
    body = {"target_weight_pct": 12, "actual_weight_pct": 0, "applied_multipliers": {"tier": 0.0}, "reasoning": "heat"}
    assert PositionSizingResult.model_validate(body | {"quantity": 0}).quantity == 0
    with pytest.raises(ValidationError, match="quantity"):
        PositionSizingResult.model_validate(body | {"quantity": -1})


def test_a_budget_caps_known_sectors_and_gives_3_to_others() -> None:
    budget = SectorBudget(entries={SectorGroup.FINANCE: entry(SectorGroup.FINANCE, 5)}, generated_at=AT)
    assert (budget.portfolio_cap(SectorGroup.FINANCE), budget.effective_cap(SectorGroup.FINANCE)) == (5, 6)
    assert (budget.portfolio_cap(SectorGroup.TELECOM), budget.effective_cap(SectorGroup.TELECOM)) == (3, 3)
    assert (budget.portfolio_cap(None), budget.effective_cap(None)) == (3, 3)


def test_a_budget_read_back_caps_as_it_was_written() -> None:
    """Ancestor's defect: written as a string, read as a hash, dynamic caps never applied."""
    budget = SectorBudget(entries={SectorGroup.FINANCE: entry(SectorGroup.FINANCE, 2)}, generated_at=AT)
    restored = SectorBudget.model_validate_json(budget.model_dump_json())
    assert restored == budget
    assert restored.portfolio_cap(SectorGroup.FINANCE) == 2


def test_a_budget_with_an_entry_under_a_wrong_or_unknown_sector_is_refused() -> None:
    with pytest.raises(ValidationError, match="speaks of 금융"):
        SectorBudget(entries={SectorGroup.TELECOM: entry(SectorGroup.FINANCE, 5)}, generated_at=AT)
    with pytest.raises(ValidationError):
        SectorBudget.model_validate({"entries": {"우주": entry(SectorGroup.FINANCE, 5)}, "generated_at": AT})


@pytest.mark.parametrize("cap", [-1, 11])
def test_a_cap_outside_0_to_10_is_refused(cap: int) -> None:
    with pytest.raises(ValidationError, match="portfolio_cap"):
        entry(SectorGroup.FINANCE, cap)


def test_a_sectors_day_may_be_negative() -> None:
    made = SectorAnalysis(sector_group=SectorGroup.FINANCE, avg_return_pct=-5.5, stock_count=7, is_falling_knife=True)
    assert made.avg_return_pct == -5.5


def test_the_most_severe_halt_wins() -> None:
    assert HaltState.most_severe() is HaltState.ACTIVE
    assert HaltState.most_severe(HaltState.PAUSED, HaltState.ACTIVE) is HaltState.PAUSED
    assert HaltState.most_severe(HaltState.PAUSED, HaltState.STOPPED, HaltState.ACTIVE) is HaltState.STOPPED


def test_a_pause_stops_buys_and_leaves_protective_exits_alone() -> None:
    """Ancestor's defect: "pause auto-buying" also muted the stop-losses."""
    allowed = {state: (state.allows_buys, state.allows_automatic_exits) for state in HaltState}
    assert allowed == {
        HaltState.ACTIVE: (True, True),
        HaltState.PAUSED: (False, True),
        HaltState.STOPPED: (False, False),
    }


def test_a_halt_says_who() -> None:
    assert Halt(state=HaltState.PAUSED, source=HaltSource.RISK, who="risk engine", why="loss limit", at=AT)
    with pytest.raises(ValidationError, match="who"):
        Halt(state=HaltState.PAUSED, source=HaltSource.PERSON, who="", why="", at=AT)
