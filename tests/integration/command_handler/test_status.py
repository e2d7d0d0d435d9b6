"""/status and /diagnose: why nothing is bought, and what is wrong; what is silent is named, never guessed."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from command_handler.replies import Outcome
from prime_jennie.domain.lifecycle import BlockCode, BuyBlock
from prime_jennie.domain.slots import SlotSource, SlotState, Task, slot_name
from prime_jennie.infra.clients.telegram import Delivered
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.database.repositories.slots import SlotKey, SlotRepository
from prime_jennie.infra.database.repositories.workers import WorkerRepository
from prime_jennie.infra.heartbeat import EXITING, RUNNING
from prime_jennie.infra.upcoming_slots import UpcomingSlots
from tests.support.commanding import SAMSUNG, STRATEGY, Commanding


async def buying(desk: Commanding) -> None:
    """Let nothing keep the strategy from buying."""
    await desk.say("/watch 삼성전자")
    await desk.tick(SAMSUNG, 72_000, secs_ago=3)


async def slot(desk: Commanding, task: Task, minutes_ago: int, state: SlotState, reason: str) -> None:
    at = desk.clock.now() - timedelta(minutes=minutes_ago)
    key = SlotKey("default", slot_name(task, at), task, at)
    await SlotRepository(desk.db).record(
        key, source=SlotSource.SCHEDULE, state=state, reason=reason, now=desk.clock.now()
    )


async def test_a_strategy_that_buys_is_said_to_buy(desk: Commanding) -> None:
    await buying(desk)
    await desk.hold(SAMSUNG)
    assert await desk.say("/status") == "03-10 12:00 KST · mock\nkrx-core (paper): 매수 가능\n  국면 상승장 · 보유 1"


async def test_every_reason_is_named_with_where_it_is_lifted(desk: Commanding) -> None:
    await desk.say("/pause 점심")
    await desk.redis.delete("regime:current")
    text = await desk.say("/status")
    assert text.startswith("03-10 12:00 KST · mock\nkrx-core (paper): 사지 않습니다\n- 계좌 전체 · 매수 중지 · 사람")
    assert "점심) → /resume" in text
    assert "- 오늘의 시장 국면을 모릅니다" in text
    assert "- 스카우트의 관심종목이 없습니다" in text
    assert "- 체결가가 아직 오지 않았습니다" in text


async def test_a_silent_gateway_is_a_reason_and_the_rest_is_told(desk: Commanding) -> None:
    await buying(desk)
    desk.gateway.down = True
    text = await desk.say("/status")
    assert "사지 않습니다\n- 게이트웨이가 응답하지 않습니다\n  국면 상승장" in text


async def test_what_the_gateway_holds_buys_back_for_is_named_for_whom_it_binds(desk: Commanding) -> None:
    await buying(desk)
    await desk.announce("krx-other")
    lost = BuyBlock(code=BlockCode.FILL_STREAM_LOST, why="silent for 9 s")
    drift = BuyBlock(code=BlockCode.POSITION_DRIFT, why="005930 of krx-other", strategy="krx-other")
    desk.gateway.buy_blocks = (lost, drift)
    mine, theirs = await desk.say("/status @krx-core"), await desk.say("/status @krx-other")
    assert "- 체결 통보가 끊김: silent for 9 s" in mine
    assert "보유가 다름" not in mine
    assert "- 장부와 증권사의 보유가 다름: 005930 of krx-other" in theirs
    assert (await desk.say("/diagnose")).startswith("이상 2건")


async def test_each_strategy_is_reported_and_one_alone_when_named(desk: Commanding) -> None:
    await desk.announce("krx-other", trading="Stopped")
    text = await desk.say("/status")
    assert "krx-core (paper)" in text
    assert "- krx-other · 전면 중지 · 전략 YAML" in text
    assert "krx-core" not in await desk.say("/status @krx-other")
    assert (await desk.ask("/status @nobody")).outcome is Outcome.WRONG


async def test_without_a_strategy_there_is_still_an_answer(desk: Commanding) -> None:
    await desk.redis.flushall()
    assert await desk.say("/status") == "03-10 12:00 KST · mock\n아직 전략이 없습니다"


async def test_the_days_slots_are_told_with_their_outcomes(desk: Commanding) -> None:
    await slot(desk, Task.SCOUT, 210, SlotState.RAN, "20 stocks of 2,310")
    await slot(desk, Task.MACRO_COUNCIL, 270, SlotState.FAILED, "the model did not answer")
    await slot(desk, Task.SCOUT, 3 * 24 * 60, SlotState.RAN, "long ago")
    text = await desk.say("/status")
    assert "scout-20250310-0830 완료 20 stocks of 2,310\n! council-20250310-0730 실패 the model did not answer" in text
    assert "long ago" not in text
    assert "! council-20250310-0730 실패" in await desk.say("/diagnose")
    assert "scout-20250310-0830" not in await desk.say("/diagnose")


async def test_the_next_slots_are_told_soonest_first(desk: Commanding) -> None:
    noon = desk.clock.now()
    ahead = {
        "settle-20250310-1545": noon + timedelta(hours=3, minutes=45),
        "scout-20250310-1230": noon + timedelta(minutes=30),
        "throttle-20250310-1200": noon,  # begins right now
    }
    await UpcomingSlots(desk.db).write(ahead, who="schedules", at=noon)
    text = await desk.say("/status")
    assert text.endswith("다음: scout-20250310-1230 (12:30), settle-20250310-1545 (15:45)")
    await ConfigRepository(desk.db).put("schedules:next", '{"scout": "soon"}', who="x", at=noon)
    assert "다음" not in await desk.say("/status")


async def test_a_healthy_house_is_said_to_be_healthy(desk: Commanding) -> None:
    await desk.tick(SAMSUNG, 72_000, secs_ago=3)
    text = await desk.say("/report")
    assert text.startswith("이상 없음\nRedis 정상 (")
    assert "텔레그램 없음 (콘솔만)\n장 상태 TRADING: the session runs\n체결가: 3초 전\n서비스 0개 정상" in text


async def test_what_is_wrong_is_counted_and_named(desk: Commanding) -> None:
    desk.gateway.down = True
    await desk.redis.hset(f"{STRATEGY}:config:ack", mapping={"buy-scanner": "1", "price-monitor": "0"})
    await desk.redis.xadd(f"{STRATEGY}:stream:sell-orders:dead", {"id": "1"})
    desk.room.outbox.outage = "telegram: not sent"
    desk.room.desk.outages.begin("fills", RedisConnectionError("cut"))
    text = await desk.say("/diagnose")
    assert text.startswith("이상 4건\n")
    assert "! 게이트웨이: 게이트웨이가 응답하지 않습니다" in text
    assert "! loop:fills: ConnectionError: cut" in text
    assert "! krx-core: 설정 1세대를 아직 모르는 서비스: price-monitor" in text
    assert "! krx-core:stream:sell-orders: 읽지 못한 메시지 1건" in text


async def test_a_service_is_judged_by_its_newest_process(desk: Commanding) -> None:
    workers = WorkerRepository(desk.db)
    for worker_id, service, status in (
        ("a:1", "buy-executor", EXITING),  # an earlier run's
        ("a:2", "buy-executor", RUNNING),
        ("b:1", "scout-job", EXITING),
    ):
        await workers.beat(worker_id, service=service, strategy="", status=status, is_start=True)
        await asyncio.sleep(0.01)
    text = await desk.say("/diagnose")
    assert "! scout-job: " in text
    assert "! buy-executor" not in text
    assert "서비스 1개 정상" in text


async def test_a_telegram_that_does_not_answer_is_wrong(desk: Commanding) -> None:
    desk.settings = desk.settings.model_copy(update={"telegram_bot_token": "1:x"})
    desk.room = desk.furnished()
    assert "텔레그램 연결, 대기 0건" in await desk.say("/diagnose")
    desk.room.outbox.outage = Delivered.NOT_SENT.value
    assert "! 텔레그램 불통, 대기 0건" in await desk.say("/diagnose")


async def test_without_redis_status_and_diagnosis_say_so(desk: Commanding, monkeypatch: pytest.MonkeyPatch) -> None:
    await desk.say("/pause")  # remembered in SQL

    async def gone(*_arguments: Any, **_named: Any) -> Any:
        raise RedisConnectionError("gone")

    for method in ("execute_command", "ping"):
        monkeypatch.setattr(desk.redis, method, gone)
    assert "! Redis: Redis가 응답하지 않습니다" in await desk.say("/diagnose")
    assert (await desk.ask("/status")).outcome is Outcome.ANSWERED
