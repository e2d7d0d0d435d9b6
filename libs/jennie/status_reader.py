"""Gather from Redis, SQL and the gateway what a status needs; each source may be down and is then named."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime
from functools import partial

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from jennie.endpoints import Endpoints
from jennie.slots_report import SlotsReport, slots_report
from prime_jennie.domain.errors import BadInput, JennieError
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.strategy_report import StrategyReport
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clients.kis_gateway import GatewayClient
from prime_jennie.infra.clock import RealClock
from prime_jennie.infra.clock.protocol import from_ms
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.slots import SlotRepository
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.redis.live_config import read_live_config
from prime_jennie.infra.strategy_facts import SILENT, StrategyFactsReader
from prime_jennie.infra.tls import trust
from prime_jennie.strategy.reporting import report_of

ASK_TIMEOUT_SECS = 3.0
NOWHERE = "http://127.0.0.1:1"
"""Where a run without a gateway is asked for it: nobody answers, which is then said."""


class StatusReader:
    """Read one run's strategies."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._redis: Redis = connect(endpoints.redis_url)
        self._db = Database(endpoints.database_url)
        self._account = endpoints.account_no or ""
        self._sessions = load_sessions(closures=endpoints.closures)

    async def close(self) -> None:
        await self._redis.aclose()
        await self._db.close()

    async def reports(self) -> list[StrategyReport]:
        """Report every strategy of the run."""
        health = await self._health()
        now = await self._now()
        async with self._gateway() as gateway:
            reader = StrategyFactsReader(
                redis=self._redis, db=self._db, gateway=gateway, account=self._account, sessions=self._sessions
            )
            found = [
                await reader.read(name, await self._config(name), now, self._own(health, name))
                for name in self._endpoints.strategies
            ]
            return [report_of(facts, await _prices(facts.codes, gateway)) for facts in found]

    async def slots(self) -> SlotsReport:
        """Report every schedule of the run and the slots at work."""
        sessions = partial(load_sessions, closures=self._endpoints.closures)
        return await slots_report(self._endpoints.schedules, SlotRepository(self._db), await self._now(), sessions)

    def _own(self, health: dict[str, str], strategy: str) -> dict[str, str]:
        """Return what the platform's services and the strategy's own say of themselves."""
        return {
            name: state for name, state in health.items() if self._endpoints.services[name].strategy in (None, strategy)
        }

    def _gateway(self) -> GatewayClient:
        service = self._endpoints.service("kis-gateway")
        url = service.url if service is not None else NOWHERE
        return GatewayClient(url, None, caller="jennie", answer_secs=ASK_TIMEOUT_SECS)

    async def _health(self) -> dict[str, str]:
        async with httpx.AsyncClient(timeout=ASK_TIMEOUT_SECS, trust_env=False, verify=trust()) as client:
            names = [name for name in self._endpoints.services if name != "redis"]
            states = await asyncio.gather(*(self._state_of(client, name) for name in names))
        states_by_name = dict(zip(names, states, strict=True))
        try:
            await self._redis.ping()
        except (RedisError, OSError):
            states_by_name["redis"] = SILENT
        return states_by_name

    async def _state_of(self, client: httpx.AsyncClient, name: str) -> str:
        try:
            answer = await client.get(f"{self._endpoints.services[name].url}/health")
            return str(answer.json()["status"])
        except (httpx.HTTPError, ValueError, KeyError):
            return SILENT

    async def _now(self) -> datetime:
        """Read the virtual clock where one is led, else the real one."""
        with suppress(RedisError, OSError):
            text = await self._redis.get(RedisKeys.CLOCK_NOW.value)
            if text is not None:
                return from_ms(int(text))
        return RealClock().now()

    async def _config(self, strategy: str) -> LiveConfig | None:
        with suppress(RedisError, OSError, BadInput):
            return await read_live_config(self._redis, strategy)
        return None


async def _prices(codes: list[str], gateway: GatewayClient) -> dict[str, int]:
    if codes:
        with suppress(JennieError, TimeoutError):
            found = await asyncio.wait_for(gateway.snapshots(codes), ASK_TIMEOUT_SECS)
            return {snapshot.stock_code: snapshot.price for snapshot in found.snapshots}
    return {}
