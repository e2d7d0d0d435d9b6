"""The broker's limits, judged by the exchange itself: never more than it allows in any sliding second."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from prime_jennie.infra.tls import trust
from prime_jennie.infra.tokens import mint
from tests.support.database import migrate_empty
from tests.support.exchange import running_exchange
from tests.support.gateway import (
    HYNIX,
    SAMSUNG,
    STRATEGY,
    TOKEN_KEY,
    RunningGateway,
    gateway_environment,
    running_house,
)
from tests.support.redis_server import running_redis

QUOTES = 200


async def flood(url: str) -> list[int]:
    headers = {"Authorization": f"Bearer {mint(STRATEGY, TOKEN_KEY)}"}
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(
        base_url=url, headers=headers, timeout=120, limits=limits, trust_env=False, verify=trust()
    ) as http:
        codes = [SAMSUNG, HYNIX]
        quotes = [http.post("/api/market/snapshot", json={"stock_code": codes[n % 2]}) for n in range(QUOTES)]
        balances = [http.post("/api/account/cash") for _ in range(10)]
        return [answer.status_code for answer in await asyncio.gather(*quotes, *balances)]


def judged(stats: dict[str, Any]) -> tuple[int, dict[str, int]]:
    return max(stats["max_calls_in_any_second"].values()), stats["refusals"]


async def test_two_hundred_quotes_at_once_on_a_virtual_clock_are_never_refused_for_their_rate(tmp_path: Path) -> None:
    with running_house(tmp_path, rate="1000") as house:
        assert set(await flood(house.gateway.url)) == {200}
        most, refusals = judged(house.exchange.control("stats"))
        assert most <= 20
        assert refusals == {}


async def test_two_hundred_quotes_at_once_on_the_real_clock_are_never_refused_for_their_rate(tmp_path: Path) -> None:
    database_url = f"sqlite:///{tmp_path / 'prime-jennie.db'}"
    migrate_empty(database_url)
    with running_redis(tmp_path / "redis") as redis, running_exchange("--rate", "1") as exchange:
        gateway = RunningGateway(
            gateway_environment(
                REDIS_URL=redis.url,
                DATABASE_URL=database_url,
                KIS_BASE_URL=exchange.rest_url,
                KIS_WS_URL=exchange.ws_url,
            ),
            tmp_path / "gateway.log",
        )
        gateway.start()
        try:
            assert set(await flood(gateway.url)) == {200}
            most, refusals = judged(exchange.control("stats"))
            assert most <= 20
            assert refusals == {}
        finally:
            gateway.stop()
