"""A gateway for executor tests: it keeps intents, orders and fills in SQL as kis-gateway does, and plays the broker."""

from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime
from typing import Any

from prime_jennie.domain.broker import AccountInfo, Environment
from prime_jennie.domain.errors import Conflict, NotFound, OutcomeUnknown, Unavailable
from prime_jennie.domain.market import DailyPrice, IndexDailyPrice, MinutePrice, StockSnapshot
from prime_jennie.domain.orders import (
    IntentState,
    OrderOutcome,
    OrderRequest,
    OrderResult,
    OrderState,
    OrderStatus,
    TradeType,
)
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.positions import PortfolioState, Position
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.fills import Execution, FillRepository
from prime_jennie.infra.database.repositories.leases import LeaseGrant, LeaseRepository
from prime_jennie.infra.database.repositories.orders import NewIntent, OrderRepository
from prime_jennie.infra.database.tables.trading import OrderIntentRow, OrderRow

ACCOUNT = "12345678-01"
STRATEGY = "krx-core"


class Killed(BaseException):
    """The process died here: nothing catches it."""


class SqlGateway:
    """Twin of GatewayClient and the broker behind it.

    `script` says what happens to the next orders: accept, refuse, unavailable (nothing done), died (nothing done, and
    nobody knows), lost (accepted, but the answer never comes), unknown (nobody knows; the next question finds it
    accepted), vanished (nobody knows; the next question finds it not sent). `fill_steps` maps the number of a look at
    an order to the shares that fill before it; without it everything fills at acceptance.
    """

    def __init__(self, db: Database, clock: Clock) -> None:
        self.orders = OrderRepository(db)
        self.fills = FillRepository(db)
        self._leases = LeaseRepository(db)
        self._clock = clock
        self._lease: LeaseGrant | None = None
        self.script: deque[str] = deque()
        self.fill_steps: dict[int, int] | None = None
        self.filled_at_cancel = 0
        self.prices: dict[str, int] = {}
        self.bars: dict[str, list[DailyPrice]] = {}
        self.daily_asked: list[str] = []
        self.cash_krw = 50_000_000
        self.foreign: dict[str, int] = {}
        """Shares that are in the account and not ours."""
        self.sent: list[tuple[str, TradeType, str, int, int | None]] = []
        """What reached the exchange: key, side, stock, shares, limit."""
        self.cancelled_at: list[datetime] = []
        self.looks: Counter[str] = Counter()
        self.down = False
        self.on_look: Callable[[str, int], Awaitable[None]] | None = None

    async def info(self) -> AccountInfo:
        return AccountInfo(account_no=ACCOUNT, environment=Environment.MOCK)

    async def snapshot(self, code: str) -> StockSnapshot:
        self._demand_up()
        price = self.prices[code]
        return StockSnapshot(
            stock_code=code,
            price=price,
            open_price=price,
            high_price=price,
            low_price=price,
            volume=1,
            change_pct=0.0,
            timestamp=self._clock.now(),
        )

    async def daily_prices(self, code: str, days: int = 150) -> list[DailyPrice]:
        self._demand_up()
        self.daily_asked.append(code)
        if code not in self.bars:
            raise NotFound(f"no stock {code}")
        return self.bars[code]

    async def minute_prices(self, code: str, minutes: int = 30) -> list[MinutePrice]:
        return []

    async def index_daily_prices(self, index_code: str, days: int = 150) -> list[IndexDailyPrice]:
        return []

    async def is_trading_day(self, day: date) -> bool:
        return True

    async def is_market_open(self) -> bool:
        return True

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
        self.cancelled_at.append(self._clock.now())
        order = await self._by_number(order_no)
        if OrderStatus(order.status).is_terminal:
            return False
        if self.filled_at_cancel:
            await self._fill(order, self.filled_at_cancel)
        await self.orders.set_status(order.id, OrderStatus.CANCELED, at=self._clock.now())
        return True

    async def order_status(self, *, order_no: str | None = None, key: str | None = None) -> OrderState:
        self._demand_up()
        assert key is not None
        order = await self.orders.order_by_key(ACCOUNT, STRATEGY, key)
        if order is None:
            raise NotFound(f"no order of key {key}")
        if self.fill_steps and (shares := self.fill_steps.get(self.looks[key], 0)):
            await self._fill(order, shares)
        if self.on_look is not None:
            await self.on_look(key, self.looks[key])
        self.looks[key] += 1
        return _state(await self._by_number(order.broker_order_no))

    async def balance(self) -> PortfolioState:
        self._demand_up()
        shares = Counter(await self.fills.totals(ACCOUNT, STRATEGY)) + Counter(self.foreign)
        positions = tuple(self._position(code, quantity) for code, quantity in sorted(shares.items()) if quantity > 0)
        stock_krw = sum(position.current_value or 0 for position in positions)
        return PortfolioState(
            positions=positions,
            cash_balance=self.cash_krw,
            total_asset=self.cash_krw + stock_krw,
            stock_eval_amount=stock_krw,
            position_count=len(positions),
            timestamp=self._clock.now(),
        )

    async def cash(self) -> int:
        self._demand_up()
        return self.cash_krw

    async def subscribe(self, codes: Sequence[str], *, replace: bool = False) -> None:
        return None

    async def unsubscribe(self, codes: Sequence[str]) -> None:
        return None

    async def _submit(
        self, side: TradeType, order: OrderRequest, key: str, reason: str, message_id: str | None
    ) -> OrderResult:
        self._demand_up()
        known = await self.orders.intent_by_key(ACCOUNT, STRATEGY, key)
        if known is not None and known.state != IntentState.NEW.value:
            return await self._known(known, order, side)
        what = self.script.popleft() if self.script else "accept"
        if what == "unavailable":
            raise Unavailable("circuit breaker open")
        if what == "died":
            return await self._raise_unknown()
        if what == "killed-before-intent":
            raise Killed
        intent = await self._commit(side, order, key, reason, message_id)
        if what == "killed-after-intent":
            raise Killed
        lease = await self._own()
        await self.orders.begin_dispatch(intent.id, lease=lease, at=self._clock.now())
        if what == "refuse":
            await self.orders.refuse(
                intent.id, error_code="APBK0918", error_message="장운영시간이 아닙니다", at=self._clock.now()
            )
            return _result(order, OrderOutcome.REFUSED, "APBK0918")
        if what in ("unknown", "vanished"):
            await self.orders.mark_unknown(intent.id, error_code="UNKNOWN", error_message=what, at=self._clock.now())
            return await self._raise_unknown()
        await self._accept(intent)
        if what == "killed-after-acceptance":
            raise Killed
        if what == "lost":
            return await self._raise_unknown()
        return _result(order, OrderOutcome.ACCEPTED)

    async def _known(self, intent: OrderIntentRow, order: OrderRequest, side: TradeType) -> OrderResult:
        if _new(side, order, intent.idempotency_key, "", None).body_hash != intent.body_hash:
            raise Conflict("IDEMPOTENCY_KEY_BODY_MISMATCH")
        if intent.state == IntentState.UNKNOWN.value:
            if intent.error_message == "vanished":
                await self.orders.mark_not_sent(intent.id, reason="in no listing", at=self._clock.now())
                return _result(order, OrderOutcome.REFUSED, "NOT_SENT")
            await self._accept(intent)
        elif intent.state == IntentState.REFUSED.value:
            return _result(order, OrderOutcome.REFUSED, intent.error_code)
        return _result(order, OrderOutcome.ACCEPTED)

    async def _raise_unknown(self) -> OrderResult:
        raise OutcomeUnknown("the broker's answer was lost")

    async def _commit(
        self, side: TradeType, order: OrderRequest, key: str, reason: str, message_id: str | None
    ) -> OrderIntentRow:
        new = _new(side, order, key, reason, message_id)
        return (await self.orders.commit_intent(new, lease=await self._own(), at=self._clock.now())).intent

    async def _accept(self, intent: OrderIntentRow) -> None:
        number = f"{len(self.sent) + 1:010}"
        side = TradeType(intent.side)
        self.sent.append((intent.idempotency_key, side, intent.stock_code, intent.quantity, intent.price))
        order = await self.orders.accept(
            intent.id,
            broker_order_no=number,
            broker_org_no="91252",
            order_date=self._clock.now().astimezone(KST).date(),
            at=self._clock.now(),
        )
        if self.fill_steps is None:
            await self._fill(order, order.quantity)

    async def _fill(self, order: OrderRow, shares: int) -> None:
        stands = await self.orders.order(order.id)
        assert stands is not None
        execution = Execution(shares, shares * self.prices[order.stock_code], self._clock.now())
        await self.fills.record(
            order.id, execution, filled_before=stands.filled_qty, source="notice", lease=await self._own()
        )

    async def _by_number(self, order_no: str) -> OrderRow:
        day = self._clock.now().astimezone(KST).date()
        order = await self.orders.order_by_broker_no(ACCOUNT, day, order_no)
        if order is None:
            raise NotFound(f"no order {order_no}")
        return order

    async def _own(self) -> LeaseGrant:
        if self._lease is None:
            self._lease = await self._leases.acquire("app-key", "gateway-1", 600)
            assert self._lease is not None
        return self._lease

    def _position(self, code: str, quantity: int) -> Position:
        price = self.prices[code]
        return Position(
            stock_code=code,
            stock_name=code,
            quantity=quantity,
            average_buy_price=float(price),
            total_buy_amount=price * quantity,
            current_price=price,
            current_value=price * quantity,
        )

    def _demand_up(self) -> None:
        if self.down:
            raise Unavailable("the gateway cannot be reached")


def _new(side: TradeType, order: OrderRequest, key: str, reason: str, message_id: str | None) -> NewIntent:
    return NewIntent(
        account=ACCOUNT,
        strategy=STRATEGY,
        idempotency_key=key,
        stock_code=order.stock_code,
        side=side,
        order_type=order.order_type,
        quantity=order.quantity,
        price=order.price,
        reason=reason,
        message_id=message_id,
    )


def _result(order: OrderRequest, outcome: OrderOutcome, message: str | None = None) -> OrderResult:
    return OrderResult(
        success=outcome is OrderOutcome.ACCEPTED,
        stock_code=order.stock_code,
        quantity=order.quantity,
        price=order.price or 0,
        message=message,
        outcome=outcome,
    )


def _state(order: OrderRow) -> OrderState:
    status = OrderStatus(order.status)
    figures: dict[str, Any] = {"filled_qty": order.filled_qty, "filled_amount_krw": order.filled_amount_krw}
    return OrderState(
        order_no=order.broker_order_no,
        stock_code=order.stock_code,
        side=TradeType(order.side),
        quantity=order.quantity,
        status=status,
        avg_price=order.avg_fill_price or 0.0,
        remaining_qty=0 if status.is_terminal else order.quantity - order.filled_qty,
        terminal=status.is_terminal,
        **figures,
    )
