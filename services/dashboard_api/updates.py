"""What is told over /ws: numbered updates, and prices of which only the newest matters."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, JsonValue

from prime_jennie.domain.model import Message, Record, Timestamp


class UpdateKind(StrEnum):
    """What an update is about."""

    HELLO = "hello"
    RESET = "reset"
    PRICES = "prices"
    SIGNAL = "signal"
    SELL_ORDER = "sell-order"
    TRADE = "trade"
    ALERT = "alert"
    SLOT = "slot"
    HALT = "halt"


class Update(Message):
    """One message to a page. `seq` counts within `epoch`; hello, reset and prices carry the newest one."""

    epoch: str = Field(description="changes when the service restarts: numbers of another epoch mean nothing here")
    seq: int = Field(ge=0)
    type: UpdateKind
    at: Timestamp
    data: dict[str, JsonValue] = Field(default_factory=dict)


class Resume(Record):
    """The last update that a page has seen."""

    epoch: str = Field(max_length=40)
    seq: int = Field(ge=0)
