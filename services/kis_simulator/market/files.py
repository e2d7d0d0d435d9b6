"""Load the market from a folder of real prices (`JENNIE_DATA`)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl

from kis_simulator.market.bars import Listing, Market, bars_on_grid
from kis_simulator.market.price_files import find, read_master, read_prices

LICENCE_NOTE = "intraday paths are made from daily bars, seeded; listed shares are those of the master, not of the day"


def load_folder(folder: Path) -> Market:
    """Read krx-daily and stock-master of a folder; refuse broken files with one clear error."""
    frame = read_prices(find(folder, "krx-daily"))
    master = read_master(find(folder, "stock-master"))
    return market_of("real", frame, _listings(master))


def market_of(source: str, frame: pl.DataFrame, listings: dict[str, Listing]) -> Market:
    """Spread rows sorted by code and date into matrices; prices of unlisted codes keep the code as their name."""
    codes = frame["code"].unique(maintain_order=True)
    days = frame["date"].unique().sort()
    row = frame["code"].rle_id().to_numpy()
    day_numbers = days.to_physical().to_numpy()
    column = np.searchsorted(day_numbers, frame["date"].to_physical().to_numpy())
    prices: dict[str, np.ndarray[tuple[int, ...], np.dtype[np.int64]]] = {}
    for name in ("open", "high", "low", "close", "volume"):
        matrix = np.zeros((len(codes), len(days)), dtype=np.int64)
        matrix[row, column] = frame[name].to_numpy()
        prices[name] = matrix
    names: tuple[str, ...] = tuple(codes.to_list())
    sessions: tuple[date, ...] = tuple(days.to_list())
    bars, notes = bars_on_grid(names, sessions, prices)
    known = {code: listings.get(code) or Listing(code, code) for code in names}
    unlisted = sum(1 for listing in known.values() if not listing.shares)
    if unlisted:
        notes.append(f"{unlisted} codes have prices but no listing row: they are in no index")
    return Market(source, bars, known, (*notes, LICENCE_NOTE))


def _listings(master: pl.DataFrame) -> dict[str, Listing]:
    return {
        code: Listing(code, name or code, market or "", industry or "", shares or 0)
        for code, name, industry, market, shares in master.iter_rows()
    }
