"""Make a market of the real one's shape when no prices are at hand.

A market factor, an industry factor and a stock's own noise make daily returns, so neighbours correlate as in life.
Every session's shocks hang on (seed, session) alone. Nothing here is a real price, and the exchange says so.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date
from importlib.resources import files

import numpy as np

from kis_simulator.market.bars import Listing, Market, bars_on_grid
from kis_simulator.market.grid import FloatArray

MADE_STOCKS = 240
SESSIONS = 490
NOTE = "the market is SYNTHETIC: made from a seed under familiar names, no price in it is real"

_MARKET_VOL = 0.010
_INDUSTRY_VOL = 0.009
_OWN_VOL = 0.016
_LARGEST_MOVE = 0.29


def synthetic_market(days: Sequence[date], seed: int) -> Market:
    """Return a seeded market whose bars cover the given sessions, oldest first."""
    listings, last_prices = _listings(seed)
    shape = (len(listings), len(days))
    industries = {name: i for i, name in enumerate(sorted({listing.industry for listing in listings}))}
    group = np.array([industries[listing.industry] for listing in listings])
    traits = np.random.default_rng([seed, 1])
    beta = traits.uniform(0.6, 1.4, shape[0])
    own_vol = _OWN_VOL * traits.uniform(0.7, 1.5, shape[0])
    turnover = traits.lognormal(np.log(0.003), 0.6, shape[0])

    returns: FloatArray = np.zeros(shape)
    gaps: FloatArray = np.zeros(shape)
    wicks: FloatArray = np.zeros((2, *shape))
    activity: FloatArray = np.zeros(shape)
    for column, day in enumerate(days):
        shocks = np.random.default_rng([seed, 2, day.toordinal()])
        market = _market_return(day, shocks)
        by_industry = shocks.standard_t(5, len(industries)) * _INDUSTRY_VOL * 0.77
        own = shocks.standard_t(4, shape[0]) * own_vol * 0.71
        returns[:, column] = beta * market + by_industry[group] + own
        gaps[:, column] = 0.35 * returns[:, column] + shocks.standard_normal(shape[0]) * 0.005
        wicks[:, :, column] = np.abs(shocks.standard_normal((2, shape[0]))) * own_vol * 0.55
        surge = 1.0 + 12.0 * np.abs(returns[:, column])
        activity[:, column] = turnover * surge * shocks.lognormal(0.0, 0.35, shape[0])

    returns = np.clip(returns, -_LARGEST_MOVE, _LARGEST_MOVE)
    levels = np.cumsum(np.log1p(returns), axis=1)
    # Anchored at the end: whatever the day, the familiar names trade near their familiar prices.
    close = last_prices[:, None] * np.exp(levels - levels[:, -1:])
    previous = close / (1.0 + returns)
    opened = previous * (1.0 + np.clip(gaps, -_LARGEST_MOVE, _LARGEST_MOVE))
    high = np.minimum(np.maximum(opened, close) * (1.0 + wicks[0]), previous * (1.0 + _LARGEST_MOVE))
    low = np.maximum(np.minimum(opened, close) * (1.0 - wicks[1]), previous * (1.0 - _LARGEST_MOVE))
    shares = np.array([listing.shares for listing in listings], dtype=np.float64)
    volume = np.maximum(shares[:, None] * activity, 100.0).astype(np.int64)
    prices = {"open": opened, "high": high, "low": low, "close": close}
    whole = {name: np.maximum(np.rint(values), 1).astype(np.int64) for name, values in prices.items()}
    # Rounding to the grid is part of the making here, so only the note that matters is passed on.
    bars, _ = bars_on_grid(tuple(listing.code for listing in listings), tuple(days), {**whole, "volume": volume})
    return Market("synthetic", bars, {listing.code: listing for listing in listings}, (NOTE,))


def _market_return(day: date, shocks: np.random.Generator) -> float:
    """Return the market factor: a fat-tailed shock around a drift that turns with the quarters."""
    drift = 0.0012 * np.sin(2 * np.pi * day.toordinal() / 260.0) + 0.0002
    return float(drift + shocks.standard_t(5) * _MARKET_VOL * 0.77)


def _listings(seed: int) -> tuple[list[Listing], FloatArray]:
    """Return well-known names first, then made ones, with the prices they end at in KRW."""
    with files("kis_simulator.market").joinpath("well_known.csv").open(encoding="utf-8") as source:
        rows = list(csv.DictReader(source))
    known = [Listing(r["code"], r["name"], r["market"], r["industry"], int(r["shares"])) for r in rows]
    prices = [float(r["price_krw"]) for r in rows]
    rng = np.random.default_rng([seed, 0])
    industries = [listing.industry for listing in known]
    made = [
        Listing(
            code=f"99{number:03d}0",
            name=f"가상종목{number:03d}",
            market="KOSDAQ" if number % 2 else "KOSPI",
            industry=industries[int(rng.integers(len(industries)))],
            shares=int(rng.integers(5, 120)) * 1_000_000,
        )
        for number in range(1, MADE_STOCKS + 1)
    ]
    prices += [float(price) for price in np.exp(rng.uniform(np.log(1_500), np.log(150_000), MADE_STOCKS))]
    return [*known, *made], np.array(prices)
