"""Speak the exchange's words: ticks, bars, snapshots."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator

from prime_jennie.domain.model import Message, Record, Timestamp
from prime_jennie.domain.money import Amount, Finite, PositiveAmount
from prime_jennie.domain.symbols import StockCode


class MarketRegime(StrEnum):
    """The market's mood; thresholds and caps hang on it (rulebook §3.5)."""

    STRONG_BULL = "STRONG_BULL"
    BULL = "BULL"
    SIDEWAYS = "SIDEWAYS"
    BEAR = "BEAR"
    STRONG_BEAR = "STRONG_BEAR"

    @property
    def is_bull(self) -> bool:
        """Tell whether the regime counts as bull, strong or not."""
        return self in (MarketRegime.STRONG_BULL, MarketRegime.BULL)

    @property
    def is_bear(self) -> bool:
        """Tell whether the regime counts as bear, strong or not."""
        return self in (MarketRegime.STRONG_BEAR, MarketRegime.BEAR)


class Tick(Message):
    """One trade on the tape, with the book's best prices after it; prices in KRW, zero for an empty side."""

    stock_code: StockCode
    price: PositiveAmount
    volume: Amount
    """Shares of this trade."""
    cumulative_volume: Amount
    ask: Amount
    bid: Amount
    high: PositiveAmount
    """The day's high so far."""
    base: PositiveAmount | None = None
    """What the exchange measures the day's change against: the last close, but for a split and its like."""
    at: Timestamp


class TickBatch(Message):
    """The ticks of one exchange frame, in order: one stream entry."""

    ticks: tuple[Tick, ...]
    at: Timestamp


class StockSnapshot(Record):
    """A stock's quote as the broker gives it; open, high and low are 0 before the day's first trade."""

    stock_code: StockCode
    price: PositiveAmount
    open_price: Amount
    high_price: Amount
    low_price: Amount
    volume: Amount
    change_pct: Finite
    """Against the previous close."""
    per: Finite | None = None
    pbr: Finite | None = None
    market_cap: Amount | None = None
    high_52w: Amount | None = None
    low_52w: Amount | None = None
    timestamp: Timestamp


class Snapshots(Record):
    """The quotes of many stocks at once; no stock is lost: each one asked for has its quote or a reason."""

    snapshots: tuple[StockSnapshot, ...]
    """Without 52-week figures and market cap: the broker gives them for single stocks only."""
    missing: dict[str, str] = Field(default_factory=dict)
    """Why there is no quote, by stock code."""

    @classmethod
    def merged(cls, parts: Iterable[Self]) -> Self:
        """Put the answers of several questions together."""
        parts = list(parts)
        missing = {code: reason for part in parts for code, reason in part.missing.items()}
        return cls(snapshots=tuple(one for part in parts for one in part.snapshots), missing=missing)


class IndexQuote(Record):
    """An index now, in points."""

    index_code: str = Field(min_length=1, max_length=10)
    price: float = Field(gt=0, allow_inf_nan=False)
    change_pct: Finite
    """Against the previous close."""
    timestamp: Timestamp
    source: str | None = None
    """Where the figure comes from when it is not the exchange's own."""


class _Bar(Record):
    stock_code: StockCode
    open_price: Amount
    high_price: Amount
    low_price: Amount
    close_price: PositiveAmount
    volume: Amount

    @model_validator(mode="after")
    def _low_not_above_high(self) -> Self:
        # No tighter: adjusted bars of real history stand a won outside their own extremes after rounding.
        if self.low_price > self.high_price:
            raise ValueError(f"{self.stock_code}: low_price {self.low_price} lies above high_price {self.high_price}")
        return self

    @property
    def is_halted(self) -> bool:
        """Tell whether nothing traded: open, high and low are 0 and the last close is carried over."""
        return self.volume == 0 and self.high_price == 0


class DailyPrice(_Bar):
    """A stock's daily bar, KRW and shares."""

    price_date: date
    change_pct: Finite | None = None


class MinutePrice(_Bar):
    """A stock's one-minute bar; `price_datetime` is the minute's start."""

    price_datetime: Timestamp


class IndexDailyPrice(Record):
    """An index's daily bar in points."""

    index_code: str = Field(min_length=1, max_length=10)
    price_date: date
    open_price: float = Field(gt=0, allow_inf_nan=False)
    high_price: float = Field(gt=0, allow_inf_nan=False)
    low_price: float = Field(gt=0, allow_inf_nan=False)
    close_price: float = Field(gt=0, allow_inf_nan=False)
    volume: Amount
    source: str | None = None
    """Where the figures come from when they are not the exchange's own, e.g. an approximation by shares × close."""
