"""The market as it was known before a day: who is listed and trades, and what a year of bars says of everybody.

Read once a day, and again only when bars of earlier days were added; the bars themselves are not kept. Loads numpy:
imported with the first run.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import structlog

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.sectors import SectorGroup, sector_of
from prime_jennie.domain.sessions import SessionTable, UnknownSession
from prime_jennie.domain.symbols import Market
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.masters import ListedStock, MasterRepository
from prime_jennie.infra.database.repositories.price_matrix import DailyBars, PriceMatrixRepository
from prime_jennie.strategy.price_figures import YEAR_SESSIONS
from prime_jennie.strategy.scoring_matrix import (
    FigureColumns,
    Floats,
    Liquidity,
    PriceMatrix,
    figure_columns,
    last_changes_pct,
    liquidity_of,
    rows_of,
)

OLDEST_SESSIONS: Final = 5  # bars that end longer ago than that are no basis for a list

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class YearOfBars:
    """What a year of bars says of every stock that has any, at the last closes."""

    codes: tuple[str, ...]
    figures: FigureColumns
    changes_pct: Floats
    """Of each stock's last session."""
    liquidity: Liquidity
    ends_on: date
    """The last session on which anything traded."""
    missing_sessions: int
    """Sessions after that one and before the day."""


@dataclass(frozen=True)
class MarketHistory:
    """The listed stocks that traded within the last 20 sessions, a row each, in the order of the codes."""

    year: YearOfBars
    stocks: tuple[ListedStock, ...]
    sectors: tuple[SectorGroup, ...]

    @property
    def codes(self) -> tuple[str, ...]:
        """Return the codes."""
        return self.year.codes


class HistoryDesk:
    """Keeps what the bars before one day say."""

    def __init__(self, db: Database, sessions: SessionTable) -> None:
        self._masters = MasterRepository(db)
        self._prices = PriceMatrixRepository(db)
        self._sessions = sessions
        self._kept: tuple[int, tuple[date, ...], YearOfBars] | None = None

    async def before(self, day: date, markets: Collection[Market]) -> MarketHistory:
        """Return what was known before a day. Raises Unavailable where no bars, or only old ones, are stored."""
        year = await self._year(self._days_before(day))
        listed = await self._masters.find_all()
        return market_history(year, {code: one for code, one in listed.items() if one.master.market in markets})

    async def _year(self, days: tuple[date, ...]) -> YearOfBars:
        count = await self._prices.count(days)
        if self._kept is None or self._kept[:2] != (count, days):
            year = year_of(await self._prices.load(days))
            self._kept = count, days, year
            log.info("history read", bars=count, stocks=len(year.codes), ends_on=str(year.ends_on))
        return self._kept[2]

    def _days_before(self, day: date) -> tuple[date, ...]:
        last = self._sessions.previous(day).day
        try:
            first = self._sessions.previous(day, YEAR_SESSIONS).day
        except UnknownSession:
            first = self._sessions.first
        return tuple(session.day for session in self._sessions.sessions_between(first, last))


def year_of(bars: DailyBars) -> YearOfBars:
    """Read the bars. Raises Unavailable where nothing traded, or nothing lately."""
    matrix = PriceMatrix(bars.close, bars.high, bars.volume)
    traded_on = np.flatnonzero(matrix.traded.any(axis=0)).tolist()
    if not traded_on:
        raise Unavailable(f"no daily bars from {bars.days[0]} to {bars.days[-1]} are stored")
    missing = len(bars.days) - 1 - traded_on[-1]
    if missing > OLDEST_SESSIONS:
        raise Unavailable(f"the stored daily bars end on {bars.days[traded_on[-1]]}, {missing} sessions ago")
    return YearOfBars(
        codes=bars.codes,
        figures=figure_columns(matrix),
        changes_pct=last_changes_pct(matrix),
        liquidity=liquidity_of(matrix),
        ends_on=bars.days[traded_on[-1]],
        missing_sessions=missing,
    )


def market_history(year: YearOfBars, listed: Mapping[str, ListedStock]) -> MarketHistory:
    """Keep the stocks that are listed and traded lately; a bar of an unlisted code belongs to nobody."""
    lately = (year.liquidity.traded_sessions > 0).tolist()
    rows = [
        row for row, code in enumerate(year.codes) if lately[row] and code in listed and listed[code].master.is_active
    ]
    stocks = tuple(listed[year.codes[row]] for row in rows)
    return MarketHistory(
        year=YearOfBars(
            codes=tuple(year.codes[row] for row in rows),
            figures=rows_of(year.figures, rows),
            changes_pct=year.changes_pct[rows],
            liquidity=rows_of(year.liquidity, rows),
            ends_on=year.ends_on,
            missing_sessions=year.missing_sessions,
        ),
        stocks=stocks,
        sectors=tuple(_sector(stock) for stock in stocks),
    )


def _sector(stock: ListedStock) -> SectorGroup:
    master = stock.master
    return master.sector_group or sector_of(master.stock_code, naver=master.sector_naver, ksic=stock.industry)
