"""Gather from Redis, SQL and the gateway what a status needs; each source may be down and is then named."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import datetime

import httpx
from redis.asyncio import Redis
from redis.exceptions import RedisError

from jennie.endpoints import Endpoints
from jennie.slots_report import SlotsReport, slots_report
from jennie.strategy_report import HeldStock, StrategyReport, reasons_not_to_buy
from prime_jennie.domain.errors import BadInput, JennieError
from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.sessions import KST, kst_midnight
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clients.kis_gateway import GatewayClient
from prime_jennie.infra.clock import RealClock
from prime_jennie.infra.clock.protocol import from_ms
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.halts import HaltRepository
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.slots import SlotRepository
from prime_jennie.infra.database.repositories.status import StatusQueries
from prime_jennie.infra.halts import COPY_MARK, FLAGS
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.redis.live_config import read_live_config

ASK_TIMEOUT_SECS = 3.0


class StatusReader:
    """Read one run's strategies."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints
        self._redis: Redis = connect(endpoints.redis_url)
        self._db = Database(endpoints.database_url)

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
        account = self._endpoints.account_no
        config = await self._config(strategy)
        context = await self._context()
        own = {
            name: state for name, state in health.items() if self._endpoints.services[name].strategy in (None, strategy)
        }
        midnight = kst_midnight(now)
        rows = await StatusQueries(self._db).strategies(midnight)
        row = next((r for r in rows if (r.account, r.strategy) == (account, strategy)), None)
        halts = await HaltRepository(self._db).in_force(account, strategy) if account else []
        held = await self._positions(account, strategy) if account else []
        profits = [stock.profit_krw for stock in held]
        unrealised = sum(p for p in profits if p is not None) if None not in profits else None
        realised = row.realised_krw if row else 0
        flags = await self._flags(strategy)
        spec_state = config.spec.trading if config else HaltState.ACTIVE
        states = [spec_state, *(halt.state for halt in halts), *(state for _, state in flags)]
        session = load_sessions().get(now.astimezone(KST).date())
        reasons = reasons_not_to_buy(
            config,
            services=own,
            halts=halts,
            flags=[flag for flag, _ in flags],
            context=context,
            session=session,
            now=now,
            buys_today=row.buys if row else 0,
        )
        return StrategyReport(
            strategy=strategy,
            mode=config.spec.mode.value if config else None,
            trading=HaltState.most_severe(*states),
            buys=not reasons,
            reasons=reasons,
            regime=context.market_regime.value if context else None,
            positions=tuple(held),
            buys_today=row.buys if row else 0,
            sells_today=row.sells if row else 0,
            realised_krw=realised,
            unrealised_krw=unrealised,
            day_pnl_krw=realised + (unrealised or 0),
            open_orders=row.open_orders if row else 0,
            unresolved_orders=row.unresolved_orders if row else 0,
            generation=config.generation if config else None,
            services=own,
        )

    async def _positions(self, account: str, strategy: str) -> list[HeldStock]:
        rows = await PositionRepository(self._db).open_positions(account, strategy)
        held = []
        for row in rows:
            price = await self._price(row.stock_code)
            average = float(row.average_buy_price)
            profit = None if price is None else round((price - average) * row.quantity)
            percent = None if price is None else round((price / average - 1) * 100, 2)
            held.append(
                HeldStock(
                    code=row.stock_code,
                    name=row.stock_name,
                    quantity=row.quantity,
                    average_price_krw=average,
                    price_krw=price,
                    profit_krw=profit,
                    profit_pct=percent,
                )
            )
        return held

    def _gateway(self) -> GatewayClient | None:
        service = self._endpoints.service("kis-gateway")
        return GatewayClient(service.url, None, caller="jennie") if service else None

    async def _price(self, code: str) -> int | None:
        gateway = self._gateway()
        if gateway is None:
            return None
        async with gateway:
            with suppress(JennieError, httpx.HTTPError, TimeoutError):
                snapshot = await asyncio.wait_for(gateway.snapshot(code), ASK_TIMEOUT_SECS)
                return int(snapshot.price)
        return None

    async def _health(self) -> dict[str, str]:
        async with httpx.AsyncClient(timeout=ASK_TIMEOUT_SECS, trust_env=False) as client:
            names = [name for name in self._endpoints.services if name != "redis"]
            states = await asyncio.gather(*(self._state_of(client, name) for name in names))
        states_by_name = dict(zip(names, states, strict=True))
        try:
            await self._redis.ping()
        except (RedisError, OSError):
            states_by_name["redis"] = "not answering"
        return states_by_name

    async def _state_of(self, client: httpx.AsyncClient, name: str) -> str:
        try:
            answer = await client.get(f"{self._endpoints.services[name].url}/health")
            return str(answer.json()["status"])
        except (httpx.HTTPError, ValueError, KeyError):
            return "not answering"

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

    async def _context(self) -> TradingContext | None:
        with suppress(RedisError, OSError, ValueError):
            text = await self._redis.get(RedisKeys.REGIME_CURRENT.value)
            return TradingContext.model_validate_json(text) if text else None
        return None

    async def _flags(self, strategy: str) -> list[tuple[str, HaltState]]:
        keyspace = Keyspace(strategy)
        names = [(name, state) for flag, state in FLAGS for name in (flag.value, keyspace.own(flag))]
        with suppress(RedisError, OSError):
            values = await self._redis.mget([name for name, _ in names])
            return [
                name
                for name, value in zip(names, values, strict=True)
                if value is not None and not str(value).startswith(COPY_MARK)  # its record is told already
            ]
        return []
