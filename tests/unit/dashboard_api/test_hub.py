"""The hub numbers, keeps and hands on; whoever does not read hurts only itself."""

from datetime import UTC, datetime

import pytest

from dashboard_api.hub import Hub, Stalled
from dashboard_api.updates import Resume, UpdateKind

AT = datetime(2026, 2, 19, 1, 15, tzinfo=UTC)


def hub(keep: int = 3, backlog: int = 8) -> Hub:
    return Hub(keep=keep, backlog=backlog, max_clients=2)


def publish(to: Hub, count: int) -> None:
    for number in range(count):
        to.publish(UpdateKind.TRADE, AT, {"number": number})


def test_what_was_missed_is_told_in_order_or_not_at_all() -> None:
    house = hub(keep=3)
    publish(house, 5)
    missed = house.missed(Resume(epoch=house.epoch, seq=3))
    assert missed is not None
    assert [update.seq for update in missed] == [4, 5]
    assert house.missed(Resume(epoch=house.epoch, seq=5)) == []
    oldest = house.missed(Resume(epoch=house.epoch, seq=2))
    assert oldest is not None
    assert [update.seq for update in oldest] == [3, 4, 5]
    assert house.missed(Resume(epoch=house.epoch, seq=1)) is None, "number 2 is no longer kept"
    assert house.missed(Resume(epoch=house.epoch, seq=6)) is None, "a number from the future is of another life"
    assert house.missed(Resume(epoch="other", seq=5)) is None


def test_nothing_published_yet_is_nothing_missed() -> None:
    house = hub()
    assert house.missed(Resume(epoch=house.epoch, seq=0)) == []


async def test_a_client_gets_updates_in_order_and_only_the_newest_prices() -> None:
    house = hub()
    house.note_price("005930", 70_000, AT)
    client = house.join()
    house.note_price("005930", 70_100, AT)
    publish(house, 2)
    assert [(await client.next(1)).seq for _ in range(2)] == [1, 2]  # type: ignore[union-attr]
    assert await client.next(0.01) is None
    prices = house.prices_for(client, AT)
    assert prices is not None
    assert prices.data["005930"] == {"price": 70_100, "at": AT.isoformat()}
    assert house.prices_for(client, AT) is None


async def test_a_full_backlog_stalls_its_client_alone() -> None:
    house = hub(backlog=8)
    slow, quick = house.join(), house.join()
    for number in range(9):
        publish(house, 1)
        assert (await quick.next(1)).seq == number + 1  # type: ignore[union-attr]
    assert slow.is_stalled
    with pytest.raises(Stalled):
        await slow.next(1)
    assert not quick.is_stalled


def test_the_house_is_full_at_its_limit_and_free_again_after_a_leave() -> None:
    house = hub()
    first, _ = house.join(), house.join()
    assert house.is_full
    house.leave(first)
    assert not house.is_full
    house.leave(first)
    assert house.clients == 1
