"""Whether the exchange opens: unknown means closed for buys."""

from datetime import UTC, date, datetime, timedelta

import pytest

from kis_gateway.market_day import MarketDay
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.sessions import SessionPhase
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock

TUESDAY = date(2025, 3, 4)
NOON = datetime(2025, 3, 4, 3, 0, tzinfo=UTC)


class Calendar(InMemoryBroker):
    """A broker that counts and may refuse to tell its holidays."""

    asked = 0
    silent = False

    async def holidays(self, first: date) -> dict[date, bool]:
        self.asked += 1
        if self.silent:
            raise Unavailable("no answer")
        return await super().holidays(first)


def day_at(now: datetime, *, asks: bool = True) -> tuple[MarketDay, Calendar]:
    broker = Calendar(ManualClock(now))
    return MarketDay(broker, load_sessions(), broker.clock, asks=asks), broker


async def test_the_broker_is_asked_once_a_day() -> None:
    market, broker = day_at(NOON)
    for _ in range(5):
        assert await market.is_trading_day(TUESDAY)
    assert broker.asked == 1


async def test_the_broker_wins_over_the_table() -> None:
    market, broker = day_at(NOON)
    broker.closed_days.add(TUESDAY)
    assert not await market.is_trading_day(TUESDAY)
    assert not await market.is_open_for_buys()


async def test_a_broker_that_does_not_tell_keeps_buys_closed() -> None:
    # The ancestor assumed an open day (rulebook §14.2 ✗).
    market, broker = day_at(NOON)
    broker.silent = True
    assert not await market.opens_today()
    assert not await market.is_open_for_buys()
    assert market.phase() is SessionPhase.REGULAR
    asked = broker.asked
    assert asked == 1  # not again for every order
    broker.silent = False
    market_clock = broker.clock
    assert isinstance(market_clock, ManualClock)
    market_clock.advance(60)
    assert await market.is_open_for_buys()


async def test_paper_has_no_calendar_and_goes_by_the_table() -> None:
    market, broker = day_at(NOON, asks=False)
    assert await market.is_open_for_buys()
    assert not await market.is_trading_day(date(2025, 3, 8))
    assert broker.asked == 0


async def test_a_day_beyond_the_table_is_closed() -> None:
    market, _ = day_at(datetime(2031, 3, 4, 3, 0, tzinfo=UTC), asks=False)
    assert market.phase() is SessionPhase.CLOSED
    assert not await market.is_open_for_buys()


@pytest.mark.parametrize(
    ("at", "opens"),
    [("08:29", False), ("08:30", True), ("09:00", True), ("15:25", True), ("15:30", False), ("18:00", False)],
)
async def test_buys_pass_from_the_opening_auction_to_the_close(at: str, opens: bool) -> None:
    hour, minute = (int(part) for part in at.split(":"))
    market, _ = day_at(datetime(2025, 3, 4, tzinfo=UTC) + timedelta(hours=hour - 9, minutes=minute))
    assert await market.is_open_for_buys() is opens
