"""Strategies are known by what Redis announces, and still when it is empty or gone."""

from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.redis.strategies import known_strategies, remember_strategies, remembered_strategies
from tests.support.order_desk import OPEN
from tests.support.redis_server import running_redis


def live(name: str, generation: int = 1, **spec: object) -> LiveConfig:
    return LiveConfig.model_validate({"name": name, "generation": generation, "spec": spec})


async def announce(redis: Redis, *configs: LiveConfig) -> None:
    for config in configs:
        await redis.set(f"{config.name}:config", config.model_dump_json(by_alias=True))


async def test_every_announced_strategy_is_known_by_name(redis: Redis) -> None:
    core, swing = live("krx-core", trading="Paused"), live("krx-swing", 4)
    await announce(redis, swing, core)
    await redis.hset("krx-core:config:ack", "buy-scanner", "1")
    await redis.set("config", live("alone").model_dump_json(by_alias=True))
    assert await known_strategies(redis) == {"krx-core": core, "krx-swing": swing}


async def test_what_nobody_can_read_is_left_out_and_its_neighbours_are_known(redis: Redis) -> None:
    await announce(redis, live("krx-core"))
    await redis.set("broken:config", "{")
    await redis.set("krx-liar:config", live("krx-core", 9).model_dump_json(by_alias=True))
    await redis.hset("hash:config", "a", "b")
    assert await known_strategies(redis) == {"krx-core": live("krx-core")}


async def test_an_emptied_redis_leaves_what_was_remembered(redis: Redis, db: Database) -> None:
    found = {"krx-core": live("krx-core", trading="Stopped")}
    await remember_strategies(db, found, clock=ManualClock(OPEN), who="kis-gateway")
    assert await known_strategies(redis) == {}
    assert await known_strategies(redis, db) == await remembered_strategies(db) == found
    anew = live("krx-core", trading="Active")
    await announce(redis, anew)
    assert await known_strategies(redis, db) == {"krx-core": anew}


async def test_a_strategy_that_was_removed_is_not_known_because_sql_remembers_it(redis: Redis, db: Database) -> None:
    found = {name: live(name) for name in ("krx-core", "krx-gone")}
    await remember_strategies(db, found, clock=ManualClock(OPEN), who="kis-gateway")
    await announce(redis, found["krx-core"])
    assert list(await known_strategies(redis, db)) == ["krx-core"]


async def test_a_redis_that_is_gone_raises_only_where_nothing_else_knows(tmp_path: Path, sqlite_db: Database) -> None:
    with running_redis(tmp_path / "redis") as server:
        client = connect(server.url)
        server.kill()
        with pytest.raises(RedisError):
            await known_strategies(client)
        assert await known_strategies(client, sqlite_db) == {}
