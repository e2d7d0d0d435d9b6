"""A real house at real speed with a strategy's services in the test's process: nobody but the test ends either."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

from fastapi import FastAPI
from httpx import AsyncClient as Client
from sqlalchemy import select

import buy_executor.app
from buy_executor.config import BuyExecutorSettings
from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.topics import BUY_SIGNALS
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.clock import VirtualClock
from prime_jennie.infra.database.tables.messages import InboxRow
from prime_jennie.infra.database.tables.portfolio import TradeLogRow
from prime_jennie.infra.database.tables.trading import OrderIntentRow
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from prime_jennie.infra.settings import ServiceSettings
from prime_jennie.infra.tokens import mint
from tests.support.eventually import eventually
from tests.support.exchange import DAY
from tests.support.executors import buy_signal
from tests.support.gateway import SAMSUNG, STRATEGY, TOKEN_KEY, House, running_house
from tests.support.scanning import context
from tests.support.service_desk import started

SIGNALS = BUY_SIGNALS.stream_for(Keyspace(STRATEGY))
SOON = 60.0  # seconds; nothing takes so long, unless the machine is busy with other things
T = TypeVar("T")


class Shop:
    """A house at real speed, and a strategy's services in this process: nobody but the test ends either."""

    def __init__(self, house: House, folder: Path, clock: VirtualClock) -> None:
        self.house = house
        self.gateway = house.client()
        self.redis = connect(house.redis.url)
        self._clock = clock
        self._file = folder / "strategy.json"

    @asynccontextmanager
    async def running(self, make: Callable[[Any], FastAPI], settings: type[ServiceSettings]) -> AsyncIterator[Client]:
        """Run one service until it is ready, and for the block."""
        known = settings(
            redis_url=self.house.redis.url,
            clock_url=self.house.redis.url,
            database_url=self.house.database_url,
            kis_gateway_url=self.house.gateway.url,
            strategy=STRATEGY,
            strategy_file=self._file,
            service_token=mint(STRATEGY, TOKEN_KEY),
        )
        async with started(make(known)) as client:
            await eventually(lambda: answers(client, "/readyz"), within_secs=SOON, what="ready")
            yield client

    def buying(self) -> AbstractAsyncContextManager[Client]:
        """Run buy-executor for the block."""
        return self.running(buy_executor.app.create_app, BuyExecutorSettings)

    async def configure(self) -> None:
        """Let the strategy buy one stock in a bull market."""
        spec = {"capital_krw": 50_000_000, "watchlist": {"source": "static", "symbols": [{"code": SAMSUNG}]}}
        live = LiveConfig.model_validate({"name": STRATEGY, "generation": 1, "spec": spec})
        self._file.write_text(live.model_dump_json(by_alias=True))
        regime = context(date=date.fromisoformat(DAY))
        await self.redis.set(RedisKeys.REGIME_CURRENT.value, regime.model_dump_json())

    async def signal(self, price: int) -> str:
        """Publish a signal of now and return its message id."""
        publisher = TypedStreamPublisher(self.redis, SIGNALS, BUY_SIGNALS.model)
        return f"{SIGNALS}:{await publisher.publish(buy_signal(self._clock.now(), signal_price=price))}"

    async def is_waiting(self, buyer: Client, message: str) -> bool:
        """Tell whether the message's order is held up, neither lost nor sent."""
        assert self.house.exchange_orders() == []
        inbox = [(row.message_id, row.outcome) for row in await self.rows(InboxRow)]
        return inbox == [(message, None)] and "loop:messages" in (await health(buyer))["dependencies"]

    async def rows(self, table: type[T]) -> list[T]:
        """Return a whole table."""
        return await self.house.db.read(lambda session: list(session.scalars(select(table))))

    async def bought_once(self, message: str) -> None:
        """Wait for the message's outcome: one intent of its key, one order at the exchange, its shares booked."""

        async def outcomes() -> list[tuple[str, str | None]]:
            return [(row.message_id, row.outcome) for row in await self.rows(InboxRow) if row.outcome]

        await eventually(outcomes, within_secs=SOON, what="an outcome")
        assert await outcomes() == [(message, "bought")], [row.reason for row in await self.rows(InboxRow)]
        intents = [row for row in await self.rows(OrderIntentRow) if row.idempotency_key == f"buy:{message}"]
        (order,) = self.house.exchange_orders()
        assert [(row.state, row.quantity) for row in intents] == [("ACCEPTED", order["quantity"])]
        assert sum(trade.quantity for trade in await self.rows(TradeLogRow)) == order["quantity"]


@asynccontextmanager
async def shop(folder: Path, **options: Any) -> AsyncIterator[Shop]:
    """Open a house for the block: nothing has happened in it yet."""
    with running_house(folder, rate="1", **options) as house:
        clock = VirtualClock(house.redis.url)
        await clock.start()
        opened = Shop(house, folder, clock)
        try:
            await opened.configure()
            yield opened
        finally:
            await opened.gateway.close()
            await opened.redis.aclose()
            await clock.close()


async def answers(client: Client, path: str) -> bool:
    """Tell whether a path answers 200."""
    return (await client.get(path)).status_code == 200


async def health(client: Client) -> dict[str, Any]:
    """Return /health."""
    return dict((await client.get("/health")).json())
