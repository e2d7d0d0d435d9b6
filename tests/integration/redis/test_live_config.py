"""A running service follows its strategy's configuration; nothing wrong ever comes into force."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.outages import Outages, survive
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.redis.live_config import LiveConfigSource, read_config_file, read_live_config
from prime_jennie.infra.tasks import end_task
from tests.support.eventually import eventually
from tests.support.redis_server import RedisServer, free_port

KEY = "krx-core:config"


def config(generation: int, **spec: Any) -> LiveConfig:
    fields = {"account": {"secretRef": {"name": "kis"}}, **spec}
    return LiveConfig.model_validate({"name": "krx-core", "generation": generation, "spec": fields})


def mounted(folder: Path, found: LiveConfig) -> Path:
    file = folder / "strategy.json"
    file.write_text(found.model_dump_json(by_alias=True))
    return file


def source_on(redis: Redis, file: Path | None) -> LiveConfigSource:
    return LiveConfigSource(redis, service="buy-scanner", strategy="krx-core", file=file)


async def announce(redis: Redis, found: LiveConfig) -> None:
    await redis.set(KEY, found.model_dump_json(by_alias=True))
    await redis.publish(KEY, str(found.generation))


@asynccontextmanager
async def following(source: LiveConfigSource) -> AsyncIterator[Outages]:
    outages = Outages()
    task = asyncio.create_task(survive("live-config", source.follow, outages))
    yield outages
    await end_task(task)


async def test_the_mounted_file_is_read_at_start_and_acknowledged(redis: Redis, tmp_path: Path) -> None:
    source = source_on(redis, mounted(tmp_path, config(3)))
    assert (await source.load()).generation == 3
    assert await redis.hgetall("krx-core:config:ack") == {"buy-scanner": "3"}


async def test_a_newer_generation_in_redis_beats_the_file_and_an_older_does_not(redis: Redis, tmp_path: Path) -> None:
    await announce(redis, config(4))
    assert (await source_on(redis, mounted(tmp_path, config(3))).load()).generation == 4
    assert (await source_on(redis, mounted(tmp_path, config(5))).load()).generation == 5


async def test_a_strategy_that_was_created_again_begins_at_generation_one_and_is_heard(
    redis: Redis, tmp_path: Path
) -> None:
    before = config(7).model_copy(update={"created_at": datetime(2026, 2, 19, 1, tzinfo=UTC)})
    again = config(1).model_copy(update={"created_at": datetime(2026, 2, 19, 2, tzinfo=UTC)})
    await announce(redis, before)
    source = source_on(redis, mounted(tmp_path, again))
    assert await source.load() == again  # although Redis still has the one before
    await announce(redis, again)
    old_process = source_on(redis, mounted(tmp_path, before))
    assert await old_process.load() == again


async def test_an_announced_change_acts_without_a_restart(redis: Redis, tmp_path: Path) -> None:
    source = source_on(redis, mounted(tmp_path, config(1)))
    seen: list[int] = []
    source.listeners.append(lambda found: seen.append(found.spec.risk.max_positions))
    await source.load()
    async with following(source):
        await announce(redis, config(2, risk={"maxPositions": 3}))
        await eventually(lambda: source.current.generation == 2)
        await eventually(lambda: acknowledged(redis, "2"))
    assert seen == [10, 3]


async def acknowledged(redis: Redis, generation: str) -> bool:
    return bool(await redis.hget("krx-core:config:ack", "buy-scanner") == generation)


@pytest.mark.parametrize("hostile", ["{", '{"name":"krx-core","generation":9,"spec":{"maxPositions":3}}', "[]"])
async def test_an_unreadable_announcement_changes_nothing(redis: Redis, tmp_path: Path, hostile: str) -> None:
    source = source_on(redis, mounted(tmp_path, config(1)))
    await source.load()
    async with following(source):
        await redis.set(KEY, hostile)
        await redis.publish(KEY, "9")
        await announce(redis, config(2))
        await eventually(lambda: source.current.generation == 2)
    await redis.set(KEY, hostile)
    with pytest.raises(BadInput, match=KEY):
        await read_live_config(redis, "krx-core")


async def test_the_configuration_of_another_strategy_is_refused(redis: Redis, tmp_path: Path) -> None:
    other = config(9).model_copy(update={"name": "krx-other"})
    with pytest.raises(BadInput, match="krx-other"):
        await source_on(redis, mounted(tmp_path, other)).load()
    await announce(redis, other)
    assert (await source_on(redis, mounted(tmp_path, config(1))).load()).generation == 1


async def test_a_service_starts_from_its_file_while_redis_is_down(tmp_path: Path) -> None:
    client = connect(f"redis://127.0.0.1:{free_port()}/0")
    assert (await source_on(client, mounted(tmp_path, config(1))).load()).generation == 1
    await client.aclose()


async def test_without_a_file_it_waits_for_redis(redis: Redis) -> None:
    source = source_on(redis, None)
    loading = asyncio.create_task(source.load())
    await asyncio.sleep(0.05)
    assert not loading.done()
    await announce(redis, config(1))
    assert (await asyncio.wait_for(loading, 5)).generation == 1


async def test_following_goes_on_after_redis_was_killed(mortal_redis: RedisServer, tmp_path: Path) -> None:
    ours, theirs = connect(mortal_redis.url), connect(mortal_redis.url)
    source = source_on(ours, mounted(tmp_path, config(1)))
    await source.load()
    async with following(source) as outages:
        mortal_redis.kill()
        await eventually(outages.as_dependencies)
        await asyncio.to_thread(mortal_redis.start)
        await announce(theirs, config(2))
        await eventually(lambda: source.current.generation == 2)
    await ours.aclose()
    await theirs.aclose()


def test_a_broken_file_is_one_error_with_file_field_and_reason(tmp_path: Path) -> None:
    file = tmp_path / "strategy.json"
    file.write_text('{"name":"krx-core","generation":0,"spec":{"account":{"secretRef":{"name":"kis"}}}}')
    with pytest.raises(BadInput, match=r"strategy\.json: generation: "):
        read_config_file(file)
    with pytest.raises(BadInput, match=r"gone\.json"):
        read_config_file(tmp_path / "gone.json")
