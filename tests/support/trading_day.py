"""Small exchanges for tests: a handful of stocks with bars of the test's choosing."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np

from kis_simulator.exchange.exchange import Exchange
from kis_simulator.exchange.journal import Journal
from kis_simulator.exchange.orders import Instruction, Pricing, Side
from kis_simulator.market.bars import Bar, DailyBars, Listing, Market
from kis_simulator.market.path import PathShape
from kis_simulator.market.tapes import Tapes
from prime_jennie.domain.sessions import KST, Session

DAY = date(2025, 3, 4)
YESTERDAY = date(2025, 2, 28)
OPENS_AT = datetime(2025, 3, 4, 9, 0, tzinfo=KST)
CLOSES_AT = datetime(2025, 3, 4, 15, 30, tzinfo=KST)
SESSION = Session(day=DAY, opens_at=OPENS_AT, closes_at=CLOSES_AT)
SETTLES_ON = date(2025, 3, 6)
SHAPE = PathShape(tick_secs=2, continuous_secs=380 * 60, session_secs=390 * 60)
ACCOUNT = "12345678-01"
CASH_KRW = 50_000_000
CALM = Bar(open=50_000, high=51_000, low=49_500, close=50_500, volume=2_000_000)


def market_of(today: dict[str, Bar], yesterday: dict[str, Bar] | None = None) -> Market:
    """Return a market of two sessions; without a bar of its own a stock closed yesterday at today's open."""
    before = {code: Bar(bar.open, bar.open, bar.open, bar.open, 1_000) for code, bar in today.items()}
    before.update(yesterday or {})
    codes = tuple(sorted(today))
    columns = {
        name: np.array([[getattr(before[code], name), getattr(today[code], name)] for code in codes])
        for name in ("open", "high", "low", "close", "volume")
    }
    prices = {name: columns[name].astype(np.int32) for name in ("open", "high", "low", "close")}
    bars = DailyBars(codes, (YESTERDAY, DAY), **prices, volume=columns["volume"].astype(np.int64))
    listings = {code: Listing(code, f"종목{code}", "KOSPI", "", 1_000_000) for code in codes}
    return Market("test", bars, listings, ())


def exchange_of(
    today: dict[str, Bar],
    *,
    yesterday: dict[str, Bar] | None = None,
    at: datetime = OPENS_AT + timedelta(minutes=30),
    journal: Path | None = None,
    paper: bool = False,
    cash_krw: int = CASH_KRW,
) -> Exchange:
    """Return an exchange of one day that stands at `at`."""
    tapes = Tapes(market_of(today, yesterday), DAY, 7, SHAPE)
    kept = Journal(journal)
    batches = list(kept.read())
    kept.open()
    exchange = Exchange(tapes, SESSION, SETTLES_ON, kept, start_at=at, cash_krw=cash_krw, seed=7, paper=paper)
    exchange.resume(batches)
    return exchange


def buy(code: str, quantity: int, price: int = 0) -> Instruction:
    """Return a buy: a market order without a price."""
    return _instruction(Side.BUY, code, quantity, price)


def sell(code: str, quantity: int, price: int = 0) -> Instruction:
    """Return a sell: a market order without a price."""
    return _instruction(Side.SELL, code, quantity, price)


def _instruction(side: Side, code: str, quantity: int, price: int) -> Instruction:
    pricing = Pricing.LIMIT if price else Pricing.MARKET
    return Instruction(ACCOUNT, "tester", code, side, pricing, quantity, price)
