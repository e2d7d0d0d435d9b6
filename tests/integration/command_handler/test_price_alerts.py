"""/alert and /alerts: a price is waited for from one side, found in ticks or quotes, told once, for seven days."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from command_handler.replies import Outcome, as_text
from prime_jennie.domain.reader import Language
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.price_alerts import Direction, PriceAlert, PriceAlertRepository
from prime_jennie.infra.tasks import end_tasks
from tests.support.commanding import HYNIX, NOON, SAMSUNG, Commanding
from tests.support.eventually import eventually


@asynccontextmanager
async def watching(desk: Commanding) -> AsyncIterator[None]:
    loops = [asyncio.create_task(desk.room.watch.watch()), asyncio.create_task(desk.room.outbox.run())]
    try:
        yield
    finally:
        await end_tasks(loops)


def told(desk: Commanding) -> list[str]:
    return [as_text(one.reply, Language.KOREAN) for one in desk.room.console.room.after(0)]


async def look(desk: Commanding) -> None:
    """Let a look pass, and the next one begin."""
    await eventually(lambda: desk.clock.sleeping > 0, what="the watch sleeps")
    desk.clock.advance(15)
    await asyncio.sleep(0.05)
    await eventually(lambda: desk.clock.sleeping > 0, what="the watch has looked")


async def fired(desk: Commanding) -> list[str]:
    await eventually(lambda: told(desk), what="an alert is told")
    return told(desk)


async def test_a_price_is_waited_for_from_the_side_on_which_it_is(desk: Commanding) -> None:
    assert await desk.say("/alert 삼성전자 75,000원") == (
        "가격 알림: 삼성전자 005930 75,000원 이상\n지금 72,000원. 7일 동안 한 번 알립니다"
    )
    assert (await desk.say("/alert 005930 70000")).startswith("가격 알림: 삼성전자 005930 70,000원 이하")
    assert await desk.say("/alerts") == (
        "가격 알림 2\n- 삼성전자 005930 75,000원 이상\n- 삼성전자 005930 70,000원 이하"
    )
    assert await desk.say("/alerts", chat="telegram:8") == "기다리는 가격이 없습니다"


@pytest.mark.parametrize(
    "text",
    [
        "/alert",
        "/alert 005930",
        "/alert 005930 0",
        "/alert 005930 -1",
        "/alert 005930 soon",
        "/alert 없는 100",
        "/alerts x",
    ],
)
async def test_a_wrong_alert_is_not_stored(desk: Commanding, text: str) -> None:
    assert (await desk.ask(text)).outcome is Outcome.WRONG
    assert await desk.say("/alerts") == "기다리는 가격이 없습니다"


async def test_a_price_that_is_there_already_needs_no_alert(desk: Commanding) -> None:
    assert (await desk.ask("/alert 005930 72000")).outcome is Outcome.REFUSED


async def test_a_chat_waits_for_twenty_prices_at_most(desk: Commanding) -> None:
    for number in range(20):
        assert (await desk.ask(f"/alert 005930 {73_000 + number}")).outcome is Outcome.DONE
    assert (await desk.ask("/alert 005930 90000")).outcome is Outcome.REFUSED
    assert (await desk.ask("/alert 005930 90000", chat="telegram:8")).outcome is Outcome.DONE


async def test_a_tick_between_two_looks_fires_once(desk: Commanding) -> None:
    await desk.tick(SAMSUNG, 72_000)
    await desk.say("/alert 005930 75000")
    async with watching(desk):
        await look(desk)
        assert told(desk) == []
        await desk.tick(SAMSUNG, 74_900, 75_100, 74_000)  # up and down again within one look
        await look(desk)
        assert await fired(desk) == ["가격 알림: 삼성전자 005930 75,000원 이상\n75,100원에 거래됨\n/price 005930"]
        await desk.tick(SAMSUNG, 76_000)
        await desk.say("/alert 005930 60000")
        await look(desk)
        await look(desk)
    assert len(told(desk)) == 1
    assert await desk.say("/alerts") == "가격 알림 1\n- 삼성전자 005930 60,000원 이하"


async def test_a_stock_without_ticks_is_quoted(desk: Commanding) -> None:
    await desk.tick(SAMSUNG, 72_000)
    await desk.say("/alert 000660 190000")
    async with watching(desk):
        await look(desk)
        desk.broker.prices_krw[HYNIX] = 189_500
        await look(desk)
        assert "189,500원에 거래됨" in (await fired(desk))[0]


async def test_a_silent_gateway_fires_nothing_and_is_asked_again(desk: Commanding) -> None:
    await desk.say("/alert 000660 190000")
    desk.gateway.down = True
    async with watching(desk):
        await look(desk)
        desk.broker.prices_krw[HYNIX] = 189_500
        await look(desk)
        assert told(desk) == []
        desk.gateway.down = False
        await look(desk)
        await fired(desk)


async def test_nothing_is_looked_at_while_the_exchange_is_closed(desk: Commanding) -> None:
    await desk.say("/alert 000660 190000")
    desk.broker.prices_krw[HYNIX] = 189_500
    desk.clock.advance(5 * 3600)
    async with watching(desk):
        await look(desk)
    assert told(desk) == []


async def test_an_alert_ends_after_seven_days(desk: Commanding) -> None:
    await desk.say("/alert 000660 190000")
    desk.clock.advance(7 * 24 * 3600)
    assert await desk.say("/alerts") == "기다리는 가격이 없습니다"
    desk.broker.prices_krw[HYNIX] = 189_500
    async with watching(desk):
        await asyncio.sleep(0.1)
    assert told(desk) == []


async def test_what_is_awaited_stands_in_redis_for_a_week(desk: Commanding) -> None:
    await desk.say("/alert 000660 190000")
    async with watching(desk):
        await eventually(lambda: desk.redis.exists("price_alerts"))
    (shown,) = json.loads(await desk.redis.get("price_alerts"))
    assert (shown["stock_code"], shown["direction"], shown["target_price"]) == (HYNIX, "below", 190_000)
    assert 0 < await desk.redis.ttl("price_alerts") <= 7 * 86_400


def awaited(chat: str = "telegram:7", **known: object) -> PriceAlert:
    given: dict[str, object] = {
        "chat": chat,
        "stock_code": SAMSUNG,
        "stock_name": "삼성전자",
        "direction": Direction.ABOVE,
        "target_krw": 75_000,
        "created_at": NOON,
        "expires_at": NOON + timedelta(days=7),
    }
    return PriceAlert(**(given | known))  # type: ignore[arg-type]


async def test_the_rows_mean_the_same_on_both_databases(db: Database) -> None:
    alerts = PriceAlertRepository(db)
    assert await alerts.add(awaited(), most_open=1)
    assert not await alerts.add(awaited(), most_open=1)
    assert await alerts.add(awaited("telegram:8", expires_at=NOON + timedelta(days=1)), most_open=1)
    first, second = await alerts.waiting(NOON)
    assert (first, second.chat) == (awaited(id=first.id), "telegram:8")
    assert [alert.id for alert in await alerts.waiting(NOON, "telegram:8")] == [second.id]
    assert await alerts.fire(first.id, 75_100, at=NOON)
    assert not await alerts.fire(first.id, 75_200, at=NOON)
    assert await alerts.expire(NOON + timedelta(days=1)) == 1
    assert await alerts.waiting(NOON) == []


@pytest.mark.parametrize(
    ("direction", "price", "is_reached"),
    [
        (Direction.ABOVE, 74_999, False),
        (Direction.ABOVE, 75_000, True),
        (Direction.BELOW, 75_000, True),
        (Direction.BELOW, 75_001, False),
    ],
)
def test_a_price_arrives_at_its_border(direction: Direction, price: int, is_reached: bool) -> None:
    assert direction.is_reached(price, 75_000) is is_reached


async def test_frames_that_nobody_can_read_and_long_silences_lose_no_newer_price(
    desk: Commanding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("command_handler.price_watch.PAGE", 2)
    await desk.tick(SAMSUNG, 72_000)
    await desk.say("/alert 005930 75000")
    async with watching(desk):
        await look(desk)
        await desk.redis.xadd("stream:ticks", {"payload": "{}"})
        for _ in range(20):  # more than one look reads
            await desk.tick(SAMSUNG, 72_000)
        await desk.tick(SAMSUNG, 75_500)
        await look(desk)
        assert "75,500원에 거래됨" in (await fired(desk))[0]


async def test_a_new_alert_wakes_a_watch_that_had_nothing_to_do(desk: Commanding) -> None:
    async with watching(desk):
        await asyncio.sleep(0.05)
        assert desk.clock.sleeping == 0
        await desk.say("/alert 005930 75000")
        await eventually(lambda: desk.clock.sleeping > 0)
        assert desk.room.watch.waiting == 1
