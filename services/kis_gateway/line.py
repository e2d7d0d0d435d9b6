"""The line to the broker: whose turn it is, and whether the broker answers at all."""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack, asynccontextmanager

import structlog
from redis.exceptions import RedisError

from kis_gateway.breaker import CircuitBreaker
from kis_gateway.metrics import CALLS, LIMITER_WAIT
from prime_jennie.domain.errors import BrokerRefused, OutcomeUnknown, RateLimited, Unavailable
from prime_jennie.domain.ports import Clock, Limiter, Priority
from prime_jennie.infra.clients.kis.transport import NOT_CONNECTED, CallClass

log = structlog.get_logger(__name__)

_WINDOW_SECS = 1.02  # a second, and what the wire may shrink it by
_NAP_SECS = 0.005
_ASKING_AT_ONCE = 8
TURN_WITHIN_SECS = 30.0  # real; then the caller hears 429 and nothing was sent
_PRIORITIES = {
    CallClass.TOKEN: Priority.EXITS,  # nothing else can go before it
    CallClass.ACCOUNT: Priority.ACCOUNT,
    CallClass.QUOTE: Priority.QUOTES,
}
# What must go on without Redis: exits, and the listings that tell what became of them.
_WITHOUT_REDIS = frozenset({Priority.EXITS, Priority.ACCOUNT})


class SendWindow:
    """Count what really leaves: a call granted early and sent late must not share its second with the next ones."""

    def __init__(self, clock: Clock, per_sec: float) -> None:
        self._clock = clock
        self._most = max(1, int(per_sec))
        self._sent: deque[float] = deque(maxlen=self._most)

    async def pass_one(self) -> None:
        """Wait until one more call fits into the last second, and count it."""
        while len(self._sent) == self._most and self._now() - self._sent[0] < _WINDOW_SECS:  # noqa: ASYNC110 - time passes
            await asyncio.sleep(_NAP_SECS)
        self._sent.append(self._now())

    def _now(self) -> float:
        # The exchange judges on the clock: the virtual one in a virtual day.
        return self._clock.now().timestamp() if self._clock.virtual else time.monotonic()


class LocalTurns:
    """One call a real second while Redis, and with it the shared limit, is gone."""

    def __init__(self, every_secs: float = 1.0) -> None:
        self._every_secs = every_secs
        self._next_at = 0.0

    async def acquire(self) -> None:
        """Wait for the next turn."""
        now = time.monotonic()
        turn = max(now, self._next_at)
        self._next_at = turn + self._every_secs
        await asyncio.sleep(turn - now)


class SharedHold:
    """Hold the clock once for however many calls wait or run: two hundred waiters need one hold, not two hundred."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._holders = 0
        self._stack = AsyncExitStack()
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def held(self) -> AsyncIterator[None]:
        """Hold for the block."""
        async with self._lock:
            if self._holders == 0:
                await self._stack.enter_async_context(self._clock.hold("kis-gateway"))
            self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            if self._holders == 0:
                async with self._lock:
                    if self._holders == 0:
                        await self._stack.aclose()


class BrokerLine:
    """Give turns: breaker, then the limiter under a hold of the clock, then the window of what was really sent."""

    def __init__(
        self, limiter: Limiter, breaker: CircuitBreaker, clock: Clock, *, rest_per_sec: float, ledger_per_sec: float
    ) -> None:
        self._limiter = limiter
        self._breaker = breaker
        self._window = SendWindow(clock, rest_per_sec)
        self._ledger_window = SendWindow(clock, ledger_per_sec)
        self._local = LocalTurns()
        self._hold = SharedHold(clock)
        # Waiters of one class ask the shared limit in their order, few at a time: each costs a connection.
        self._doors = {priority: asyncio.Semaphore(_ASKING_AT_ONCE) for priority in Priority}
        self.is_local = False

    @asynccontextmanager
    async def permit(self, call_class: CallClass) -> AsyncIterator[None]:
        """Hold the turn of one read around it."""
        ledger = call_class is CallClass.ACCOUNT
        async with self._turn(_PRIORITIES[call_class], call_class.value, ledger=ledger):
            await self.about_to_send(ledger=ledger)
            yield

    @asynccontextmanager
    async def order_turn(self, priority: Priority) -> AsyncIterator[None]:
        """Hold the turn of one order around all its last steps; its sender calls `about_to_send` himself."""
        async with self._turn(priority, "order", ledger=True):
            yield

    async def about_to_send(self, *, ledger: bool) -> None:
        """Wait until the call fits into the second in which it really leaves."""
        if ledger:
            await _in_time(self._ledger_window.pass_one())
        await _in_time(self._window.pass_one())

    @asynccontextmanager
    async def _turn(self, priority: Priority, name: str, *, ledger: bool) -> AsyncIterator[None]:
        self._breaker.enter()
        outcome = "cancelled"
        try:
            async with self._hold.held():
                waited_from = time.monotonic()
                await _in_time(self._acquire(priority, ledger=ledger))
                LIMITER_WAIT.labels(name).observe(time.monotonic() - waited_from)
                yield
            outcome = "answered"
        except OutcomeUnknown:
            outcome = "unanswered"
            raise
        except BrokerRefused as refused:
            outcome = "unanswered" if refused.code == NOT_CONNECTED else "refused"
            raise
        finally:
            CALLS.labels(name, outcome).inc()
            self._judge(outcome)

    def _judge(self, outcome: str) -> None:
        if outcome == "unanswered":
            self._breaker.failed()
        elif outcome == "cancelled":
            self._breaker.gave_up()
        else:
            self._breaker.succeeded()

    async def _acquire(self, priority: Priority, *, ledger: bool) -> None:
        try:
            async with self._doors[priority]:
                await self._limiter.acquire(priority, ledger=ledger)
        except (RedisError, OSError, Unavailable) as error:
            if not self.is_local:
                log.warning("shared limit unreachable, exits go one a second", error=f"{type(error).__name__}: {error}")
            self.is_local = True
            if priority not in _WITHOUT_REDIS:
                raise Unavailable("the shared rate limit is unreachable") from None
            await self._local.acquire()
        else:
            self.is_local = False


async def _in_time(waiting: Awaitable[None]) -> None:
    try:
        async with asyncio.timeout(TURN_WITHIN_SECS):
            await waiting
    except TimeoutError:
        raise RateLimited(f"no turn at the broker within {TURN_WITHIN_SECS:.0f} s: nothing was sent") from None
