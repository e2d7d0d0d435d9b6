"""Follow an order until nothing can happen to it any more."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from prime_jennie.domain.errors import BadInput, Conflict, NotFound, Unavailable
from prime_jennie.domain.orders import OrderState, TradeType
from prime_jennie.domain.ports import Clock, Gateway
from prime_jennie.domain.sessions import SessionPhase, SessionTable
from prime_jennie.infra.execution.books import Books
from prime_jennie.infra.outages import OUTAGES

log = structlog.get_logger(__name__)

SLICE_SECS: Final = 1.0
AFTER_CANCEL_SECS: Final = 3.0
CANCEL_ROUNDS: Final = 40
NOT_CANCELLED: Final[tuple[type[Exception], ...]] = (BadInput, Conflict, NotFound, *OUTAGES)


@dataclass(frozen=True)
class Patience:
    """How long an order may take, in clock time: looks, and seconds before each."""

    polls: int
    every_secs: float


MARKET: Final = Patience(5, 3.0)
LIMIT: Final = Patience(5, 2.0)
"""Ten seconds in all, then the remainder is cancelled (rulebook §5.1)."""
FORCED: Final = Patience(10, 5.0)


async def never() -> bool:
    """Cancel for no reason but time."""
    return False


class Follower:
    """Looks, books, and cancels what takes too long; what was filled before the cancellation counts (§5.1 ✗)."""

    def __init__(self, clock: Clock, gateway: Gateway, books: Books, sessions: SessionTable) -> None:
        self._clock = clock
        self._gateway = gateway
        self._books = books
        self._sessions = sessions

    async def settle(
        self,
        key: str,
        side: TradeType,
        patience: Patience,
        *,
        must_cancel: Callable[[], Awaitable[bool]] = never,
    ) -> OrderState:
        """Return the order's last state; it is not terminal only when cancelling it led nowhere for minutes."""
        state = await self._look(key, None)
        looks = 0
        while not state.terminal:
            if side is TradeType.SELL and self.in_auction:
                looks = 0  # a sell inside an auction is not cancelled for being slow (design §9)
            elif looks >= patience.polls or self._must_settle(side) or await must_cancel():
                break
            await self._pause(patience.every_secs, must_cancel)
            state = await self._look(key, state)
            looks += 1
        return state if state.terminal else await self._cancel(key, side, state)

    async def _cancel(self, key: str, side: TradeType, state: OrderState) -> OrderState:
        for _ in range(CANCEL_ROUNDS):
            try:
                await self._gateway.cancel(state.order_no)
            except NOT_CANCELLED as error:
                log.info("not cancelled, looking again", key=key, error=f"{type(error).__name__}: {error}")
            state = await self._look(key, state)
            if state.terminal:
                return state
            await self._clock.sleep(AFTER_CANCEL_SECS)
            state = await self._look(key, state)
            if state.terminal:
                return state
        log.error("order neither ends nor cancels, the sweep goes on", key=key, status=state.status.value)
        return state

    async def _look(self, key: str, before: OrderState | None) -> OrderState:
        try:
            state = await self._gateway.order_status(key=key)
        except NotFound as error:
            raise Unavailable(f"the gateway does not know the accepted order {key}: {error}") from error
        if state.filled_qty > (before.filled_qty if before is not None else 0):
            await self._books.book(key)
        return state

    async def _pause(self, secs: float, must_cancel: Callable[[], Awaitable[bool]]) -> None:
        until = self._clock.now() + timedelta(seconds=secs)
        while (left_secs := (until - self._clock.now()).total_seconds()) > 0:
            await self._clock.sleep(min(left_secs, SLICE_SECS))
            if await must_cancel():
                return

    def _phase(self) -> SessionPhase:
        session = self._sessions.of(self._clock.now())
        return SessionPhase.CLOSED if session is None else session.phase_at(self._clock.now())

    @property
    def in_auction(self) -> bool:
        """Tell whether the opening or the closing auction runs, in which nothing trades before its one print."""
        return self._phase() in (SessionPhase.OPENING_AUCTION, SessionPhase.CLOSING_AUCTION)

    def works_since(self, sent_at: datetime) -> datetime:
        """Return from when an order can trade: what was sent before the open can from the open on."""
        session = self._sessions.of(self._clock.now())
        return sent_at if session is None else max(sent_at, session.opens_at)

    def _must_settle(self, side: TradeType) -> bool:
        """Tell whether a buy has run into the auction, where nothing of ours may be left working."""
        return side is TradeType.BUY and self._phase() in (SessionPhase.CLOSING_AUCTION, SessionPhase.CLOSED)
