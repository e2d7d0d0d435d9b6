"""Shares as broker and books count them: plain facts that repositories read and position-sync compares."""

from dataclasses import dataclass
from datetime import datetime

from prime_jennie.domain.orders import TradeType

Owned = tuple[str, str]
"""Strategy and stock code."""


@dataclass(frozen=True)
class BrokerHolding:
    """A stock as the broker lists it."""

    stock_code: str
    stock_name: str
    quantity: int
    average_price: float


@dataclass(frozen=True)
class OwnPosition:
    """A row of active_portfolio."""

    strategy: str
    stock_code: str
    position_id: str
    quantity: int
    average_price: float
    bought_at: datetime


@dataclass(frozen=True)
class Correction:
    """Take shares out of one position."""

    strategy: str
    stock_code: str
    position_id: str
    quantity_before: int
    quantity_after: int


@dataclass(frozen=True)
class BookedShares:
    """One booked execution, or a correction as a sale without a price."""

    side: TradeType
    quantity: int
    at: datetime
    amount_krw: int = 0
    commission_krw: int = 0


@dataclass(frozen=True, slots=True)
class DayTrade:
    """One booked execution of the day; fees are commission and tax."""

    stock_code: str
    is_buy: bool
    quantity: int
    amount_krw: int
    fees_krw: int


@dataclass(frozen=True)
class RebuiltPosition:
    """What a stock's trades leave: shares, their cost and buy commission in KRW, and since when."""

    quantity: int = 0
    cost_krw: int = 0
    commission_krw: int = 0
    bought_at: datetime | None = None
