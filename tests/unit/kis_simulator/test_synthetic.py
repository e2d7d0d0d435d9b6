"""The synthetic market has the real one's shape."""

from datetime import date

import numpy as np

from kis_simulator.market.grid import off_grid
from kis_simulator.market.synthetic import SESSIONS, synthetic_market
from prime_jennie.domain.sectors import sector_of
from prime_jennie.infra.calendar import load_sessions

DAY = date(2025, 3, 4)
SESSION_DAYS = [s.day for s in load_sessions().sessions_between(date(2022, 6, 1), DAY)][-SESSIONS:]
MARKET = synthetic_market(SESSION_DAYS, 7)


def test_it_says_that_it_is_synthetic() -> None:
    assert MARKET.source == "synthetic"
    assert "SYNTHETIC" in MARKET.notes[0]


def test_it_holds_two_years_of_at_least_three_hundred_stocks_with_the_familiar_names() -> None:
    assert len(MARKET.bars.codes) >= 300
    assert len(MARKET.bars.days) == SESSIONS
    assert MARKET.listings["005930"].name == "삼성전자"
    assert MARKET.listings["000660"].name == "SK하이닉스"
    groups = {sector_of(code, ksic=listing.industry) for code, listing in MARKET.listings.items()}
    assert len(groups) >= 10


def test_every_bar_is_whole_and_on_the_grid() -> None:
    bars = MARKET.bars
    for prices in (bars.open, bars.high, bars.low, bars.close):
        assert not off_grid(prices.astype(np.int64)).any()
        assert (prices > 0).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.volume > 0).all()


def test_no_day_leaves_the_price_limits() -> None:
    close = MARKET.bars.close.astype(float)
    # 30 % and a tick of rounding on the cheapest prices.
    assert np.abs(close[:, 1:] / close[:, :-1] - 1).max() < 0.32


def test_stocks_move_together_but_not_alike() -> None:
    close = MARKET.bars.close[:60].astype(float)
    correlations = np.corrcoef(np.diff(np.log(close), axis=1))
    mean = float(correlations[np.triu_indices(60, 1)].mean())
    assert 0.1 < mean < 0.6


def test_the_same_seed_gives_the_same_market_and_another_gives_another() -> None:
    assert np.array_equal(synthetic_market(SESSION_DAYS, 7).bars.close, MARKET.bars.close)
    assert not np.array_equal(synthetic_market(SESSION_DAYS, 8).bars.close, MARKET.bars.close)


def test_familiar_names_trade_near_familiar_prices_on_the_day() -> None:
    bar = MARKET.bars.bar("005930", DAY)
    assert bar is not None
    assert 50_000 < bar.close < 66_000
