"""Score the whole market at once, equal to `scoring` stock by stock.

The only module here that needs numpy; nothing but the scout loads it. Bars come as matrices [stock, session], oldest
session first; a cell without volume is no trade, whatever its price says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.watchlist import EnrichedCandidate, QuantScore
from prime_jennie.strategy import factors, scoring
from prime_jennie.strategy.factors import Ramp, Steps
from prime_jennie.strategy.indicators import NEUTRAL_RSI, RSI_PERIOD
from prime_jennie.strategy.price_figures import (
    FEWEST_BARS,
    HALF_YEAR_BARS,
    MONTH_BARS,
    QUARTER_BARS,
    YEAR_SESSIONS,
    PriceFigures,
)

LIQUIDITY_SESSIONS = 20

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class PriceMatrix:
    """Daily bars of many stocks; close and high in KRW, volume in shares, 0 where there is no bar."""

    close: Integers
    high: Integers
    volume: Integers

    @property
    def traded(self) -> Flags:
        """Tell where shares changed hands."""
        found: Flags = (self.volume > 0) & (self.close > 0)
        return found


@dataclass(frozen=True)
class Liquidity:
    """How much a stock trades, from the sessions before the day alone."""

    turnover_krw: Floats
    """Mean of close × volume over the last 20 sessions; a session without trade counts as nothing."""
    traded_sessions: Integers
    """Of the last 20."""
    traded_last: Flags
    """On the last session on which anything traded at all: a stock that did not is halted, or gone."""


def liquidity_of(bars: PriceMatrix) -> Liquidity:
    """Read what each stock's last 20 sessions say about trading it."""
    recent = slice(-LIQUIDITY_SESSIONS, None)
    traded = bars.traded
    turnover = np.where(traded[:, recent], bars.close[:, recent].astype(np.float64) * bars.volume[:, recent], 0.0)
    sessions = np.flatnonzero(traded.any(axis=0))
    last = traded[:, sessions[-1]] if sessions.size else np.zeros(len(traded), dtype=np.bool_)
    return Liquidity(turnover.sum(axis=1) / LIQUIDITY_SESSIONS, traded[:, recent].sum(axis=1), last)


@dataclass(frozen=True)
class FigureColumns:
    """`PriceFigures` of every stock, a column a figure; without meaning where `bars` is below 20."""

    bars: Integers
    price: Floats
    last_close: Floats
    rsi: Floats
    return_20_pct: Floats
    return_60_pct: Floats
    return_120_pct: Floats
    ma5: Floats
    ma20: Floats
    volume_ratio: Floats
    high_52w: Floats
    high_distance_pct: Floats

    def of(self, row: int) -> PriceFigures | None:
        """Return one stock's figures, None below 20 traded bars."""
        return self.known(row) if self.bars[row] >= FEWEST_BARS else None

    def known(self, row: int) -> PriceFigures:
        """Return the figures of a stock that has enough bars."""
        bars = int(self.bars[row])
        return PriceFigures(
            bars=bars,
            price=float(self.price[row]),
            last_close=float(self.last_close[row]),
            rsi=float(self.rsi[row]),
            return_20_pct=float(self.return_20_pct[row]),
            return_60_pct=float(self.return_60_pct[row]) if bars >= QUARTER_BARS else None,
            return_120_pct=float(self.return_120_pct[row]) if bars >= HALF_YEAR_BARS else None,
            ma5=float(self.ma5[row]),
            ma20=float(self.ma20[row]),
            volume_ratio=float(self.volume_ratio[row]),
            high_52w=float(self.high_52w[row]),
            high_distance_pct=float(self.high_distance_pct[row]),
        )


Columns = TypeVar("Columns", Liquidity, FigureColumns)


def rows_of(columns: Columns, rows: Sequence[int]) -> Columns:
    """Return the columns of some stocks, in the order given."""
    return replace(columns, **{field.name: getattr(columns, field.name)[list(rows)] for field in fields(columns)})


def figure_columns(bars: PriceMatrix) -> FigureColumns:
    """Read the last 250 sessions of every stock; the price is the last traded close."""
    year = PriceMatrix(*(field[:, -YEAR_SESSIONS:] for field in (bars.close, bars.high, bars.volume)))
    traded = year.traded
    count = traded.sum(axis=1).astype(np.int64)
    close, volume = _left_aligned(year.close, traded), _left_aligned(year.volume, traded)
    highest = np.where(traded, np.maximum(year.high, year.close), 0).max(axis=1, initial=0)
    high = highest.astype(np.float64)
    last = _back(close, count, 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return FigureColumns(
            bars=count,
            price=last,
            last_close=last,
            rsi=_rsi(close, count),
            return_20_pct=_change_pct(_back(close, count, MONTH_BARS), last),
            return_60_pct=_change_pct(_back(close, count, QUARTER_BARS), last),
            return_120_pct=_change_pct(_back(close, count, HALF_YEAR_BARS), last),
            ma5=_tail_sum(close, count, 5) / 5,
            ma20=_tail_sum(close, count, 20) / 20,
            volume_ratio=(_tail_sum(volume, count, 5) / 5) / (_tail_sum(volume, count, 20) / 20),
            high_52w=high,
            high_distance_pct=_change_pct(high, last),
        )


def last_changes_pct(bars: PriceMatrix) -> Floats:
    """Return the change from each stock's last but one traded close to its last, in percent; 0 where there is none."""
    count = bars.traded.sum(axis=1).astype(np.int64)
    close = _left_aligned(bars.close, bars.traded)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(count > 1, _change_pct(_back(close, count, 2), _back(close, count, 1)), 0.0)


def score_all(
    candidates: Sequence[EnrichedCandidate], figures: FigureColumns, regime: MarketRegime
) -> list[QuantScore]:
    """Score every candidate by its row of the figures; the candidates' own bars are not looked at."""
    columns = quoted(figures, candidates)
    points = _points(candidates, columns, bull=regime.is_bull)
    scores = []
    for row, candidate in enumerate(candidates):
        found = columns.of(row)
        if found is None:
            scores.append(scoring.invalid_score(candidate, int(columns.bars[row])))
        else:
            momentum, quality, value, technical, news, flows, sector = points[row].tolist()
            own = (momentum, quality, value, technical, news, flows, sector)
            scores.append(scoring.valid_score(candidate, found, own))
    return scores


def sector_returns(columns: FigureColumns, groups: Sequence[SectorGroup]) -> Mapping[SectorGroup, float]:
    """Return each sector's mean 20-day return over the stocks with enough bars."""
    judged: list[int] = np.flatnonzero(columns.bars >= FEWEST_BARS).tolist()
    return scoring.sector_returns((groups[row], float(columns.return_20_pct[row])) for row in judged)


def quoted(figures: FigureColumns, candidates: Sequence[EnrichedCandidate]) -> FigureColumns:
    """Return the figures at today's prices; a stock that has not traded today keeps its last close."""
    seen = [candidate.snapshot for candidate in candidates]
    quotes = _column([None if one is None or one.volume == 0 else float(one.price) for one in seen])
    price = np.where(np.isnan(quotes), figures.last_close, quotes)
    with np.errstate(divide="ignore", invalid="ignore"):
        return replace(figures, price=price, high_distance_pct=_change_pct(figures.high_52w, price))


def _points(candidates: Sequence[EnrichedCandidate], columns: FigureColumns, *, bull: bool) -> Floats:
    """Return the seven factors [stock, factor], in the order of `FactorPoints`."""
    per = _column([scoring.reported_per(candidate) for candidate in candidates])
    pbr = _column([scoring.reported_pbr(candidate) for candidate in candidates])
    expected_per = _column([scoring.expected_per(candidate) for candidate in candidates])
    roe = _column([scoring.expected_roe(candidate) for candidate in candidates])
    revision = _column([scoring.eps_revision(candidate) for candidate in candidates])
    sentiment = _column([candidate.news_sentiment_avg for candidate in candidates])
    sector = _column([candidate.sector_avg_return_20d for candidate in candidates])
    flows = [factors.supply_demand(candidate.investor_trading) for candidate in candidates]
    return np.column_stack(
        [
            _momentum(columns, revision, bull=bull),
            _steps(factors.ROE, roe) + _quality_pbr(pbr) + _quality_per(expected_per),
            _value_per(per) + _value_pbr(pbr) + _steps(factors.HIGH_DISTANCE, columns.high_distance_pct),
            _technical(columns),
            _ramp(factors.NEWS, sentiment),
            np.array(flows, dtype=np.float64),
            _ramp(factors.SECTOR_RETURN, sector),
        ]
    )


def _momentum(columns: FigureColumns, revision: Floats, *, bull: bool) -> Floats:
    half_year = np.where(columns.bars >= HALF_YEAR_BARS, columns.return_120_pct, np.nan)
    quarter = np.where(columns.bars >= QUARTER_BARS, columns.return_60_pct, np.nan)
    month, rsi = columns.return_20_pct, columns.rsi
    hot = 5.0 if bull else 3.0
    strength = np.select([rsi > 80, rsi > 70, rsi >= 40, rsi >= 30], [1.0, hot, 5.0, 3.5], 4.0)
    trend = np.where(np.isnan(half_year), _ramp(factors.THREE_MONTHS, quarter), _ramp(factors.SIX_MONTHS, half_year))
    pattern = np.select(
        [(half_year > 5) & (month < -3), (half_year > 0) & (month < 0), (half_year > 10) & (month > 3)],
        [5.0, 2.5, 3.5],
        0.0,
    )
    points = strength + trend + _ramp(factors.ONE_MONTH, month) + pattern + _steps(factors.EPS_REVISION, revision)
    capped: Floats = np.minimum(points, factors.MOMENTUM_TOP)
    return capped


def _quality_pbr(pbr: Floats) -> Floats:
    return np.where(pbr < 0, factors.DEFICIT_POINTS, _steps(factors.QUALITY_PBR, pbr))


def _quality_per(per: Floats) -> Floats:
    bands = [np.isnan(per), (per >= 5) & (per <= 15), (per >= 3) & (per <= 25), (per > 0) & (per <= 50)]
    return np.select(bands, [2.5, 5.0, 3.0, 1.0], factors.LOSS_QUALITY)


def _value_per(per: Floats) -> Floats:
    return np.where(per < 0, factors.LOSS_VALUE, _steps(factors.VALUE_PER, per))


def _value_pbr(pbr: Floats) -> Floats:
    return np.where(pbr < 0, factors.DEFICIT_POINTS, _steps(factors.VALUE_PBR, pbr))


def _technical(columns: FigureColumns) -> Floats:
    price, ma5, ma20 = columns.price, columns.ma5, columns.ma20
    trend = np.select([(price > ma5) & (ma5 > ma20), price > ma20, price > ma5], [5.0, 3.0, 1.5], 0.0)
    return trend + _steps(factors.VOLUME, columns.volume_ratio)


def _ramp(ramp: Ramp, values: Floats) -> Floats:
    points = (np.clip(values, ramp.low, ramp.high) - ramp.low) / (ramp.high - ramp.low) * ramp.top
    return np.where(np.isnan(values), ramp.top / 2, points)


def _steps(steps: Steps, values: Floats) -> Floats:
    passed = [steps.passes(values, bound) for bound, _ in steps.bounds]
    points = np.select(passed, [points for _, points in steps.bounds], steps.rest)
    return np.where(np.isnan(values), steps.unknown, points)


def _rsi(close: Floats, count: Integers) -> Floats:
    """Return Wilder's RSI of each left-aligned series; `indicators.rsi_wilder`, a session at a time."""
    gain, loss = np.zeros(len(close)), np.zeros(len(close))
    for session in range(1, close.shape[1]):
        change = close[:, session] - close[:, session - 1]
        up, down = np.maximum(change, 0.0), np.maximum(-change, 0.0)
        if session <= RSI_PERIOD:
            gain, loss = gain + up, loss + down
            if session == RSI_PERIOD:
                gain, loss = gain / RSI_PERIOD, loss / RSI_PERIOD
            continue
        goes_on = session < count
        gain = np.where(goes_on, (gain * (RSI_PERIOD - 1) + up) / RSI_PERIOD, gain)
        loss = np.where(goes_on, (loss * (RSI_PERIOD - 1) + down) / RSI_PERIOD, loss)
    moved = gain + loss
    return np.where(moved == 0.0, NEUTRAL_RSI, 100.0 * gain / moved)


def _left_aligned(values: Integers, traded: Flags) -> Floats:
    """Move each stock's traded cells to the left, in order: every row then is one unbroken series."""
    order = np.argsort(~traded, axis=1, kind="stable")
    return np.take_along_axis(values, order, axis=1).astype(np.float64)


def _back(values: Floats, count: Integers, steps: int) -> Floats:
    """Return the `steps`-th value from each series' end; the first one where the series is shorter."""
    if values.shape[1] == 0:
        return np.zeros(len(values))
    rows: Floats = values[np.arange(len(values)), np.maximum(count - steps, 0)]
    return rows


def _tail_sum(values: Floats, count: Integers, length: int) -> Floats:
    """Return the sum of each series' last values, exact: prices and volumes are whole numbers."""
    if values.shape[1] == 0:
        return np.zeros(len(values))
    columns = np.clip(count[:, None] - length + np.arange(length), 0, values.shape[1] - 1)
    tail: Floats = np.take_along_axis(values, columns, axis=1).sum(axis=1)
    return tail


def _change_pct(start: Floats, end: Floats) -> Floats:
    changed: Floats = (end - start) * 100.0 / start
    return changed


def _column(values: Sequence[float | None]) -> Floats:
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
