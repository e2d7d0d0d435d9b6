"""The whole market at once is the same as one stock after the other."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prime_jennie.domain.market import MarketRegime, StockSnapshot
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.watchlist import AnalystConsensus, EnrichedCandidate, FinancialTrend, InvestorTradingSummary
from prime_jennie.strategy import scoring, scoring_matrix
from prime_jennie.strategy.price_figures import PriceFigures, figures_of
from prime_jennie.strategy.scoring_matrix import (
    FigureColumns,
    PriceMatrix,
    figure_columns,
    last_changes_pct,
    liquidity_of,
    quoted,
    rows_of,
    score_all,
    sector_returns,
)
from tests.support.market_history import Cell, candidate, daily_bars, figures, matrix_of, rising

SESSIONS = st.sampled_from([0, 1, 5, 19, 20, 21, 40, 60, 61, 120, 121, 130, 250, 260])
RATIO = st.none() | st.just(0.0) | st.floats(-80, 80, allow_nan=False) | st.sampled_from([3.0, 5.0, 15.0, 25.0, 50.0])
FLOW = st.integers(-(10**11), 10**11)


@st.composite
def cells(draw: st.DrawFn, sessions: int) -> list[Cell]:
    """Draw a history with walks, jumps, halts (zeros or a carried close), missing bars and a late listing."""
    listed_at = draw(st.sampled_from([0, 0, sessions // 3, max(sessions - 19, 0), sessions]))
    seed = draw(st.integers(0, 2**32 - 1))
    volatile = draw(st.sampled_from([0.0, 0.001, 0.02, 0.2]))
    halts = draw(st.sampled_from([0.0, 0.05, 0.5, 0.95]))
    random = np.random.default_rng(seed)
    close = draw(st.sampled_from([50, 1_000, 70_000, 900_000]))
    found: list[Cell] = []
    for session in range(sessions):
        if session < listed_at:
            found.append(None)
            continue
        kind = random.random()
        if kind < halts:
            found.append(((close, 0, 0), (close, close, 0), None)[int(random.integers(3))])
            continue
        close = max(1, round(close * (1 + volatile * float(random.standard_normal()))))
        found.append((close, max(1, close + int(random.integers(-3, 50))), int(random.integers(1, 10**8))))
    return found


@st.composite
def knowledge(draw: st.DrawFn) -> dict[str, object]:
    """Draw what else is known of a stock, from nothing to everything."""
    known: dict[str, object] = {}
    if draw(st.booleans()):
        price = draw(st.integers(1, 1_000_000))
        known["snapshot"] = StockSnapshot(
            stock_code="005930",
            price=price,
            open_price=price,
            high_price=price,
            low_price=price,
            volume=draw(st.sampled_from([0, 100])),
            change_pct=0.0,
            per=draw(RATIO),
            pbr=draw(RATIO),
            timestamp=datetime(2025, 2, 14, tzinfo=UTC),
        )
    if draw(st.booleans()):
        known["financial_trend"] = FinancialTrend(per=draw(RATIO), pbr=draw(RATIO), roe=draw(RATIO))
    if draw(st.booleans()):
        known["consensus"] = AnalystConsensus(
            forward_per=draw(RATIO), forward_roe=draw(RATIO), eps_revision_pct=draw(RATIO)
        )
    if draw(st.booleans()):
        known["investor_trading"] = InvestorTradingSummary(
            foreign_net_buy_sum=draw(FLOW),
            institution_net_buy_sum=draw(FLOW),
            foreign_ratio_trend=draw(st.none() | st.floats(-2, 2)),
        )
    known["news_sentiment_avg"] = draw(st.none() | st.floats(0, 100))
    known["sector_avg_return_20d"] = draw(st.none() | st.floats(-30, 30))
    return known


@st.composite
def markets(draw: st.DrawFn) -> tuple[list[list[Cell]], list[EnrichedCandidate]]:
    """Draw a small market: histories of one length, and what is known of each stock."""
    sessions = draw(SESSIONS)
    count = draw(st.integers(1, 4))
    histories = [draw(cells(sessions)) for _ in range(count)]
    return histories, [candidate(f"{number:06}", **draw(knowledge())) for number in range(count)]


@given(markets(), st.sampled_from(MarketRegime))
@settings(deadline=None, max_examples=150)
def test_the_market_at_once_equals_one_stock_after_the_other(
    market: tuple[list[list[Cell]], list[EnrichedCandidate]], regime: MarketRegime
) -> None:
    histories, candidates = market
    found = score_all(candidates, figure_columns(matrix_of(histories)), regime)
    one_by_one = [
        scoring.score(one.model_copy(update={"daily_prices": daily_bars(own[-250:])}), regime)
        for one, own in zip(candidates, histories, strict=True)
    ]
    assert found == one_by_one


@given(markets())
@settings(deadline=None, max_examples=60)
def test_every_figure_equals_the_plain_reading(market: tuple[list[list[Cell]], list[EnrichedCandidate]]) -> None:
    histories, candidates = market
    columns = quoted(figure_columns(matrix_of(histories)), candidates)
    for row, (own, one) in enumerate(zip(histories, candidates, strict=True)):
        assert columns.of(row) == figures_of(daily_bars(own[-250:]), one.snapshot)


def edges(*bounds: float) -> st.SearchStrategy[float]:
    """Draw a table's bounds themselves and what lies beside them."""
    beside = [bound + step for bound in bounds for step in (-0.1, 0.0, 0.1)]
    return st.sampled_from(beside) | st.floats(min(beside), max(beside))


@st.composite
def figures_at_the_edges(draw: st.DrawFn) -> PriceFigures:
    """Draw figures that stand on the bounds of the tables more often than beside them."""
    bars = draw(st.sampled_from([20, 59, 60, 119, 120, 250]))
    averages = st.sampled_from([9_999.0, 10_000.0, 10_001.0])
    return figures(
        bars=bars,
        rsi=draw(edges(30, 40, 70, 80)),
        return_20_pct=draw(edges(-10, -3, 0, 3, 15)),
        return_60_pct=draw(edges(-15, 20)) if bars >= 60 else None,
        return_120_pct=draw(edges(-20, 0, 5, 10, 30)) if bars >= 120 else None,
        ma5=draw(averages),
        ma20=draw(averages),
        volume_ratio=draw(edges(1, 1.2, 1.5, 2)),
        high_distance_pct=draw(edges(-30, -15, -5, 0)),
    )


@given(figures_at_the_edges(), knowledge(), st.sampled_from(MarketRegime))
@settings(deadline=None, max_examples=400)
def test_every_table_is_read_alike_at_its_bounds(
    seen: PriceFigures, known: dict[str, object], regime: MarketRegime
) -> None:
    one = candidate(**known)
    unknown = {name: np.nan for name in ("return_60_pct", "return_120_pct") if getattr(seen, name) is None}
    columns = FigureColumns(**{name: np.array([value]) for name, value in (asdict(seen) | unknown).items()})
    at_once = scoring_matrix._points([one], columns, bull=regime.is_bull)
    assert tuple(at_once[0].tolist()) == scoring.factor_points(one, seen, regime)


def test_a_close_above_its_days_high_is_the_years_high() -> None:
    rounded: list[Cell] = [(10_001, 10_000, 100)] * 30
    found = figure_columns(matrix_of([rounded])).of(0)
    assert found == figures_of(daily_bars(rounded))
    assert found is not None
    assert found.high_52w == 10_001


def test_without_quotes_the_last_traded_close_is_the_price() -> None:
    halted: list[Cell] = [*rising(30), (99_999, 0, 0)]
    figures = figure_columns(matrix_of([halted])).of(0)
    assert figures is not None
    assert (figures.price, figures.last_close, figures.bars) == (10_290, 10_290, 30)


def test_an_empty_market_has_no_scores() -> None:
    empty = np.zeros((0, 250), dtype=np.int64)
    assert score_all([], figure_columns(PriceMatrix(empty, empty, empty)), MarketRegime.BULL) == []


def test_turnover_is_the_mean_of_twenty_sessions_traded_or_not() -> None:
    # 5 sessions of 10,000 × 100 shares: 5 × 1,000,000 ÷ 20.
    few: list[Cell] = [*[(10_000, 10_000, 900_000)] * 10, *[None] * 15, *[(10_000, 10_000, 100)] * 5]
    found = liquidity_of(matrix_of([few]))
    assert found.turnover_krw.tolist() == [250_000]
    assert found.traded_sessions.tolist() == [5]


def test_a_stock_that_did_not_trade_on_the_last_session_of_the_market_is_told_apart() -> None:
    trading: list[Cell] = [(10_000, 10_000, 100)] * 21 + [None] * 2
    halted: list[Cell] = [(10_000, 10_000, 100)] * 20 + [(10_000, 10_000, 0)] + [None] * 2
    found = liquidity_of(matrix_of([trading, halted]))
    assert found.traded_last.tolist() == [True, False]
    nothing: Sequence[Sequence[Cell]] = [[None] * 20]
    assert liquidity_of(matrix_of(nothing)).traded_last.tolist() == [False]


def test_a_sectors_return_is_the_mean_of_its_stocks_with_enough_bars() -> None:
    # Twenty bars from 10,000 to 10,190 are +1.9 %; four of them and one too short say nothing.
    histories = [[None] * 5 + rising(20) for _ in range(6)] + [[None] * 6 + rising(19)]
    columns = figure_columns(matrix_of(histories))
    groups = [SectorGroup.FINANCE] * 5 + [SectorGroup.CHEMICAL] * 2
    found = sector_returns(columns, groups)
    assert found == {SectorGroup.FINANCE: pytest.approx(1.9)}


def test_the_last_change_is_between_the_last_two_trades() -> None:
    # 10,000 → 10,500 with a halt between is +5 %; a first day has no change.
    halted: list[Cell] = [None, (10_000, 10_000, 5), (10_000, 0, 0), (10_500, 10_500, 5), (77, 0, 0)]
    new: list[Cell] = [None, None, None, (10_500, 10_500, 5), None]
    assert last_changes_pct(matrix_of([halted, new, [None] * 5])).tolist() == [5.0, 0.0, 0.0]


def test_the_columns_of_some_stocks_come_in_the_order_asked_for() -> None:
    bars = matrix_of([rising(20), rising(20, start=20_000), rising(20, start=30_000)])
    assert rows_of(figure_columns(bars), [2, 0]).last_close.tolist() == [30_190, 10_190]
    assert rows_of(liquidity_of(bars), []).turnover_krw.tolist() == []
