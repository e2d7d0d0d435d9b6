"""Orders and executions as the exchange keeps them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"


class Pricing(StrEnum):
    """How an order is priced; KIS division codes 00 and 01."""

    LIMIT = "limit"
    MARKET = "market"


class Kind(StrEnum):
    """Whether a number stands for a new order or for a request about an older one."""

    NEW = "new"
    MODIFY = "modify"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Instruction:
    """What a customer asks for; `price` is 0 for market orders."""

    account: str
    appkey_id: str
    code: str
    side: Side
    pricing: Pricing
    quantity: int
    price: int


@dataclass
class Order:
    """One order number; a cancel request is closed from the start and carries the cancelled quantity."""

    number: str
    kind: Kind
    original: str
    instruction: Instruction
    accepted_at: datetime
    filled_qty: int = 0
    filled_amount_krw: int = 0
    withdrawn_qty: int = 0
    executions: int = 0
    expired: bool = False

    @property
    def remaining_qty(self) -> int:
        """Return the shares that may still trade."""
        if self.kind is Kind.CANCEL:
            return 0
        return self.instruction.quantity - self.filled_qty - self.withdrawn_qty

    @property
    def status(self) -> str:
        """Return open, partial, filled, canceled, expired, or confirmed for a cancel request."""
        if self.kind is Kind.CANCEL:
            return "confirmed"
        if self.remaining_qty:
            return "partial" if self.filled_qty else "open"
        if self.withdrawn_qty == 0:
            return "filled"
        return "expired" if self.expired else "canceled"


@dataclass(frozen=True)
class Execution:
    """One trade of one order; `number` counts the order's executions from 1."""

    order_no: str
    number: int
    account: str
    code: str
    side: Side
    quantity: int
    price: int
    commission_krw: int
    tax_krw: int
    at: datetime

    @property
    def fill_id(self) -> str:
        """Return the identity of the execution within the day."""
        return f"{self.order_no}-{self.number}"

    @property
    def amount_krw(self) -> int:
        """Return price times quantity, fees left out."""
        return self.price * self.quantity
