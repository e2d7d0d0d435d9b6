"""Turns at the broker: who may go on without Redis, and what really leaves in a second."""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime

import pytest
from redis.exceptions import ConnectionError as RedisGone

from kis_gateway.breaker import BreakerState, CircuitBreaker
from kis_gateway.line import BrokerLine, LocalTurns, SendWindow
from prime_jennie.domain.errors import BrokerRefused, OutcomeUnknown, Unavailable
from prime_jennie.domain.ports import Priority
from prime_jennie.infra.clients.kis.transport import NOT_CONNECTED, CallClass
from prime_jennie.infra.clock.real import RealClock
from prime_jennie.infra.fakes.clock import ManualClock

NOW = datetime(2025, 3, 4, 0, 30, tzinfo=UTC)


class Free:
    """A limiter without a limit that notes who came."""

    def __init__(self) -> None:
        self.asked: list[tuple[Priority, bool]] = []

    async def acquire(self, priority: Priority, *, ledger: bool = False) -> None:
        self.asked.append((priority, ledger))


class Gone:
    """A limiter whose Redis is dead."""

    async def acquire(self, priority: Priority, *, ledger: bool = False) -> None:
        raise RedisGone("Connection refused")


def line(limiter: Free | Gone, clock: ManualClock | RealClock | None = None) -> BrokerLine:
    clock = clock or ManualClock(NOW)
    breaker = CircuitBreaker(clock, failures=3, open_secs=60)
    return BrokerLine(limiter, breaker, clock, rest_per_sec=19, ledger_per_sec=5)


async def test_account_queries_count_on_the_ledger_and_quotes_do_not() -> None:
    limiter = Free()
    one = line(limiter)
    for call_class in (CallClass.QUOTE, CallClass.ACCOUNT):
        async with one.permit(call_class):
            pass
    async with one.order_turn(Priority.EXITS):
        pass
    assert limiter.asked == [(Priority.QUOTES, False), (Priority.ACCOUNT, True), (Priority.EXITS, True)]


async def test_without_redis_entries_and_quotes_are_refused_and_exits_pass() -> None:
    one = line(Gone())
    with pytest.raises(Unavailable):
        async with one.order_turn(Priority.ENTRIES):
            pass
    with pytest.raises(Unavailable):
        async with one.permit(CallClass.QUOTE):
            pass
    async with one.order_turn(Priority.EXITS):
        assert one.is_local


async def test_local_turns_are_a_second_apart_whoever_asks_first() -> None:
    turns = LocalTurns(every_secs=0.05)
    began_at = time.monotonic()
    await asyncio.gather(*(turns.acquire() for _ in range(4)))
    assert time.monotonic() - began_at >= 3 * 0.05


async def test_calls_granted_early_and_sent_late_do_not_share_their_second_with_the_next() -> None:
    window = SendWindow(RealClock(), per_sec=3)
    times = []
    for _ in range(7):
        await window.pass_one()
        times.append(time.monotonic())
    # Of any four sends the last is more than a second after the first.
    assert all(late - early > 1.0 for early, late in zip(times, times[3:], strict=False))


async def test_on_a_virtual_clock_the_window_is_a_second_of_that_clock() -> None:
    clock = ManualClock(NOW)
    window = SendWindow(clock, per_sec=2)
    await window.pass_one()
    await window.pass_one()
    third = asyncio.create_task(window.pass_one())
    await asyncio.sleep(0.02)
    assert not third.done()
    clock.advance(1.1)
    await asyncio.wait_for(third, 1)


@pytest.mark.parametrize("error", [OutcomeUnknown("no answer"), BrokerRefused(NOT_CONNECTED, "gone", may_retry=True)])
async def test_calls_without_an_answer_open_the_breaker(error: Exception) -> None:
    clock = ManualClock(NOW)
    breaker = CircuitBreaker(clock, failures=3, open_secs=60)
    one = BrokerLine(Free(), breaker, clock, rest_per_sec=19, ledger_per_sec=5)
    for _ in range(3):
        with suppress(type(error)):
            async with one.permit(CallClass.QUOTE):
                raise error
    assert breaker.state is BreakerState.OPEN


async def test_a_definite_refusal_is_an_answer_and_opens_nothing() -> None:
    clock = ManualClock(NOW)
    breaker = CircuitBreaker(clock, failures=3, open_secs=60)
    one = BrokerLine(Free(), breaker, clock, rest_per_sec=19, ledger_per_sec=5)
    for _ in range(5):
        with suppress(BrokerRefused):
            async with one.order_turn(Priority.EXITS):
                raise BrokerRefused("APBK0400", "주문 가능한 수량을 초과했습니다.")
    assert breaker.state is BreakerState.CLOSED


async def test_two_hundred_waiters_hold_the_clock_once() -> None:
    clock = ManualClock(NOW)
    one = line(Free(), clock)
    async with one.order_turn(Priority.EXITS), one.order_turn(Priority.EXITS), one.order_turn(Priority.EXITS):
        assert len(clock.holding) == 1
    assert not clock.holding
