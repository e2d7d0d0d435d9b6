"""Follow an order from the intent to its last fill."""

from enum import StrEnum
from typing import Final, Self

from pydantic import Field, model_validator

from prime_jennie.domain.model import Record
from prime_jennie.domain.money import Amount, PositiveAmount, Quantity
from prime_jennie.domain.symbols import StockCode


class OrderType(StrEnum):
    """How an order is priced."""

    MARKET = "market"
    LIMIT = "limit"


class TradeType(StrEnum):
    """Which side a trade is on."""

    BUY = "BUY"
    SELL = "SELL"


class OrderOutcome(StrEnum):
    """What is known after sending: `unknown` is neither, and is never sent again."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class OrderStatus(StrEnum):
    """An order's life (rulebook §13.1)."""

    NEW = "NEW"
    SENT = "SENT"
    PARTIAL = "PARTIAL"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    ERROR = "ERROR"

    @property
    def is_terminal(self) -> bool:
        """Tell whether nothing can happen to the order any more."""
        return not _NEXT_STATUS[self]

    def can_become(self, other: "OrderStatus") -> bool:
        """Tell whether the order's life allows this step."""
        return other in _NEXT_STATUS[self]


_AT_THE_BROKER: Final = frozenset(
    {OrderStatus.PARTIAL, OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.ERROR}
)
_NEXT_STATUS: Final[dict[OrderStatus, frozenset[OrderStatus]]] = {
    OrderStatus.NEW: frozenset({OrderStatus.SENT, OrderStatus.REJECTED, OrderStatus.CANCELED}),
    OrderStatus.SENT: _AT_THE_BROKER,
    OrderStatus.PARTIAL: _AT_THE_BROKER,
    OrderStatus.FILLED: frozenset(),
    OrderStatus.CANCELED: frozenset(),
    OrderStatus.REJECTED: frozenset(),
    OrderStatus.ERROR: frozenset(),
}


class IntentState(StrEnum):
    """What became of the wish to send an order."""

    NEW = "NEW"
    DISPATCHING = "DISPATCHING"
    ACCEPTED = "ACCEPTED"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"
    NOT_SENT = "NOT_SENT"

    @property
    def is_unresolved(self) -> bool:
        """Tell whether the broker may hold an order nobody has confirmed; it occupies the symbol's one slot."""
        return self in (IntentState.DISPATCHING, IntentState.UNKNOWN)


class OrderRequest(Record):
    """Ask the gateway to buy or sell; a limit needs a price (rulebook §1.4 ✗) and a market order has none."""

    stock_code: StockCode
    quantity: Quantity
    order_type: OrderType = OrderType.MARKET
    price: PositiveAmount | None = None

    @model_validator(mode="after")
    def _price_belongs_to_limits(self) -> Self:
        if self.order_type is OrderType.LIMIT and self.price is None:
            raise ValueError("order_type limit needs a price")
        # The type defaults to market: a caller who gives a price and forgets the type meant a limit.
        if self.order_type is OrderType.MARKET and self.price is not None:
            raise ValueError("order_type market takes no price; say order_type limit")
        return self


class OrderResult(Record):
    """Answer an order request; `price` is the limit, or 0 for a market order."""

    success: bool
    order_no: str | None = None
    stock_code: StockCode
    quantity: Quantity
    price: Amount
    message: str | None = None
    outcome: OrderOutcome | None = None
    idempotency_key: str | None = None

    @model_validator(mode="after")
    def _success_means_accepted(self) -> Self:
        if self.outcome is not None and self.success is not (self.outcome is OrderOutcome.ACCEPTED):
            raise ValueError(f"success={self.success} contradicts outcome {self.outcome}")
        return self


class OrderFillStatus(Record):
    """Tell how far an order is filled; `filled` means in full."""

    filled: bool
    filled_qty: Amount
    avg_price: float = Field(ge=0, allow_inf_nan=False)


class OrderState(Record):
    """An order as the gateway knows it."""

    order_no: str = Field(min_length=1)
    stock_code: StockCode
    side: TradeType
    quantity: Quantity
    status: OrderStatus
    filled_qty: Amount
    filled_amount_krw: Amount
    avg_price: float = Field(ge=0, allow_inf_nan=False)
    remaining_qty: Amount
    """Shares still working at the exchange: 0 once terminal."""
    terminal: bool

    @model_validator(mode="after")
    def _figures_agree(self) -> Self:
        if self.filled_qty + self.remaining_qty > self.quantity:
            raise ValueError("filled_qty and remaining_qty exceed quantity")
        if self.terminal is not self.status.is_terminal:
            raise ValueError(f"terminal={self.terminal} contradicts status {self.status}")
        if self.status is OrderStatus.FILLED and self.filled_qty != self.quantity:
            raise ValueError("status FILLED demands filled_qty = quantity")
        return self
