"""Stop asking a broker that does not answer."""

from datetime import datetime, timedelta
from enum import StrEnum

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.ports import Clock


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class CircuitBreaker:
    """Open after `failures` in a row for `open_secs` of the Clock, then let one call try (rulebook §13.3).

    A definite refusal is an answer and counts as success: only silence and garbage are failures.
    """

    def __init__(self, clock: Clock, *, failures: int, open_secs: float) -> None:
        self._clock = clock
        self._limit = failures
        self._open_for = timedelta(seconds=open_secs)
        self._failures = 0
        self._opened_at: datetime | None = None
        self._trying = False

    @property
    def state(self) -> BreakerState:
        if self._opened_at is None:
            return BreakerState.CLOSED
        over = self._clock.now() >= self._opened_at + self._open_for
        return BreakerState.HALF_OPEN if over else BreakerState.OPEN

    def enter(self) -> None:
        """Let a call pass or raise Unavailable."""
        state = self.state
        if state is BreakerState.OPEN or (state is BreakerState.HALF_OPEN and self._trying):
            raise Unavailable(f"the broker failed {self._failures} times in a row: circuit breaker open")
        self._trying = state is BreakerState.HALF_OPEN

    def succeeded(self) -> None:
        self._failures, self._opened_at, self._trying = 0, None, False

    def failed(self) -> None:
        self._failures += 1
        self._trying = False
        if self._failures >= self._limit:
            self._opened_at = self._clock.now()

    def gave_up(self) -> None:
        """Note a call that ended without proving anything (cancelled before it was sent)."""
        self._trying = False
