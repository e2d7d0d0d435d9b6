"""The circuit breaker, on the Clock."""

from datetime import UTC, datetime

import pytest

from kis_gateway.breaker import CircuitBreaker
from prime_jennie.domain.errors import Unavailable
from prime_jennie.infra.fakes.clock import ManualClock


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(datetime(2025, 3, 4, 0, 30, tzinfo=UTC))


@pytest.fixture
def breaker(clock: ManualClock) -> CircuitBreaker:
    return CircuitBreaker(clock, failures=20, open_secs=60)


def fail(breaker: CircuitBreaker, times: int) -> None:
    for _ in range(times):
        breaker.enter()
        breaker.failed()


def test_nineteen_failures_pass_and_the_twentieth_opens(breaker: CircuitBreaker) -> None:
    fail(breaker, 19)
    assert str(breaker.state) == "closed"
    fail(breaker, 1)
    assert str(breaker.state) == "open"
    with pytest.raises(Unavailable):
        breaker.enter()


def test_an_answer_in_between_begins_the_count_anew(breaker: CircuitBreaker) -> None:
    fail(breaker, 19)
    breaker.enter()
    breaker.succeeded()
    fail(breaker, 19)
    assert str(breaker.state) == "closed"


async def test_after_sixty_clock_seconds_one_call_tries_and_decides(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    fail(breaker, 20)
    clock.advance(59)
    assert str(breaker.state) == "open"
    clock.advance(1)
    breaker.enter()
    with pytest.raises(Unavailable):
        breaker.enter()  # one at a time
    breaker.failed()
    assert str(breaker.state) == "open"
    clock.advance(60)
    breaker.enter()
    breaker.succeeded()
    assert str(breaker.state) == "closed"


async def test_a_trial_that_was_never_sent_leaves_the_next_one_to_try(
    breaker: CircuitBreaker, clock: ManualClock
) -> None:
    fail(breaker, 20)
    clock.advance(60)
    breaker.enter()
    breaker.gave_up()
    breaker.enter()
    breaker.succeeded()
    assert str(breaker.state) == "closed"
