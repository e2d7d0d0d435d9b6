"""What happens in the ledger, as facts that can be written, read back and applied once more."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from kis_simulator.exchange.orders import Kind, Pricing, Side


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AccountOpened(_Fact):
    """An account was used for the first time and got its cash."""

    type: Literal["account"] = "account"
    account: str
    cash_krw: int


class OrderAccepted(_Fact):
    """An order got its number; `original` names the order that it modifies, else empty."""

    type: Literal["order"] = "order"
    number: str
    kind: Kind
    original: str = ""
    account: str
    appkey_id: str
    code: str
    side: Side
    pricing: Pricing
    quantity: int
    price: int
    at: datetime


class Executed(_Fact):
    """An order traded."""

    type: Literal["fill"] = "fill"
    order_no: str
    quantity: int
    price: int
    commission_krw: int
    tax_krw: int
    at: datetime


class Withdrawn(_Fact):
    """Shares of an order will not trade any more: cancelled, moved to a modified order, or expired."""

    type: Literal["withdrawn"] = "withdrawn"
    order_no: str
    quantity: int
    expired: bool = False
    at: datetime


class TokenIssued(_Fact):
    """An access token was issued; the secret is kept as a digest only."""

    type: Literal["token"] = "token"
    appkey_id: str
    secret_digest: str
    token: str
    at: datetime


class TokenEnded(_Fact):
    """All access tokens of an app key stopped being valid."""

    type: Literal["token_end"] = "token_end"
    appkey_id: str
    at: datetime


class ApprovalIssued(_Fact):
    """A WebSocket approval key was issued."""

    type: Literal["approval"] = "approval"
    appkey_id: str
    key: str
    at: datetime


class StepDone(_Fact):
    """All prints up to `at` were matched."""

    type: Literal["step"] = "step"
    at: datetime


class DayOpened(_Fact):
    """The journal's first record: which day it belongs to."""

    type: Literal["day"] = "day"
    day: str
    seed: int
    source: str
    env: str


Event = Annotated[
    AccountOpened
    | OrderAccepted
    | Executed
    | Withdrawn
    | TokenIssued
    | TokenEnded
    | ApprovalIssued
    | StepDone
    | DayOpened,
    Field(discriminator="type"),
]

EVENTS: TypeAdapter[list[Event]] = TypeAdapter(list[Event])
