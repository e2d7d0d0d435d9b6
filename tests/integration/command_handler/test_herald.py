"""Fills and alerts from their streams to the chats: once, muted where a person asked for it, CRITICAL always."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from command_handler.replies import as_text
from prime_jennie.domain.alerts import Alert, AlertLevel
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.positions import TradeNotification
from prime_jennie.domain.reader import Language
from prime_jennie.domain.signals import SellReason, SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.database.tables.messages import InboxRow
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from prime_jennie.infra.tasks import end_tasks
from tests.support.commanding import SAMSUNG, Commanding
from tests.support.eventually import eventually

FILLS, ALERTS = "stream:trade-notifications", "stream:alerts"


@asynccontextmanager
async def telling(desk: Commanding) -> AsyncIterator[None]:
    herald, outbox = desk.room.herald, desk.room.outbox
    loops = [asyncio.create_task(loop) for loop in (herald.tell_fills(), herald.tell_alerts(), outbox.run())]
    try:
        yield
    finally:
        await end_tasks(loops)


def told(desk: Commanding, language: Language = Language.KOREAN) -> list[str]:
    return [as_text(one.reply, language) for one in desk.room.console.room.after(0)]


async def outcomes(desk: Commanding) -> dict[str, str | None]:
    rows = await desk.db.read(lambda session: list(session.scalars(select(InboxRow))))
    return {row.message_id: row.outcome for row in rows if row.consumer == "command-handler"}


def fill(desk: Commanding, **known: Any) -> TradeNotification:
    given: dict[str, Any] = {
        "trade_type": TradeType.SELL,
        "stock_code": SAMSUNG,
        "stock_name": "삼성전자",
        "quantity": 40,
        "price": 72_000,
        "total_amount": 2_880_000,
        "timestamp": desk.clock.now(),
    }
    return TradeNotification(**(given | known))


async def publish_fill(desk: Commanding, message_id: str, **known: Any) -> None:
    publisher = TypedStreamPublisher(desk.redis, FILLS, TradeNotification)
    await publisher.publish(fill(desk, **known), message_id=message_id)


async def done(desk: Commanding, **expected: str) -> None:
    async def as_expected() -> bool:
        found = await outcomes(desk)
        return all(found.get(name) == outcome for name, outcome in expected.items())

    await eventually(as_expected, what=str(expected))


async def test_a_sale_is_told_with_its_reason_and_its_result(desk: Commanding) -> None:
    await publish_fill(
        desk,
        "t1",
        sell_reason=SellReason.TRAILING_STOP,
        signal_type=SignalType.DIP_BUY,
        profit_pct=2.345,
        holding_days=3,
    )
    await publish_fill(
        desk, "t2", trade_type=TradeType.BUY, signal_type=SignalType.MANUAL, trade_tier=TradeTier.TIER2, hybrid_score=50
    )
    async with telling(desk):
        await done(desk, t1="told", t2="told")
    assert told(desk) == [
        "매도 체결 삼성전자 005930\n40주 @72,000 = 2,880,000원\n"
        "추적 손절 · 눌림목 · 수익률 +2.35% · 3일 보유 · 12:00:00",
        "매수 체결 삼성전자 005930\n40주 @72,000 = 2,880,000원\n수동 · TIER2 · 점수 50 · 12:00:00",
    ]
    assert told(desk, Language.ENGLISH)[0].startswith(
        "Filled: sell 삼성전자 005930\n40 shares @72,000 = 2,880,000 KRW\n"
    )


async def test_the_same_message_is_told_once_even_after_a_restart(desk: Commanding) -> None:
    for _ in range(3):
        await publish_fill(desk, "t1")
    async with telling(desk):
        await done(desk, t1="told")
    desk.room = desk.furnished()
    await publish_fill(desk, "t1")
    await publish_fill(desk, "t2")
    async with telling(desk):
        await done(desk, t2="told")
    assert len(told(desk)) == 1


async def test_fills_are_muted_and_critical_alerts_are_not(desk: Commanding) -> None:
    await desk.say("/mute 10")
    await publish_fill(desk, "muted")
    alerts = Alerts(desk.redis, desk.clock, "kis-gateway", strategy="krx-core")
    await alerts.send(AlertLevel.WARNING, "느림", "x", key="w")
    await alerts.send(AlertLevel.CRITICAL, "일일 손실 <한도>", "3.1 % 손실\n\n매수를 멈춥니다", key="c")
    async with telling(desk):
        await done(desk, muted="muted")
        await eventually(lambda: told(desk))
        desk.clock.advance(10 * 60)
        await publish_fill(desk, "heard")
        await done(desk, heard="told")
    assert told(desk)[0] == (
        "(!) 일일 손실 <한도>\n3.1 % 손실\n매수를 멈춥니다\nkrx-core · kis-gateway · 03-10 12:00:00"
    )
    assert len(told(desk)) == 2


@pytest.mark.parametrize(
    ("level", "mark"), [(AlertLevel.INFO, "(i)"), (AlertLevel.WARNING, "(warning)"), (AlertLevel.ERROR, "(x)")]
)
async def test_every_level_has_its_mark(desk: Commanding, level: AlertLevel, mark: str) -> None:
    await Alerts(desk.redis, desk.clock, "scout-job").send(level, "제목", "")
    async with telling(desk):
        await eventually(lambda: told(desk))
    assert told(desk) == [f"{mark} 제목\nscout-job · 03-10 12:00:00"]


async def test_what_is_an_hour_old_is_no_news_but_a_critical_alert_is(desk: Commanding) -> None:
    old = desk.clock.now() - timedelta(hours=1, seconds=1)
    await publish_fill(desk, "old", timestamp=old)
    alert = Alert(level=AlertLevel.CRITICAL, title="오래된 경보", text="", service="x", at=old, key="c")
    await TypedStreamPublisher(desk.redis, ALERTS, Alert).publish(alert, message_id="critical")
    async with telling(desk):
        await done(desk, old="stale", critical="told")
    assert [text.splitlines()[0] for text in told(desk)] == ["(!) 오래된 경보"]


async def test_an_unreadable_entry_is_kept_aside_and_the_next_one_is_told(desk: Commanding) -> None:
    await desk.redis.xadd(FILLS, {"payload": "{}"})
    await desk.redis.xadd(FILLS, {"nonsense": "<b>"})
    await publish_fill(desk, "t1")
    async with telling(desk):
        await done(desk, t1="told")
    assert await desk.redis.xlen(f"{FILLS}:dead") == 2
