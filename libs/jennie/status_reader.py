"""Gather from Redis, SQL and the gateway what a status needs; each source may be down and is then named."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from jennie.books_reader import BooksReader
from jennie.endpoints import Endpoints
from jennie.slots_report import SlotsReport, slots_report
from jennie.strategy_report import StrategyReport
from prime_jennie.domain.buying import BuyingFacts
from prime_jennie.domain.buying_words import said
from prime_jennie.domain.errors import BadInput, JennieError
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.reader import Language
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.buying_facts import BuyingFactsReader
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clients.kis_gateway import GatewayClient
from prime_jennie.infra.clock import RealClock
from prime_jennie.infra.clock.protocol import from_ms
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.slots import SlotRepository
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.redis.live_config import read_live_config
from prime_jennie.strategy.buying import why_not

ASK_TIMEOUT_SECS = 3.0
SILENT, WELL = "not answering", "healthy"
NOWHERE = "http://127.0.0.1:1"
"""Where a run without a gateway is asked for it: nobody answers, which is then said."""


class StatusReader:
    """Read one run's strategies."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._redis: Redis = connect(endpoints.redis_url)
        self._db = Database(endpoints.database_url)
        self._account = endpoints.account_no or ""
        self._sessions = load_sessions()
        self._books = BooksReader(self._db, self._sessions, self._account)

    async def close(self) -> None:
        await self._redis.aclose()
        await self._db.close()

    async def reports(self) -> list[StrategyReport]:
        """Report every strategy of the run."""
        health = await self._health()
        now = await self._now()
        return [await self._report(name, health, now) for name in self._endpoints.strategies]

    async def slots(self) -> SlotsReport:
        """Report every schedule of the run and the slots at work."""
        return await slots_report(self._endpoints.schedules, SlotRepository(self._db), await self._now())

    async def _report(self, strategy: str, health: dict[str, str], now: datetime) -> StrategyReport:
        config = await self._config(strategy)
        own = {
            name: state for name, state in health.items() if self._endpoints.services[name].strategy in (None, strategy)
        }
        async with self._gateway() as gateway:
            buying = self._buying(gateway)
            facts = await self._facts(buying, strategy, config, own, now)
            book = await self._books.book(strategy, now)
            prices = await self._prices(sorted({*book.held, *book.gone}) if book is not None else [], gateway)
        held = await self._books.held(strategy, prices, now)
        reasons = tuple(said(reason, Language.ENGLISH) for reason in why_not(facts))
        row = await buying.today(strategy, now)
        profits = [stock.profit_krw for stock in held]
        unrealised = sum(p for p in profits if p is not None) if None not in profits else None
        context = facts.context
        return StrategyReport(
            strategy=strategy,
            mode=config.spec.mode.value if config else None,
            trading=HaltState.most_severe(*(halt.state for halt in facts.halts)),
            buys=not reasons,
            reasons=reasons,
            regime=context.market_regime.value if context else None,
            positions=tuple(held),
            buys_today=row.buys if row else 0,
            sells_today=row.sells if row else 0,
            realised_krw=row.realised_krw if row else 0,
            unrealised_krw=unrealised,
            day_pnl_krw=await self._books.day_result_krw(book, prices, now),
            open_orders=row.open_orders if row else 0,
            unresolved_orders=row.unresolved_orders if row else 0,
            generation=config.generation if config else None,
            services=own,
        )

    async def _facts(
        self,
        buying: BuyingFactsReader,
        strategy: str,
        config: LiveConfig | None,
        health: dict[str, str],
        now: datetime,
    ) -> BuyingFacts:
        """Read what decides whether it buys, and add which of its services do not answer or are not well."""
        facts = await buying.read(strategy, config, now)
        silent = {name for name, state in health.items() if state == SILENT}
        unwell = {name: state for name, state in health.items() if state not in (SILENT, WELL)}
        return replace(facts, silent=sorted({*silent, *facts.silent}), unwell=unwell)

    def _buying(self, gateway: GatewayClient) -> BuyingFactsReader:
        return BuyingFactsReader(
            redis=self._redis,
            db=self._db,
            gateway=gateway,
            halts=HaltDesk(self._redis, self._db, self._account),
            account=self._account,
            sessions=self._sessions,
        )

    def _gateway(self) -> GatewayClient:
        service = self._endpoints.service("kis-gateway")
        url = service.url if service is not None else NOWHERE
        return GatewayClient(url, None, caller="jennie", answer_secs=ASK_TIMEOUT_SECS)

    async def _prices(self, codes: list[str], gateway: GatewayClient) -> dict[str, int]:
        if codes:
            with suppress(JennieError, TimeoutError):
                found = await asyncio.wait_for(gateway.snapshots(codes), ASK_TIMEOUT_SECS)
                return {snapshot.stock_code: snapshot.price for snapshot in found.snapshots}
        return {}

    async def _health(self) -> dict[str, str]:
        async with httpx.AsyncClient(timeout=ASK_TIMEOUT_SECS, trust_env=False) as client:
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
