"""Bars of made-up stocks, as a row of daily bars and as rows of matrices."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np

from prime_jennie.domain.market import DailyPrice
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.symbols import Market, StockMaster
from prime_jennie.domain.watchlist import EnrichedCandidate
from prime_jennie.strategy.price_figures import PriceFigures
from prime_jennie.strategy.scoring_matrix import PriceMatrix

FIRST = date(2024, 1, 2)
Cell = tuple[int, int, int] | None
"""Close, high and volume of a session; None where the stock has no bar."""


def daily_bars(cells: Sequence[Cell], code: str = "005930") -> tuple[DailyPrice, ...]:
    """Return a stock's bars, one a session that has one."""
    return tuple(
        DailyPrice(
            stock_code=code,
            price_date=FIRST + timedelta(days=number),
            open_price=0 if not cell[2] else cell[0],
            high_price=cell[1],
            low_price=0,
            close_price=cell[0],
            volume=cell[2],
        )
        for number, cell in enumerate(cells)
        if cell is not None
    )


def matrix_of(stocks: Sequence[Sequence[Cell]]) -> PriceMatrix:
    """Return the matrices of stocks whose histories are of one length."""
    cube = np.array([[cell or (0, 0, 0) for cell in cells] for cells in stocks], dtype=np.int64)
    cube = cube.reshape(len(stocks), -1, 3)
    return PriceMatrix(close=cube[:, :, 0], high=cube[:, :, 1], volume=cube[:, :, 2])


def rising(sessions: int, *, start: int = 10_000, step: int = 10, volume: int = 1_000) -> list[Cell]:
    """Return a stock that rises by the same won every session."""
    return [(start + step * number, start + step * number, volume) for number in range(sessions)]


def candidate(code: str = "005930", **known: object) -> EnrichedCandidate:
    """Return a stock of which nothing else is known, unless told."""
    master = StockMaster(
        stock_code=code, stock_name=f"종목{code}", market=Market.KOSPI, sector_group=SectorGroup.FINANCE
    )
    return EnrichedCandidate.model_validate({"master": master, **known})


def figures(**known: Any) -> PriceFigures:
    """Return flat figures of a long history, changed as a test says."""
    flat: dict[str, Any] = {
        "bars": 250,
        "price": 10_000.0,
        "last_close": 10_000.0,
        "rsi": 50.0,
        "return_20_pct": 0.0,
        "return_60_pct": 0.0,
        "return_120_pct": 0.0,
        "ma5": 10_000.0,
        "ma20": 10_000.0,
        "volume_ratio": 1.0,
        "high_52w": 10_000.0,
        "high_distance_pct": 0.0,
    }
    return PriceFigures(**(flat | known))
