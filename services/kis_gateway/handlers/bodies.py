"""Request bodies; unknown fields are refused."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from prime_jennie.domain.model import Record
from prime_jennie.domain.symbols import StockCode
from prime_jennie.infra.clients.kis.websocket import MAX_REGISTRATIONS
from prime_jennie.infra.clients.kis_gateway import MOST_SNAPSHOTS

Days = Annotated[int, Field(strict=True, ge=1, le=3_660)]


class StockBody(Record):
    stock_code: StockCode


class StocksBody(Record):
    stock_codes: Annotated[list[StockCode], Field(min_length=1, max_length=MOST_SNAPSHOTS)]


class DailyBody(Record):
    stock_code: StockCode
    days: Days = 150


class MinuteBody(Record):
    stock_code: StockCode
    minutes: Annotated[int, Field(strict=True, ge=1, le=390)] = 30


class IndexBody(Record):
    index_code: Annotated[str, Field(pattern=r"^[0-9]{4}$")]


class IndexDailyBody(IndexBody):
    days: Days = 150


class OrderNoBody(Record):
    order_no: Annotated[str, Field(min_length=1, max_length=32)]


class StatusBody(Record):
    order_no: Annotated[str, Field(min_length=1, max_length=32)] | None = None
    idempotency_key: Annotated[str, Field(min_length=1, max_length=128)] | None = None

    @model_validator(mode="after")
    def _one_name(self) -> Self:
        if (self.order_no is None) == (self.idempotency_key is None):
            raise ValueError("name the order by order_no or by idempotency_key")
        return self


class CodesBody(Record):
    codes: Annotated[list[StockCode], Field(min_length=1, max_length=MAX_REGISTRATIONS * 10)]


class SubscribeBody(Record):
    codes: Annotated[list[StockCode], Field(max_length=MAX_REGISTRATIONS * 10)]
    replace: bool = False

    @model_validator(mode="after")
    def _something(self) -> Self:
        if not self.codes and not self.replace:
            raise ValueError("name a stock, or replace all by none")
        return self
