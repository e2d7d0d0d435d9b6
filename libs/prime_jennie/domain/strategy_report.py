"""What is told of a strategy: by `jennie status`, by dashboard-api, and by the operator in the object's status."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from pydantic import BaseModel, ConfigDict

from prime_jennie.domain.buying import BuyingFacts, ReasonCode
from prime_jennie.domain.holdings import DayTrade
from prime_jennie.domain.risk import HaltState


@dataclass(frozen=True, slots=True)
class OpenPosition:
    """One holding as our own books have it."""

    code: str
    name: str
    quantity: int
    average_price_krw: float
    cost_krw: int


@dataclass(frozen=True, slots=True)
class DayBooks:
    """What a strategy holds and has traded today, and at which prices the day began."""

    held: Mapping[str, int]
    trades: Sequence[DayTrade]
    gone: Mapping[str, int]
    """Shares that left today without an order of ours."""
    closes_krw: Mapping[str, int]
    """Of the previous session; a stock without one is left out."""


@dataclass(frozen=True, slots=True)
class StrategyFacts:
    """Everything a report is made of, but prices."""

    strategy: str
    buying: BuyingFacts
    positions: Sequence[OpenPosition]
    books: DayBooks | None
    """None for a strategy that holds nothing and has not traded today."""
    settles_on: date | None
    """The day on which a sale of today settles, whose tax it pays; None beyond the session table."""
    buys: int
    sells: int
    realised_krw: int
    open_orders: int
    unresolved_orders: int
    last_signal_at: datetime | None
    services: Mapping[str, str]
    """What its services say of themselves, where somebody has asked them."""

    @property
    def codes(self) -> list[str]:
        """The stocks whose prices a report needs."""
        return sorted({*self.books.held, *self.books.gone}) if self.books is not None else []


class HeldStock(BaseModel):
    """One open position at the gateway's newest price, None when it did not answer; profits after fees and tax."""

    model_config = ConfigDict(frozen=True)

    code: str
    name: str
    quantity: int
    average_price_krw: float
    price_krw: int | None
    profit_krw: int | None
    profit_pct: float | None


class StrategyReport(BaseModel):
    """One strategy's line; `reasons`, each with its code, are empty while it may buy. KRW after fees and tax.

    `realised_krw` is of today's sales, `unrealised_krw` what selling everything now would earn, since the purchases.
    """

    model_config = ConfigDict(frozen=True)

    strategy: str
    mode: str | None
    trading: HaltState
    buys: bool
    reasons: tuple[str, ...]
    reason_codes: tuple[ReasonCode, ...]
    regime: str | None
    positions: tuple[HeldStock, ...]
    buys_today: int
    sells_today: int
    realised_krw: int
    unrealised_krw: int | None
    day_pnl_krw: int | None
    """Since the previous closes; None where a price or such a close is not known."""
    last_signal_at: datetime | None
    """Time of the newest buy signal, as far as its stream reaches."""
    open_orders: int
    unresolved_orders: int
    generation: int | None
    services: dict[str, str]
