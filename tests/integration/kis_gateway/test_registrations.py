"""Held stocks have their ticks before all others, within what the broker allows, and after a restart too."""

from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from kis_gateway.registrations import MOST_OF_STRANGERS, MOST_STRANGERS, SUBSCRIPTIONS_KEY, Registrations
from prime_jennie.domain.alerts import Alert, AlertLevel
from prime_jennie.domain.errors import Conflict
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock
from tests.support.told_alerts import told_alerts

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
        return await told_alerts(self.redis)


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


async def test_a_new_process_registers_what_was_left_and_no_more(gateway: Gateway) -> None:
    await gateway.wishes.add(SCANNER, LISTED)
    await gateway.wishes.add(MONITOR, HELD[:1])
    following = Gateway(gateway.redis)
    await following.wishes.restore()
    assert set(following.registered) == {*LISTED[:39], HELD[0]}


async def test_more_remembered_than_fits_is_restored_with_held_stocks_first(gateway: Gateway) -> None:
    """A place given up while Redis was away is still remembered there."""
    await gateway.wishes.add(SCANNER, LISTED)
    await gateway.redis.hset(SUBSCRIPTIONS_KEY, MONITOR, f'["{HELD[0]}"]')
    following = Gateway(gateway.redis)
    await following.wishes.restore()
    assert following.registered == [HELD[0], *LISTED[:39]]
    assert following.wishes.by_subscriber == {SCANNER: LISTED[:39], MONITOR: HELD[:1]}


async def test_a_desks_price_monitor_is_known_by_the_name_it_gives_itself(gateway: Gateway) -> None:
    """A desk calls itself <strategy>:<service>, and its token says the strategy once more."""
    await gateway.wishes.add("krx-core/krx-core:buy-scanner", LISTED)
    await gateway.wishes.add("krx-core/krx-core:price-monitor", HELD[:1])
    assert gateway.registered == [*LISTED[:39], HELD[0]]


async def test_a_whole_wish_leaves_nothing_of_what_an_earlier_process_wanted(gateway: Gateway) -> None:
    await gateway.wishes.add(SCANNER, LISTED[:3])
    await gateway.wishes.add(MONITOR, LISTED[1:2])
    await gateway.wishes.add(SCANNER, LISTED[2:4], replace=True)
    assert gateway.wishes.by_subscriber == {SCANNER: LISTED[2:4], MONITOR: LISTED[1:2]}
    assert set(gateway.registered) == set(LISTED[1:4])
    with pytest.raises(Conflict):
        await gateway.wishes.add(SCANNER, HELD, replace=True)
    assert gateway.wishes.by_subscriber == {MONITOR: LISTED[1:2]}
    await gateway.wishes.add(MONITOR, [], replace=True)
    assert gateway.registered == []
    assert await gateway.redis.hgetall(SUBSCRIPTIONS_KEY) == {}


async def test_a_strategy_that_is_gone_keeps_no_place(gateway: Gateway) -> None:
    await gateway.wishes.add(SCANNER, LISTED[:2])
    await gateway.wishes.add(OTHER_MONITOR, LISTED[1:3])
    await gateway.wishes.add("anybody", LISTED[5:6])
    await gateway.wishes.keep({"krx-core"})
    assert gateway.wishes.by_subscriber == {SCANNER: LISTED[:2], "anybody": LISTED[5:6]}
    assert set(gateway.registered) == {*LISTED[:2], LISTED[5]}
    assert OTHER_MONITOR not in await gateway.redis.hgetall(SUBSCRIPTIONS_KEY)


async def test_strangers_have_few_names_and_few_stocks_among_them(gateway: Gateway) -> None:
    for number in range(MOST_STRANGERS):
        await gateway.wishes.add(f"stranger-{number}", LISTED[number : number + 1])
    with pytest.raises(Conflict, match=r"at most 8 subscribers"):
        await gateway.wishes.add("one-more", LISTED[:1])
    await gateway.wishes.add("stranger-0", LISTED[:MOST_OF_STRANGERS])
    with pytest.raises(Conflict, match=r"at most 20 stocks"):
        await gateway.wishes.add("stranger-1", LISTED[MOST_OF_STRANGERS : MOST_OF_STRANGERS + 1])
    assert gateway.registered == LISTED[:MOST_OF_STRANGERS]
    for number in range(100):
        await gateway.wishes.remove(f"nobody-{number}", LISTED[:1])
        await gateway.wishes.add(f"nothing-{number}", [], replace=True)
    assert len(await gateway.redis.hgetall(SUBSCRIPTIONS_KEY)) == MOST_STRANGERS
    await gateway.wishes.remove("stranger-1", LISTED)
    await gateway.wishes.add("one-more", LISTED[:1])
    following = Gateway(gateway.redis)
    await following.wishes.restore()
    assert set(following.registered) == set(LISTED[:MOST_OF_STRANGERS])


@pytest.mark.parametrize("subscriber", [SCANNER, MONITOR])
async def test_a_stranger_makes_room_for_a_strategy_and_takes_none(gateway: Gateway, subscriber: str) -> None:
    await gateway.wishes.add("price-monitor", HELD[:MOST_OF_STRANGERS])  # a name alone proves nothing
    await gateway.wishes.add(subscriber, LISTED)
    assert gateway.wishes.by_subscriber == {subscriber: LISTED}
    with pytest.raises(Conflict):
        await gateway.wishes.add("price-monitor", HELD[:1])
    assert gateway.registered == LISTED
