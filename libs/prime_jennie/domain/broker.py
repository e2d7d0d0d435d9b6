"""Speak the broker's words as the gateway hears them: references, the day's order list, fill notices."""

from enum import StrEnum
from typing import Final, Self

from pydantic import Field, model_validator

from prime_jennie.domain.model import Record, Timestamp
from prime_jennie.domain.money import Amount, Quantity
from prime_jennie.domain.orders import OrderType, TradeType
from prime_jennie.domain.symbols import StockCode


class Environment(StrEnum):
    """Which exchange stands behind the gateway: the simulator, the broker's paper or its real accounts."""

    MOCK = "mock"
    PAPER = "paper"
    LIVE = "live"

    @property
    def rest_per_sec(self) -> float:
        """Return how many calls a second a gateway sends at most: one below what the exchange allows (design §6)."""
        return _REST_PER_SEC[self]


_REST_PER_SEC: Final = {Environment.MOCK: 19.0, Environment.LIVE: 17.0, Environment.PAPER: 1 / 1.1}


class AccountInfo(Record):
    """Whose money the gateway moves, and whether it is real."""

    account_no: str = Field(pattern=r"^[0-9]{8}-[0-9]{2}$")
    environment: Environment


class BrokerOrderRef(Record):
    """How the broker names an order; `org_no` is the branch that a cancellation must repeat."""

    order_no: str = Field(min_length=1)
    org_no: str = ""
    accepted_at: Timestamp | None = None


class BrokerOrder(Record):
    """One line of the broker's own list of the day's orders."""

    order_no: str = Field(min_length=1)
    org_no: str = ""
    orig_order_no: str | None = None
    """The order this one cancels or modifies."""
    stock_code: StockCode
    side: TradeType
    order_type: OrderType
    quantity: Quantity
    price: Amount
    """The limit, 0 for a market order."""
    filled_qty: Amount
    filled_amount_krw: Amount
    remaining_qty: Amount
    canceled_qty: Amount = 0
    rejected_qty: Amount = 0
    ordered_at: Timestamp

    @model_validator(mode="after")
    def _parts_fit_the_whole(self) -> Self:
        if self.filled_qty + self.remaining_qty > self.quantity:
            raise ValueError("filled_qty and remaining_qty exceed quantity")
        return self

    @property
    def avg_price(self) -> float:
        """Return the mean fill price, 0 before the first fill."""
        return self.filled_amount_krw / self.filled_qty if self.filled_qty else 0.0


class NoticeKind(StrEnum):
    """What a fill notice reports."""

    ACCEPTED = "accepted"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"


class FillNotice(Record):
    """A notice of the broker's stream: one execution, or one step of an order's life (quantity and price then 0)."""

    account_no: str
    kind: NoticeKind
    order_no: str = Field(min_length=1)
    orig_order_no: str | None = None
    stock_code: StockCode
    side: TradeType
    quantity: Amount
    price: Amount
    at: Timestamp
    reason: str | None = None
    """The broker's words for a rejection."""
