"""A person's orders as the executors themselves read them, and their outcomes told once."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from command_handler.replies import Outcome, as_text
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.reader import Language
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.tasks import end_tasks
from tests.support.commanding import SAMSUNG, Commanding, code_in
from tests.support.eventually import eventually
from tests.support.executors import Floor


@pytest.fixture
async def floor(redis: Redis, sqlite_db: Database) -> Floor:
    """Open the executors' floor over the same stores, at the same noon."""
    opened = Floor(redis, sqlite_db)
    await opened.open()
    return opened


@asynccontextmanager
async def following(desk: Commanding) -> AsyncIterator[None]:
    """Follow outcomes and tell them, as the service does."""
    loops = [asyncio.create_task(desk.room.outcomes.follow()), asyncio.create_task(desk.room.outbox.run())]
    try:
        yield
    finally:
        await end_tasks(loops)


def shown(desk: Commanding) -> list[str]:
    return [as_text(one.reply, Language.KOREAN) for one in desk.room.console.room.after(0)]


async def told(desk: Commanding, count: int = 1) -> list[str]:
    await eventually(lambda: len(shown(desk)) >= count, what="something is told")
    return shown(desk)


async def ended(desk: Commanding, count: int = 1) -> None:
    async def closed() -> bool:
        return len(await desk.events("manual-trade-outcome")) == count

    await eventually(closed)


async def test_the_executors_buy_and_sell_what_a_person_asks_for_and_the_outcomes_are_told(
    desk: Commanding, floor: Floor
) -> None:
    async with floor.running(await floor.buyer(), await floor.seller()), following(desk):
        assert (await desk.confirm("/buy 삼성전자 7")).outcome is Outcome.DONE
        (bought,) = await told(desk)
        assert bought.startswith("삼성전자 005930 7주 매수: 매수됨\n7 shares at 72,100")
        await ended(desk)
        assert (await floor.positions())[SAMSUNG].quantity == 7

        await desk.confirm("/sell 삼성전자 전량")
        sold = (await told(desk, 2))[1]
        assert sold.startswith("삼성전자 005930 7주 매도: 매도됨\n7 shares at 72,100")
    assert await floor.positions() == {}
    assert [(side, quantity) for _, side, _, quantity, _ in floor.gateway.sent] == [
        (TradeType.BUY, 7),
        (TradeType.SELL, 7),
    ]


async def test_a_refusal_is_told_with_the_executors_reason(desk: Commanding, floor: Floor) -> None:
    await desk.confirm("/buy 삼성전자 7")
    await desk.say("/pause")
    async with floor.running(await floor.buyer()), following(desk):
        (text,) = await told(desk)
        await ended(desk)
    assert text == "삼성전자 005930 7주 매수: 거부됨\nhalt: trading is Paused"
    (event,) = await desk.events("manual-trade-outcome")
    assert isinstance(event.payload, dict)
    assert (event.payload["outcome"], event.payload["reason"]) == ("refused", "halt: trading is Paused")


async def test_what_nobody_has_taken_is_said_to_be_unknown_and_told_when_it_is_known(
    desk: Commanding, floor: Floor
) -> None:
    await desk.confirm("/buy 삼성전자 7")
    async with following(desk):
        desk.clock.advance(61)
        (text,) = await told(desk)
        assert text.startswith(
            "삼성전자 005930 7주 매수: 아직 모릅니다\nkrx-core:buy-executor이(가) 아직 받지 않았습니다"
        )
        floor.clock.advance(200)
        async with floor.running(await floor.buyer()):
            late = (await told(desk, 2))[1]
    assert late.startswith("삼성전자 005930 7주 매수: 시간이 지나 버려짐")
    assert floor.gateway.sent == []


async def test_a_sale_that_waited_over_a_long_holiday_is_told_to_be_too_old(desk: Commanding, floor: Floor) -> None:
    async with floor.running(await floor.buyer(), await floor.seller()), following(desk):
        await desk.confirm("/buy 삼성전자 7")
        await ended(desk)
    await desk.confirm("/sell 삼성전자 전량")
    for clock in (desk.clock, floor.clock):
        clock.advance(timedelta(days=8).total_seconds())
    async with floor.running(await floor.seller()), following(desk):
        await ended(desk, 2)
    assert shown(desk)[-1] == (
        "삼성전자 005930 7주 매도: 시간이 지나 버려짐\nexpired: it was asked for on 2025-03-10, today is 2025-03-18"
    )
    assert [side for _, side, _, _, _ in floor.gateway.sent] == [TradeType.BUY]


async def test_a_restart_goes_on_following_and_orders_nothing_again(desk: Commanding, floor: Floor) -> None:
    await desk.confirm("/buy 삼성전자 7")
    desk.room = desk.furnished()
    async with floor.running(await floor.buyer()), following(desk):
        assert "매수됨" in (await told(desk))[0]
        await ended(desk)
    desk.room = desk.furnished()
    async with following(desk):
        await asyncio.sleep(0.1)
    assert shown(desk) == []
    assert len(floor.gateway.sent) == 1


async def test_a_lost_reply_of_redis_is_not_repeated_by_a_person_and_not_lost(
    desk: Commanding, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = await desk.ask("/buy 삼성전자 7")

    async def lost(*_arguments: object, **_named: object) -> str:
        return "stream: ConnectionError"

    monkeypatch.setattr("command_handler.manual_orders.publish_once", lost)
    reply = await desk.ask(f"확인 {code_in(question)}")
    assert reply.lines[-1].ko.startswith("Redis가 답하지 않아 전달이 확실하지 않습니다. 다시 보내지 말고")
    assert await desk.room.outcomes.awaited_by("telegram:7") == 1
