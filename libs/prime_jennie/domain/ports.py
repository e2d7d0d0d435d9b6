"""Say what the house needs from the world; every port has a real adapter and an in-memory twin."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from enum import IntEnum
from typing import Protocol, TypeVar

from prime_jennie.domain.broker import AccountInfo, BrokerOrder, BrokerOrderRef, FillNotice
from prime_jennie.domain.lifecycle import MarketStatus
from prime_jennie.domain.market import (
    DailyPrice,
    IndexDailyPrice,
    IndexQuote,
    MinutePrice,
    Snapshots,
    StockSnapshot,
    Tick,
    TickBatch,
)
from prime_jennie.domain.orders import OrderRequest, OrderResult, OrderState
from prime_jennie.domain.positions import PortfolioState

T_co = TypeVar("T_co", covariant=True)


class Clock(Protocol):
    """Tell business time; in a virtual day the exchange leads it (design §9)."""

    @property
    def virtual(self) -> bool:
        """Tell whether time is led by the exchange and not by the world."""

    def now(self) -> datetime:
        """Return the current moment, aware, UTC."""

    async def sleep(self, secs: float) -> None:
        """Wait for clock seconds."""

    async def sleep_until(self, when: datetime) -> None:
        """Wait until a moment; return at once when it has passed."""

    def hold(self, name: str, real_secs: float = 5.0) -> AbstractAsyncContextManager[None]:
        """Slow a virtual day to real time while held; the hold expires by itself after `real_secs`."""

    async def progress(self, consumer: str, upto: datetime) -> None:
        """Report that a consumer has taken in everything up to a moment, so that the day may go on."""


class Delivery(Protocol[T_co]):
    """One message, already safe in the inbox and acknowledged."""

    @property
    def message_id(self) -> str:
        """Return the stream's id: unique, the idempotency key of what follows."""

    @property
    def message(self) -> T_co:
        """Return the decoded message."""

    @property
    def traceparent(self) -> str | None:
        """Return the producer's trace context."""

    @property
    def redelivered(self) -> bool:
        """Tell whether an earlier process took the message and left no outcome."""

    async def done(self, outcome: str, reason: str = "") -> None:
        """Close the inbox row: bought, refused, duplicate, expired, failed …, and why."""


class Consumer(Protocol[T_co]):
    """Read one stream as a member of its group: inbox row, acknowledgement, then the message."""

    def deliveries(self) -> AsyncIterator[Delivery[T_co]]:
        """Yield messages for ever: first what this consumer left unfinished, then new ones."""


@dataclass(frozen=True, slots=True)
class InboxRow:
    """A message as the inbox keeps it."""

    consumer: str
    message_id: str
    stream: str
    payload: str
    traceparent: str | None
    received_at: datetime


class Inbox(Protocol):
    """Keep received messages until each has an outcome."""

    async def receive(
        self, consumer: str, message_id: str, *, stream: str, payload: str, traceparent: str | None
    ) -> bool:
        """Store a message durably; False when it was here before."""

    async def unfinished(self, consumer: str, stream: str) -> Sequence[InboxRow]:
        """Return a consumer's messages of one stream without an outcome, oldest first."""

    async def done(self, consumer: str, message_id: str, outcome: str, reason: str = "") -> None:
        """Give a message its outcome and reason; the first outcome stays."""


class Lock(Protocol):
    """A lock on one key held by a token of its own; only its owner renews or frees it (rulebook §1.5 ✗)."""

    async def acquire(self) -> bool:
        """Try once; True when the lock is ours."""

    async def renew(self) -> bool:
        """Start the time to live anew; False when the lock is no longer ours."""

    async def release(self) -> bool:
        """Free the lock if it is still ours."""


class Locks(Protocol):
    """Make locks."""

    def lock(self, key: str, ttl_secs: float, owner: str | None = None) -> Lock:
        """Return an unacquired lock; a fresh token unless a stable `owner` is to find its own lock after a restart."""


class Priority(IntEnum):
    """Who goes first when the broker's rate is scarce."""

    EXITS = 0
    ENTRIES = 1
    ACCOUNT = 2
    QUOTES = 3


class Limiter(Protocol):
    """Share the broker's rate: one call after the other, the urgent first."""

    async def acquire(self, priority: Priority, *, ledger: bool = False) -> None:
        """Wait for a turn; `ledger` calls (orders, account queries) also pass their own narrower limit."""


class Gateway(Protocol):
    """Trade and ask through kis-gateway. Reads raise Unavailable; a failed query is never an empty answer."""

    async def info(self) -> AccountInfo:
        """Return whose account it is, and in which environment."""

    async def snapshot(self, code: str) -> StockSnapshot:
        """Return a stock's quote."""

    async def snapshots(self, codes: Sequence[str]) -> Snapshots:
        """Return many stocks' quotes; a stock without one has its reason and fails no other."""

    async def daily_prices(self, code: str, days: int = 150) -> list[DailyPrice]:
        """Return daily bars of the last calendar `days`, oldest first."""

    async def minute_prices(self, code: str, minutes: int = 30) -> list[MinutePrice]:
        """Return today's last minute bars, oldest first."""

    async def index_daily_prices(self, index_code: str, days: int = 150) -> list[IndexDailyPrice]:
        """Return an index's daily bars, oldest first; `source` is set where they are an approximation."""

    async def index_quote(self, index_code: str) -> IndexQuote:
        """Return an index as it stands; NotFound for a code the exchange does not know."""

    async def market_state(self) -> MarketStatus:
        """Return where the account's day stands, and what holds buys back."""

    async def is_trading_day(self, day: date) -> bool:
        """Tell whether the exchange opens on a day."""

    async def is_market_open(self) -> bool:
        """Tell whether the regular session runs now."""

    async def buy(
        self, order: OrderRequest, *, key: str, reason: str = "", message_id: str | None = None
    ) -> OrderResult:
        """Buy once per key. OutcomeUnknown: ask again with the same key, never a new one."""

    async def sell(
        self, order: OrderRequest, *, key: str, reason: str = "", message_id: str | None = None
    ) -> OrderResult:
        """Sell once per key. OutcomeUnknown: ask again with the same key, never a new one."""

    async def cancel(self, order_no: str) -> bool:
        """Cancel what is left of an order; False when nothing was left."""

    async def order_status(self, *, order_no: str | None = None, key: str | None = None) -> OrderState:
        """Return an order by its number or its key; NotFound when there is none."""

    async def balance(self) -> PortfolioState:
        """Return the account's holdings and money."""

    async def cash(self) -> int:
        """Return what may be spent on buys, KRW."""

    async def subscribe(self, codes: Sequence[str], *, replace: bool = False) -> None:
        """Have these stocks' ticks flow to stream:ticks; `replace` gives up all else that the caller ever wanted.

        Conflict when there is no room for them; what was given up is then gone all the same.
        """

    async def unsubscribe(self, codes: Sequence[str]) -> None:
        """Give the caller's interest in these stocks' ticks up."""


class TickSource(Protocol):
    """Yield the ticks that flow from now on."""

    def batches(self) -> AsyncIterator[TickBatch]:
        """Yield one batch an exchange frame, for ever."""


class FigureSource(Protocol):
    """Tell figures of the world from outside the broker; `figures` are names of GlobalSnapshot's fields."""

    @property
    def name(self) -> str:
        """Return what the figures are and where they come from, for people."""

    @property
    def figures(self) -> tuple[str, ...]:
        """Return what this source may tell."""

    async def read(self, day: date) -> Mapping[str, float]:
        """Return what is known on the morning of a day; Unavailable with the reason, nothing old, nothing guessed."""


class Broker(Protocol):
    """Do at the broker what kis-gateway needs; every call is sent at most once.

    Errors: BrokerRefused is a definite no, OutcomeUnknown an order that may exist, Unavailable a failed query.
    """

    async def ensure_token(self) -> None:
        """Have a valid access token, renewed a minute before it ends."""

    async def snapshot(self, code: str) -> StockSnapshot:
        """Return a stock's quote."""

    async def snapshots(self, codes: Sequence[str]) -> Snapshots:
        """Return many stocks' quotes; a stock without one has its reason and fails no other."""

    async def daily_prices(self, code: str, first: date, last: date) -> list[DailyPrice]:
        """Return daily bars between two days, oldest first, however many pages that takes."""

    async def minute_prices(self, code: str, upto: datetime) -> list[MinutePrice]:
        """Return the minute bars before a moment, oldest first (at most 30)."""

    async def index_daily_prices(self, index_code: str, first: date, last: date) -> list[IndexDailyPrice]:
        """Return an index's daily bars between two days, oldest first."""

    async def index_quote(self, index_code: str) -> IndexQuote:
        """Return an index as it stands; NotFound for a code the exchange does not know."""

    async def holidays(self, first: date) -> dict[date, bool]:
        """Return, for the days the broker knows from `first` on, whether the exchange opens."""

    async def buy(self, order: OrderRequest) -> BrokerOrderRef:
        """Send a buy order once."""

    async def sell(self, order: OrderRequest) -> BrokerOrderRef:
        """Send a sell order once."""

    async def cancel(self, ref: BrokerOrderRef) -> BrokerOrderRef:
        """Cancel all that is left of an order; return the cancellation's own reference."""

    async def orders_of_day(self, day: date) -> list[BrokerOrder]:
        """Return the complete list of a day's orders, or raise: half a list proves nothing absent."""

    async def balance(self) -> PortfolioState:
        """Return the account's holdings and money."""

    async def orderable_cash(self) -> int:
        """Return what may be spent on buys, KRW."""

    async def subscribe(self, codes: Sequence[str]) -> None:
        """Register for these stocks' ticks on the one WebSocket."""

    async def unsubscribe(self, codes: Sequence[str]) -> None:
        """Drop these registrations."""

    def ticks(self) -> AsyncIterator[tuple[Tick, ...]]:
        """Yield the ticks of each frame, for ever, across reconnections."""

    def fill_notices(self) -> AsyncIterator[FillNotice]:
        """Yield the account's notices, for ever, across reconnections."""
