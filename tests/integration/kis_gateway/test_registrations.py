"""Held stocks have their ticks before all others, within what the broker allows, and after a restart too."""

from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from kis_gateway.registrations import SUBSCRIPTIONS_KEY, Registrations
from prime_jennie.domain.alerts import Alert, AlertLevel
from prime_jennie.domain.errors import Conflict
from prime_jennie.domain.topics import ALERTS
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock

NOON = datetime(2025, 3, 10, 3, 0, tzinfo=UTC)
SCANNER, MONITOR, OTHER_MONITOR = "krx-core/buy-scanner", "krx-core/price-monitor", "krx-other/price-monitor"
LISTED = [f"{number:06d}" for number in range(1, 41)]
"""As many stocks as the broker has room for."""
HELD = [f"{number:06d}" for number in range(101, 142)]


class OrderedBroker(InMemoryBroker):
    """Notes what it is asked for, in order."""

    asked: list[tuple[str, str]]

    async def subscribe(self, codes: object) -> None:
        before = set(self._subscribed)
        await super().subscribe(codes)  # type: ignore[arg-type]
        self.asked += [("+", code) for code in self._subscribed if code not in before]

    async def unsubscribe(self, codes: object) -> None:
        self.asked += [("-", code) for code in codes]  # type: ignore[attr-defined]
        await super().unsubscribe(codes)  # type: ignore[arg-type]


class Gateway:
    """One gateway's registrations; a new one over the same Redis is the next process."""

    def __init__(self, redis: Redis) -> None:
        self.redis = redis
        clock = ManualClock(NOON)
        self.broker = OrderedBroker(clock)
        self.broker.asked = []
        self.wishes = Registrations(redis, self.broker, Alerts(redis, clock, "kis-gateway"), clock)

    @property
    def registered(self) -> list[str]:
        return list(self.broker._subscribed)

    async def alerts(self) -> list[Alert]:
        entries = await self.redis.xrange(ALERTS.stream.value)
        return [Alert.model_validate_json(fields["payload"]) for _, fields in entries]


@pytest.fixture
def gateway(redis: Redis) -> Gateway:
    return Gateway(redis)


async def test_a_held_stock_takes_the_place_of_the_newest_that_is_only_scanned(gateway: Gateway) -> None:
    await gateway.wishes.add(SCANNER, LISTED)
    gateway.broker.asked.clear()
    await gateway.wishes.add(MONITOR, HELD[:2])
    assert gateway.broker.asked == [("-", LISTED[39]), ("+", HELD[0]), ("-", LISTED[38]), ("+", HELD[1])]
    assert gateway.wishes.by_subscriber == {SCANNER: LISTED[:38], MONITOR: HELD[:2]}
    assert await gateway.alerts() == []


async def test_a_scanner_takes_no_place_from_anybody(gateway: Gateway) -> None:
    await gateway.wishes.add(MONITOR, HELD[:1])
    await gateway.wishes.add(SCANNER, LISTED[:39])
    with pytest.raises(Conflict):
        await gateway.wishes.add("krx-other/buy-scanner", LISTED[39:])
    assert gateway.registered == [*HELD[:1], *LISTED[:39]]


async def test_a_stock_that_is_scanned_and_held_is_not_given_up(gateway: Gateway) -> None:
    await gateway.wishes.add(SCANNER, LISTED)
    await gateway.wishes.add(OTHER_MONITOR, LISTED[39:])
    await gateway.wishes.add(MONITOR, [HELD[0], LISTED[38]])
    assert gateway.wishes.by_subscriber == {
        SCANNER: [*LISTED[:37], *LISTED[38:]],
        OTHER_MONITOR: LISTED[39:],
        MONITOR: [HELD[0], LISTED[38]],
    }


async def test_more_held_stocks_than_there_are_places_is_told_once_for_each_left_out(gateway: Gateway) -> None:
    await gateway.wishes.add(SCANNER, LISTED[:5])
    for codes in (HELD, HELD[40:], HELD[40:]):
        with pytest.raises(Conflict, match=HELD[40]):
            await gateway.wishes.add(MONITOR, codes)
    assert gateway.wishes.by_subscriber == {MONITOR: HELD[:40]}
    (alert,) = await gateway.alerts()
    assert (alert.level, alert.strategy) == (AlertLevel.ERROR, "krx-core")
    assert alert.title == f"보유 종목 {HELD[40]}의 시세를 등록할 자리가 없어 손절이 나가지 않습니다"
    await gateway.wishes.remove(MONITOR, HELD[:1])
    await gateway.wishes.add(MONITOR, HELD[40:])
    assert gateway.registered == HELD[1:]


async def test_a_desks_price_monitor_is_known_by_the_name_it_gives_itself(gateway: Gateway) -> None:
    """A desk calls itself <strategy>:<service>, and its token says the strategy once more."""
    await gateway.wishes.add("krx-core/krx-core:buy-scanner", LISTED)
    await gateway.wishes.add("krx-core/krx-core:price-monitor", HELD[:1])
    assert gateway.registered == [*LISTED[:39], HELD[0]]


async def test_a_new_process_registers_what_was_left_and_no_more(gateway: Gateway) -> None:
    await gateway.wishes.add(SCANNER, LISTED)
    await gateway.wishes.add(MONITOR, HELD[:1])
    following = Gateway(gateway.redis)
    await following.wishes.restore()
    assert set(following.registered) == {*LISTED[:39], HELD[0]}


async def test_more_remembered_than_fits_is_restored_with_held_stocks_first(gateway: Gateway) -> None:
    """A place given up while Redis was away is still remembered there."""
    await gateway.wishes.add(SCANNER, LISTED)
    await gateway.redis.hset(SUBSCRIPTIONS_KEY, "price-monitor", f'["{HELD[0]}"]')
    following = Gateway(gateway.redis)
    await following.wishes.restore()
    assert following.registered == [HELD[0], *LISTED[:39]]
    assert following.wishes.by_subscriber == {SCANNER: LISTED[:39], "price-monitor": HELD[:1]}
