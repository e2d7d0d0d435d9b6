"""The gateway in memory, in front of a broker in memory: keys, refusals and lost answers as the real one has them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from prime_jennie.domain.broker import AccountInfo, BrokerOrderRef, Environment
from prime_jennie.domain.errors import (
    BadInput,
    BrokerRefused,
    Conflict,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
)
from prime_jennie.domain.lifecycle import BuyBlock, MarketState, MarketStatus
from prime_jennie.domain.market import DailyPrice, IndexDailyPrice, IndexQuote, MinutePrice, Snapshots, StockSnapshot
from prime_jennie.domain.money import is_on_tick
from prime_jennie.domain.orders import OrderOutcome, OrderRequest, OrderResult, OrderState, OrderStatus, TradeType
from prime_jennie.domain.positions import PortfolioState
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.fakes.broker import InMemoryBroker


@dataclass
class _Known:
    side: TradeType
    order: OrderRequest
    reason: str
    message_id: str | None
    result: OrderResult | None = None


@dataclass
class InMemoryGateway:
    """Twin of GatewayClient; `is_open`, `halted` and `down` are what a test says about the world."""

    broker: InMemoryBroker
    environment: Environment = Environment.MOCK
    is_open: bool = True
    halted: bool = False
    down: bool = False
    buy_blocks: tuple[BuyBlock, ...] = ()
    """What holds buys back."""
    orders: dict[str, _Known] = field(default_factory=dict)
    """What was asked under which key, reasons included."""

    async def info(self) -> AccountInfo:
        self._demand_up()
        return AccountInfo(account_no=self.broker.account_no, environment=self.environment)

    async def snapshot(self, code: str) -> StockSnapshot:
        self._demand_up()
        return await self.broker.snapshot(code)

    async def snapshots(self, codes: Sequence[str]) -> Snapshots:
        self._demand_up()
        return await self.broker.snapshots(codes)

    async def daily_prices(self, code: str, days: int = 150) -> list[DailyPrice]:
        self._demand_up()
        return await self.broker.daily_prices(code, self._today() - timedelta(days=days), self._today())

    async def minute_prices(self, code: str, minutes: int = 30) -> list[MinutePrice]:
        self._demand_up()
        return (await self.broker.minute_prices(code, self.broker.clock.now()))[-minutes:]

    async def index_daily_prices(self, index_code: str, days: int = 150) -> list[IndexDailyPrice]:
        self._demand_up()
        return await self.broker.index_daily_prices(index_code, self._today() - timedelta(days=days), self._today())

    async def index_quote(self, index_code: str) -> IndexQuote:
        self._demand_up()
        return await self.broker.index_quote(index_code)

    async def market_state(self) -> MarketStatus:
        self._demand_up()
        return MarketStatus(
            trade_date=self._today(),
            state=MarketState.TRADING,
            reason="the session runs",
            since=self.broker.clock.now(),
            buys_allowed=not any(block.strategy == "" for block in self.buy_blocks),
            buy_blocks=self.buy_blocks,
        )

    async def is_trading_day(self, day: date) -> bool:
        self._demand_up()
        return day.weekday() < 5 and day not in self.broker.closed_days

    async def is_market_open(self) -> bool:
        self._demand_up()
        return self.is_open

    async def buy(
        self, order: OrderRequest, *, key: str, reason: str = "", message_id: str | None = None
    ) -> OrderResult:
        return await self._submit(TradeType.BUY, order, key, reason, message_id)

    async def sell(
        self, order: OrderRequest, *, key: str, reason: str = "", message_id: str | None = None
    ) -> OrderResult:
        return await self._submit(TradeType.SELL, order, key, reason, message_id)

    async def cancel(self, order_no: str) -> bool:
        self._demand_up()
        if (await self.order_status(order_no=order_no)).terminal:
            return False
        await self.broker.cancel(BrokerOrderRef(order_no=order_no))
        return True

    async def order_status(self, *, order_no: str | None = None, key: str | None = None) -> OrderState:
        self._demand_up()
        if key is not None:
            known = self.orders.get(key)
            if known is not None and known.result is None:
                raise Unavailable(f"order {key} is unresolved")
            order_no = known.result.order_no if known is not None and known.result is not None else None
        listed = {order.order_no: order for order in await self.broker.orders_of_day(self._today())}
        if order_no not in listed:
            raise NotFound(f"no order {order_no or key}")
        line = listed[order_no]
        status = _status(line.quantity, line.filled_qty, line.remaining_qty)
        return OrderState(
            order_no=line.order_no,
            stock_code=line.stock_code,
            side=line.side,
            quantity=line.quantity,
            status=status,
            filled_qty=line.filled_qty,
            filled_amount_krw=line.filled_amount_krw,
            avg_price=line.avg_price,
            remaining_qty=line.remaining_qty,
            terminal=status.is_terminal,
        )

    async def balance(self) -> PortfolioState:
        self._demand_up()
        return await self.broker.balance()

    async def cash(self) -> int:
        self._demand_up()
        return await self.broker.orderable_cash()

    async def subscribe(self, codes: Sequence[str], *, replace: bool = False) -> None:
        self._demand_up()
        if replace:
            await self.broker.unsubscribe([code for code in self.broker.subscribed if code not in codes])
        await self.broker.subscribe(codes)

    async def unsubscribe(self, codes: Sequence[str]) -> None:
        self._demand_up()
        await self.broker.unsubscribe(codes)

    async def resolve(self) -> None:
        """Find the orders whose answer was lost in the broker's list, as the gateway does by itself."""
        told = {known.result.order_no for known in self.orders.values() if known.result is not None}
        for key, known in self.orders.items():
            if known.result is not None:
                continue
            for line in await self.broker.orders_of_day(self._today()):
                if line.order_no not in told and line.stock_code == known.order.stock_code and line.side is known.side:
                    known.result = _result(known.order, key, OrderOutcome.ACCEPTED, "accepted", line.order_no)

    async def _submit(
        self, side: TradeType, order: OrderRequest, key: str, reason: str, message_id: str | None
    ) -> OrderResult:
        self._demand_up()
        if order.price is not None and not is_on_tick(order.price):
            raise BadInput("order", "price", f"{order.price} is not on the tick grid")
        known = self.orders.get(key)
        if known is not None:
            return self._again(known, side, order)
        if side is TradeType.BUY and self.halted:
            return _result(order, key, OrderOutcome.REFUSED, "HALTED: trading is Paused", None)
        if any(one.result is None and one.side is side and _same_stock(one, order) for one in self.orders.values()):
            raise Conflict(f"an order of {order.stock_code} is unresolved")
        known = _Known(side, order, reason, message_id)
        try:
            ref = await (self.broker.buy(order) if side is TradeType.BUY else self.broker.sell(order))
        except BrokerRefused as refused:
            if refused.may_retry:
                raise RateLimited(f"not sent, the same key may be used again: {refused}") from None
            known.result = _result(order, key, OrderOutcome.REFUSED, str(refused), None)
        except OutcomeUnknown:
            self.orders[key] = known
            raise
        else:
            known.result = _result(order, key, OrderOutcome.ACCEPTED, "accepted by the broker", ref.order_no)
        self.orders[key] = known
        return known.result

    def _again(self, known: _Known, side: TradeType, order: OrderRequest) -> OrderResult:
        if (known.side, known.order) != (side, order):
            raise Conflict("IDEMPOTENCY_KEY_BODY_MISMATCH: this key belongs to a different order")
        if known.result is None:
            raise OutcomeUnknown("the broker's answer is not known yet")
        return known.result

    def _demand_up(self) -> None:
        if self.down:
            raise Unavailable("the gateway did not answer")

    def _today(self) -> date:
        return self.broker.clock.now().astimezone(KST).date()


def _same_stock(known: _Known, order: OrderRequest) -> bool:
    return known.order.stock_code == order.stock_code


def _status(quantity: int, filled_qty: int, remaining_qty: int) -> OrderStatus:
    if filled_qty == quantity:
        return OrderStatus.FILLED
    if remaining_qty == 0:
        return OrderStatus.CANCELED
    return OrderStatus.PARTIAL if filled_qty else OrderStatus.SENT


def _result(order: OrderRequest, key: str, outcome: OrderOutcome, message: str, order_no: str | None) -> OrderResult:
    return OrderResult(
        success=outcome is OrderOutcome.ACCEPTED,
        order_no=order_no,
        stock_code=order.stock_code,
        quantity=order.quantity,
        price=order.price or 0,
        message=message,
        outcome=outcome,
        idempotency_key=key,
    )
