from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prime_jennie.domain.risk import SectorBudget, SectorBudgetEntry, SectorTier
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.strategy.capital import RiskLimits
from prime_jennie.strategy.exposure import Exposure, merge_positions
from prime_jennie.strategy.guard import Portfolio, Purchase, portfolio_refusal, sector_count_cap
from tests.support.holdings import holding

CHIPS, BANKS = SectorGroup.SEMICONDUCTOR_IT, SectorGroup.FINANCE
LIMITS = RiskLimits(risk_per_trade_pct=1, position_cap_pct=12, sector_cap_pct=30, cash_floor_pct=10)


def held(code: str, value_krw: int, sector: SectorGroup = CHIPS, *, ours: bool = True) -> Exposure:
    position = holding(code, value_krw // 10_000, 10_000, sector_group=sector)
    (merged,) = merge_positions([position], [position] if ours else [], {code: sector})
    return merged


def portfolio(*exposures: Exposure, cash: int = 10_000_000, base: int = 10_000_000) -> Portfolio:
    return Portfolio(base_krw=base, cash_krw=cash, exposures=exposures)


def purchase(quantity: int = 1, price: int = 10_000, sector: SectorGroup = CHIPS) -> Purchase:
    return Purchase(stock_code="005930", sector_group=sector, quantity=quantity, price_krw=price)


def rule_of(joined: Portfolio, bought: Purchase | None = None, budget: SectorBudget | None = None) -> str | None:
    refusal = portfolio_refusal(bought or purchase(), joined, LIMITS, budget)
    return refusal.rule if refusal is not None else None


def budget(cap: int, effective: int = 1) -> SectorBudget:
    entry = SectorBudgetEntry(
        sector_group=CHIPS,
        tier=SectorTier.HOT,
        watchlist_cap=5,
        portfolio_cap=cap,
        effective_cap=effective,
        held_count=0,
    )
    return SectorBudget(entries={CHIPS: entry}, generated_at=datetime(2025, 3, 3, tzinfo=UTC))


def test_a_purchase_that_fits_is_not_refused() -> None:
    assert rule_of(portfolio()) is None


def test_a_sector_takes_three_stocks_without_a_budget() -> None:
    two = [held("000660", 100_000), held("042700", 100_000)]
    assert rule_of(portfolio(*two)) is None
    assert rule_of(portfolio(*two, held("009150", 100_000))) == "sector_count"


def test_the_dynamic_cap_replaces_the_three() -> None:
    # ✗ an ancestor stored the budget where its guard could not read it, so that dynamic caps never applied
    three = [held("000660", 100_000), held("042700", 100_000), held("009150", 100_000)]
    assert rule_of(portfolio(*three), budget=budget(5)) is None
    assert rule_of(portfolio(*three[:2]), budget=budget(2)) == "sector_count"
    assert sector_count_cap(budget(5), CHIPS) == 5
    assert sector_count_cap(budget(5), BANKS) == 3
    assert sector_count_cap(None, CHIPS) == 3


def test_stocks_of_other_sectors_do_not_fill_this_one() -> None:
    others = [held(code, 100_000, BANKS) for code in ("105560", "055550", "086790")]
    assert rule_of(portfolio(*others)) is None


def test_more_of_a_stock_already_there_adds_no_stock() -> None:
    three = [held("000660", 100_000), held("042700", 100_000), held("005930", 100_000, ours=False)]
    assert rule_of(portfolio(*three)) is None


def test_shares_bought_elsewhere_fill_a_sector() -> None:
    foreign = [held(code, 100_000, ours=False) for code in ("000660", "042700", "009150")]
    assert rule_of(portfolio(*foreign)) == "sector_count"


def test_the_sector_of_our_rows_is_seen_although_the_broker_has_none() -> None:
    # ✗ an ancestor's sector rules saw nothing, for the broker's positions carry no sector
    codes = ("000660", "042700", "009150")
    merged = merge_positions([holding(code) for code in codes], [holding(code, sector_group=CHIPS) for code in codes])
    assert rule_of(portfolio(*merged, base=10**9)) == "sector_count"


def test_sector_value_stops_at_its_cap() -> None:
    # cap 3,000,000; 2,500,000 are held
    in_sector = held("000660", 2_500_000)
    assert rule_of(portfolio(in_sector), purchase(50)) is None
    assert rule_of(portfolio(in_sector), purchase(51)) == "sector_value"


def test_stock_value_stops_at_its_cap_shares_bought_elsewhere_included() -> None:
    # cap 1,200,000
    assert rule_of(portfolio(), purchase(120)) is None
    assert rule_of(portfolio(), purchase(121)) == "stock_value"
    elsewhere = held("005930", 500_000, ours=False)
    assert rule_of(portfolio(elsewhere), purchase(70)) is None
    assert rule_of(portfolio(elsewhere), purchase(71)) == "stock_value"


def test_the_cash_floor_stays() -> None:
    # 1,000,000 must stay of 1,500,000
    assert rule_of(portfolio(cash=1_500_000), purchase(1, price=500_000)) is None
    assert rule_of(portfolio(cash=1_500_000), purchase(1, price=500_001)) == "cash_floor"


def test_the_guard_asks_in_the_rulebooks_order() -> None:
    # everything is broken at once; then each earlier breach is taken away
    full = [held(code, 1_000_000) for code in ("000660", "042700", "009150")]
    large = purchase(200)
    assert rule_of(portfolio(*full, cash=0), large) == "sector_count"
    assert rule_of(portfolio(*full, cash=0), large, budget(5)) == "sector_value"
    assert rule_of(portfolio(cash=0), large) == "stock_value"
    assert rule_of(portfolio(cash=0), purchase(1)) == "cash_floor"


def test_a_refusal_names_its_numbers() -> None:
    refusal = portfolio_refusal(purchase(121), portfolio(), LIMITS, None)
    assert refusal is not None
    assert str(refusal) == "stock_value: 005930 would be worth 1,210,000 KRW, over 1,200,000 (12 %)"


@settings(deadline=None)
@given(
    st.integers(0, 500),
    st.lists(st.tuples(st.integers(0, 9), st.integers(1, 300), st.sampled_from(SectorGroup)), max_size=6),
    st.integers(0, 20_000_000),
)
def test_nothing_that_passes_breaks_a_cap(quantity: int, lots: list[tuple[int, int, SectorGroup]], cash: int) -> None:
    exposures = {f"00000{code}": held(f"00000{code}", lot * 10_000, sector) for code, lot, sector in lots}
    joined = portfolio(*exposures.values(), cash=cash)
    bought = purchase(quantity + 1)
    if rule_of(joined, bought) is None:
        assert bought.cost_krw <= 1_200_000
        assert cash - bought.cost_krw >= 1_000_000
        sector = sum(one.value_krw for one in exposures.values() if one.sector_group is CHIPS)
        assert sector + bought.cost_krw <= 3_000_000
        assert sum(one.sector_group is CHIPS for one in exposures.values()) < 3


def test_a_position_our_rows_have_lost_counts_nothing() -> None:
    gone = merge_positions([], [holding(code, sector_group=CHIPS) for code in ("000660", "042700", "009150")])
    assert rule_of(portfolio(*gone)) is None


@pytest.mark.parametrize("effective", [0, 1, 9])
def test_the_watchlists_effective_cap_is_not_the_portfolios(effective: int) -> None:
    assert sector_count_cap(budget(4, effective), CHIPS) == 4
