import pytest

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.trading_strategy import RiskSpec
from prime_jennie.strategy.capital import RiskLimits, open_risk_pct, risk_limits, sizing_base_krw, spendable_cash_krw
from tests.support.holdings import holding


def test_defaults_meet_the_regimes_table() -> None:
    # SIDEWAYS keeps 15 % cash, caps sector and stock at 30 and 15 %; the spec's 12 % is the stricter for the stock
    assert risk_limits(RiskSpec(), MarketRegime.SIDEWAYS) == RiskLimits(1, 12, 30, 15)


@pytest.mark.parametrize(
    ("regime", "sector", "floor"),
    [
        (MarketRegime.STRONG_BULL, 30, 10),  # the table would allow 50 and 5
        (MarketRegime.BULL, 30, 10),
        (MarketRegime.BEAR, 30, 25),
        (MarketRegime.STRONG_BEAR, 30, 25),
    ],
)
def test_the_stricter_of_spec_and_table_wins(regime: MarketRegime, sector: float, floor: float) -> None:
    limits = risk_limits(RiskSpec(), regime)
    assert (limits.sector_cap_pct, limits.cash_floor_pct) == (sector, floor)


def test_a_loose_spec_cannot_loosen_the_table() -> None:
    loose = RiskSpec(max_position_pct=40, max_sector_pct=90, cash_floor_pct=0)
    assert risk_limits(loose, MarketRegime.STRONG_BULL) == RiskLimits(1, 25, 50, 5)
    assert risk_limits(loose, MarketRegime.BULL) == RiskLimits(1, 15, 30, 10)


def test_a_tight_spec_holds() -> None:
    tight = RiskSpec(max_position_pct=4, max_sector_pct=10, cash_floor_pct=40, risk_per_trade_pct=0.5)
    assert risk_limits(tight, MarketRegime.STRONG_BULL) == RiskLimits(0.5, 4, 10, 40)


@pytest.mark.parametrize(
    ("llm", "regime", "cap"),
    [
        (79.9, MarketRegime.STRONG_BULL, 12),
        (80, MarketRegime.STRONG_BULL, 18),
        (80, MarketRegime.BULL, 15),  # the table's stock cap is stricter than 18
    ],
)
def test_conviction_lifts_the_weight_to_eighteen_percent(llm: float, regime: MarketRegime, cap: float) -> None:
    assert risk_limits(RiskSpec(), regime, llm).position_cap_pct == cap


def test_conviction_never_lifts_a_weight_that_the_spec_tightened() -> None:
    assert risk_limits(RiskSpec(max_position_pct=11.9), MarketRegime.STRONG_BULL, 95).position_cap_pct == 11.9


def test_the_sizing_base_is_the_strategys_capital() -> None:
    assert sizing_base_krw(50_000_000, 80_000_000) == 50_000_000
    assert sizing_base_krw(None, 80_000_000) == 80_000_000
    assert sizing_base_krw(50_000_000, 30_000_000) == 30_000_000


def test_the_strategy_spends_no_more_than_its_capital_and_the_accounts_cash() -> None:
    held = [holding(quantity=100, price=100_000)]  # 10,000,000
    assert spendable_cash_krw(50_000_000, 200_000_000, held) == 40_000_000
    assert spendable_cash_krw(50_000_000, 5_000_000, held) == 5_000_000
    assert spendable_cash_krw(8_000_000, 200_000_000, held) == 0


def test_open_risk_is_the_way_to_the_stop() -> None:
    held = [
        holding("005930", 10, 100_000, stop_loss_price=94_000),  # 60,000
        holding("000660", 5, 200_000, current_price=190_000, stop_loss_price=188_000),  # 10,000
    ]
    assert open_risk_pct(held, 10_000_000) == pytest.approx(0.7)


def test_a_position_without_a_stored_stop_risks_ten_percent() -> None:
    assert open_risk_pct([holding(quantity=10, price=100_000)], 10_000_000) == pytest.approx(1.0)


def test_a_position_without_a_price_risks_the_way_from_its_purchase() -> None:
    held = [holding(quantity=10, price=100_000, current_price=None, stop_loss_price=94_000)]
    assert open_risk_pct(held, 10_000_000) == pytest.approx(0.6)


def test_a_position_under_its_stop_risks_no_more_and_never_less_than_nothing() -> None:
    held = [
        holding("005930", 10, 100_000, current_price=90_000, stop_loss_price=94_000),
        holding("000660", 10, 100_000, stop_loss_price=94_000),
    ]
    assert open_risk_pct(held, 10_000_000) == pytest.approx(0.6)


def test_nothing_held_risks_nothing() -> None:
    assert open_risk_pct([], 10_000_000) == 0.0
    assert open_risk_pct([holding()], 0) == 0.0
