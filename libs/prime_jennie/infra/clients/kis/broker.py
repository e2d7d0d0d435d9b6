"""The broker as the gateway sees it: REST for questions and orders, one WebSocket for what happens."""

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import date, datetime

from prime_jennie.domain.broker import BrokerOrder, BrokerOrderRef, Environment, FillNotice
from prime_jennie.domain.market import (
    DailyPrice,
    IndexDailyPrice,
    IndexQuote,
    MinutePrice,
    Snapshots,
    StockSnapshot,
    Tick,
)
from prime_jennie.domain.orders import OrderRequest
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.positions import PortfolioState
from prime_jennie.infra.clients.kis.auth import AppKey, Tokens, TokenStore
from prime_jennie.infra.clients.kis.calls import KisCalls
from prime_jennie.infra.clients.kis.rest import KisRestClient
from prime_jennie.infra.clients.kis.transport import Permit, Transport, no_limit
from prime_jennie.infra.clients.kis.unread import Unread, let_go
from prime_jennie.infra.clients.kis.websocket import KisWebSocketClient, SocketSettings


class KisBroker:
    """Implements the domain's Broker over KIS; `run` keeps the WebSocket alive and must be supervised."""

    def __init__(self, rest: KisRestClient, socket: KisWebSocketClient, transport: Transport) -> None:
        self.rest = rest
        self.socket = socket
        self._transport = transport

    @classmethod
    def open(
        cls,
        *,
        base_url: str,
        timeout_secs: float,
        app_key: AppKey,
        environment: Environment,
        account_no: str,
        tokens: TokenStore,
        clock: Clock,
        socket: SocketSettings,
        in_session: Callable[[], bool],
        permit: Permit = no_limit,
        unread: Unread = let_go,
    ) -> "KisBroker":
        """Put the parts together."""
        transport = Transport(base_url, timeout_secs=timeout_secs)
        issued = Tokens(transport, app_key, tokens, clock, permit)
        calls = KisCalls(transport, issued, app_key, permit, unread)
        rest = KisRestClient(calls, issued, environment=environment, account_no=account_no, clock=clock)
        listening = KisWebSocketClient(socket, issued, clock, in_session=in_session, unread=unread)
        return cls(rest, listening, transport)

    async def run(self) -> None:
        """Keep the WebSocket session alive until cancelled."""
        await self.socket.run()

    async def close(self) -> None:
        """Close the HTTP connections."""
        await self._transport.close()

    async def ensure_token(self) -> None:
        await self.rest.ensure_token()

    async def snapshot(self, code: str) -> StockSnapshot:
        return await self.rest.snapshot(code)

    async def snapshots(self, codes: Sequence[str]) -> Snapshots:
        return await self.rest.snapshots(codes)

    async def daily_prices(self, code: str, first: date, last: date) -> list[DailyPrice]:
        return await self.rest.daily_prices(code, first, last)

    async def minute_prices(self, code: str, upto: datetime) -> list[MinutePrice]:
        return await self.rest.minute_prices(code, upto)

    async def index_daily_prices(self, index_code: str, first: date, last: date) -> list[IndexDailyPrice]:
        return await self.rest.index_daily_prices(index_code, first, last)

    async def index_quote(self, index_code: str) -> IndexQuote:
        return await self.rest.index_quote(index_code)

    async def holidays(self, first: date) -> dict[date, bool]:
        return await self.rest.holidays(first)

    async def buy(self, order: OrderRequest) -> BrokerOrderRef:
        return await self.rest.buy(order)

    async def sell(self, order: OrderRequest) -> BrokerOrderRef:
        return await self.rest.sell(order)

    async def cancel(self, ref: BrokerOrderRef) -> BrokerOrderRef:
        return await self.rest.cancel(ref)

    async def orders_of_day(self, day: date) -> list[BrokerOrder]:
        return await self.rest.orders_of_day(day)

    async def balance(self) -> PortfolioState:
        return await self.rest.balance()

    async def orderable_cash(self) -> int:
        return await self.rest.orderable_cash()

    async def subscribe(self, codes: Sequence[str]) -> None:
        await self.socket.subscribe(codes)

    async def unsubscribe(self, codes: Sequence[str]) -> None:
        await self.socket.unsubscribe(codes)

    def ticks(self) -> AsyncIterator[tuple[Tick, ...]]:
        return self.socket.ticks()

    def fill_notices(self) -> AsyncIterator[FillNotice]:
        return self.socket.fill_notices()
