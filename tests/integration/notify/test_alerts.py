"""An alert reaches the stream once, and its teller never falls with it."""

import asyncio
import json
from datetime import UTC, datetime

import pytest
from redis.asyncio import Redis

from prime_jennie.domain.alerts import Alert, AlertLevel
from prime_jennie.domain.keys import Keyspace
from prime_jennie.domain.topics import ALERTS
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.redis.entries import decode
from tests.support.redis_server import RedisServer

NOW = datetime(2025, 2, 14, 1, 0, tzinfo=UTC)


async def _on_stream(redis: Redis) -> list[tuple[str, Alert]]:
    stream = ALERTS.stream_for(Keyspace())
    entries = [decode(stream, entry_id, fields, Alert) for entry_id, fields in await redis.xrange(stream)]
    return [(entry.message_id, entry.message) for entry in entries]


async def test_an_alert_carries_its_teller_and_its_time(redis: Redis) -> None:
    alerts = Alerts(redis, ManualClock(NOW), "buy-executor", strategy="krx-core")
    assert await alerts.send(AlertLevel.CRITICAL, "일일 손실 한도", "매수를 멈췄습니다", key="daily-loss:krx-core")
    ((_, alert),) = await _on_stream(redis)
    assert (alert.service, alert.strategy, alert.at, alert.text) == (
        "buy-executor",
        "krx-core",
        NOW,
        "매수를 멈췄습니다",
    )


async def test_alerts_of_one_key_share_an_id_and_those_without_are_each_their_own(redis: Redis) -> None:
    alerts = Alerts(redis, ManualClock(NOW), "kis-gateway")
    for key in ("열쇠 with spaces / and 한글", "열쇠 with spaces / and 한글", None, None):
        await alerts.send(AlertLevel.INFO, "제목", "", key=key)
    ids = [message_id for message_id, _ in await _on_stream(redis)]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3


async def test_a_secret_in_an_alert_is_masked_and_a_book_is_cut(redis: Redis) -> None:
    alerts = Alerts(redis, ManualClock(NOW), "kis-gateway")
    await alerts.send(AlertLevel.ERROR, "appkey=PSabcdef12345", "Bearer abcdef.ghijk " + "길" * 9_000)
    ((_, alert),) = await _on_stream(redis)
    assert "PSabcdef" not in alert.title
    assert "abcdef.ghijk" not in alert.text
    assert alert.text.endswith("…")


async def test_an_unreachable_redis_costs_a_moment_and_an_error_line_never_the_caller(
    mortal_redis: RedisServer,
) -> None:
    client = connect(mortal_redis.url)
    mortal_redis.kill()
    assert not await Alerts(client, ManualClock(NOW), "price-monitor").send(AlertLevel.ERROR, "손절 실패", "005930")
    await client.aclose()


async def test_a_redis_that_hangs_is_given_up_in_seconds() -> None:
    async def say_nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(30)

    silent = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    client = connect(f"redis://127.0.0.1:{port}/0", socket_timeout_secs=20)
    started = asyncio.get_running_loop().time()
    assert not await Alerts(client, ManualClock(NOW), "price-monitor").send(AlertLevel.ERROR, "손절 실패", "005930")
    assert asyncio.get_running_loop().time() - started < 5
    silent.close()


async def test_an_alert_is_logged_at_its_own_level_so_that_slack_hears_of_it(
    redis: Redis, capsys: pytest.CaptureFixture[str], restored_logging: None
) -> None:
    configure_logging("buy-executor")
    await Alerts(redis, ManualClock(NOW), "buy-executor").send(
        AlertLevel.CRITICAL, "일일 손실 한도", "매수를 멈췄습니다"
    )
    (line,) = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert (line["level"], line["event"], line["text"]) == ("critical", "일일 손실 한도", "매수를 멈췄습니다")
