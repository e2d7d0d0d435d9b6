"""A broker in memory: fills at the price a test sets, forgets to answer when a test says so."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from prime_jennie.domain.broker import BrokerOrder, BrokerOrderRef, FillNotice, NoticeKind
from prime_jennie.domain.errors import BrokerRefused, Conflict, NotFound, OutcomeUnknown
from prime_jennie.domain.market import (
    DailyPrice,
    IndexDailyPrice,
    IndexQuote,
    MinutePrice,
    Snapshots,
    StockSnapshot,
    Tick,
)
from prime_jennie.domain.money import is_on_tick
from prime_jennie.domain.orders import OrderRequest, TradeType
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.positions import PortfolioState, Position
from prime_jennie.domain.sessions import KST

_MOST_STOCKS = 40


@dataclass
class _Order:
    number: str
    side: TradeType
    request: OrderRequest
    at: datetime
    filled_qty: int = 0
    filled_amount_krw: int = 0
    canceled_qty: int = 0

    @property
    def remaining_qty(self) -> int:
        return self.request.quantity - self.filled_qty - self.canceled_qty


@dataclass
class _Holding:
    quantity: int = 0
    cost_krw: int = 0


@dataclass
class InMemoryBroker:
    """Twin of KisBroker without fees; `prices_krw` are the stocks that exist."""

    clock: Clock
    account_no: str = "12345678-01"
    cash_krw: int = 50_000_000
    prices_krw: dict[str, int] = field(default_factory=dict)
    quotes: dict[str, StockSnapshot] = field(default_factory=dict)
    """A stock's whole quote, where its price alone does not say enough."""
    daily: dict[str, list[DailyPrice]] = field(default_factory=dict)
    minutes: dict[str, list[MinutePrice]] = field(default_factory=dict)
    indexes: dict[str, list[IndexDailyPrice]] = field(default_factory=dict)
    index_quotes: dict[str, IndexQuote] = field(default_factory=dict)
    """What a test says; otherwise an index stands at its last bar."""
    closed_days: set[date] = field(default_factory=set)
    lost_replies: int = 0
    """So many orders are accepted without an answer."""
    refusals: list[BrokerRefused] = field(default_factory=list)
    """Answers of the next orders, instead of an acceptance."""

    def __post_init__(self) -> None:
        self._numbers = 0
        self._orders: dict[str, _Order] = {}
        self._holdings: dict[str, _Holding] = {}
        self._subscribed: dict[str, None] = {}
        self._ticks: asyncio.Queue[tuple[Tick, ...]] = asyncio.Queue()
        self._notices: asyncio.Queue[FillNotice] = asyncio.Queue()

    def move_price(self, code: str, price: int) -> None:
        """Print a price: resting orders that it reaches fill, subscribers see a tick."""
        self.prices_krw[code] = price
        for order in self._orders.values():
            if order.request.stock_code == code and order.remaining_qty and _reaches(order, price):
                self._fill(order, price)
        if code in self._subscribed:
            at = self.clock.now()
            tick = Tick(
                stock_code=code, price=price, volume=1, cumulative_volume=1, ask=price, bid=price, high=price, at=at
            )
            self._ticks.put_nowait((tick,))

    async def ensure_token(self) -> None:
        return None

    async def snapshot(self, code: str) -> StockSnapshot:
        price = self._price(code)
        if code in self.quotes:
            return self.quotes[code]
        return StockSnapshot(
            stock_code=code,
            price=price,
            open_price=price,
            high_price=price,
            low_price=price,
            volume=1,
            change_pct=0.0,
            timestamp=self.clock.now(),
        )

    async def snapshots(self, codes: Sequence[str]) -> Snapshots:
        unique = dict.fromkeys(codes)
        missing = {code: f"the exchange does not know {code}" for code in unique if code not in self.prices_krw}
        found = [await self.snapshot(code) for code in unique if code not in missing]
        return Snapshots(snapshots=tuple(found), missing=missing)

    async def daily_prices(self, code: str, first: date, last: date) -> list[DailyPrice]:
        self._price(code)
        return [bar for bar in self.daily.get(code, []) if first <= bar.price_date <= last]

    async def minute_prices(self, code: str, upto: datetime) -> list[MinutePrice]:
        self._price(code)
        return [bar for bar in self.minutes.get(code, []) if bar.price_datetime <= upto][-30:]

    async def index_daily_prices(self, index_code: str, first: date, last: date) -> list[IndexDailyPrice]:
        if index_code not in self.indexes:
            raise NotFound(f"the exchange does not know {index_code}")
        return [bar for bar in self.indexes[index_code] if first <= bar.price_date <= last]

    async def index_quote(self, index_code: str) -> IndexQuote:
        if index_code in self.index_quotes:
            return self.index_quotes[index_code]
        bars = self.indexes.get(index_code)
        if not bars:
            raise NotFound(f"the exchange does not know {index_code}")
        last, before = bars[-1], bars[max(0, len(bars) - 2)]
        return IndexQuote(
            index_code=index_code,
            price=last.close_price,
            change_pct=round((last.close_price / before.close_price - 1) * 100, 2),
            timestamp=self.clock.now(),
            source=last.source,
        )

    async def holidays(self, first: date) -> dict[date, bool]:
        days = [first + timedelta(days=ahead) for ahead in range(30)]
        return {day: day.weekday() < 5 and day not in self.closed_days for day in days}

    async def buy(self, order: OrderRequest) -> BrokerOrderRef:
        return self._place(TradeType.BUY, order)

    async def sell(self, order: OrderRequest) -> BrokerOrderRef:
        return self._place(TradeType.SELL, order)

    async def cancel(self, ref: BrokerOrderRef) -> BrokerOrderRef:
        order = self._orders.get(ref.order_no)
        if order is None:
            raise BrokerRefused("APBK1663", "원주문번호가 존재하지 않습니다.")
        if not order.remaining_qty:
            raise BrokerRefused("APBK0344", "정정취소 가능수량이 없습니다.")
        order.canceled_qty = order.remaining_qty
        self._notify(order, NoticeKind.CANCELED)
        return ref.model_copy(update={"order_no": self._next_number()})

    async def orders_of_day(self, day: date) -> list[BrokerOrder]:
        return [_line(order) for order in self._orders.values() if order.at.astimezone(KST).date() == day]

    async def balance(self) -> PortfolioState:
        positions = tuple(self._position(code, held) for code, held in self._holdings.items() if held.quantity)
        value = sum(position.current_value or 0 for position in positions)
        return PortfolioState(
            positions=positions,
            cash_balance=self.cash_krw,
            total_asset=self.cash_krw + value,
            stock_eval_amount=value,
            position_count=len(positions),
            timestamp=self.clock.now(),
        )

    async def orderable_cash(self) -> int:
        return self.cash_krw

    @property
    def subscribed(self) -> tuple[str, ...]:
        """Return whose ticks are seen."""
        return tuple(self._subscribed)

    async def subscribe(self, codes: Sequence[str]) -> None:
        wanted = {**self._subscribed, **dict.fromkeys(codes)}
        if len(wanted) > _MOST_STOCKS:
            raise Conflict(f"{len(wanted)} registrations are more than {_MOST_STOCKS}")
        self._subscribed = wanted

    async def unsubscribe(self, codes: Sequence[str]) -> None:
        for code in codes:
            self._subscribed.pop(code, None)

    async def ticks(self) -> AsyncIterator[tuple[Tick, ...]]:
        while True:
            yield await self._ticks.get()

    async def fill_notices(self) -> AsyncIterator[FillNotice]:
        while True:
            yield await self._notices.get()

    def _place(self, side: TradeType, request: OrderRequest) -> BrokerOrderRef:
        if self.refusals:
            raise self.refusals.pop(0)
        self._demand_possible(side, request)
        order = _Order(self._next_number(), side, request, self.clock.now())
        self._orders[order.number] = order
        self._notify(order, NoticeKind.ACCEPTED)
        price = self.prices_krw[request.stock_code]
        if _reaches(order, price):
            self._fill(order, price)
        if self.lost_replies:
            self.lost_replies -= 1
            raise OutcomeUnknown("no answer in time")
        return BrokerOrderRef(order_no=order.number, org_no="00950", accepted_at=order.at)

    def _demand_possible(self, side: TradeType, request: OrderRequest) -> None:
        price = self.prices_krw.get(request.stock_code)
        if price is None:
            raise BrokerRefused("APBK0656", "해당종목정보가 없습니다.")
        if request.price is not None and not is_on_tick(request.price):
            raise BrokerRefused("APBK0506", "주문단가가 호가단위에 맞지 않습니다.")
        if side is TradeType.BUY and (request.price or price) * request.quantity > self.cash_krw:
            raise BrokerRefused("APBK0952", "주문가능금액을 초과 했습니다")
        if side is TradeType.SELL and request.quantity > self._sellable(request.stock_code):
            raise BrokerRefused("APBK0400", "주문 가능한 수량을 초과했습니다.")

    def _sellable(self, code: str) -> int:
        promised = sum(
            order.remaining_qty
            for order in self._orders.values()
            if order.side is TradeType.SELL and order.request.stock_code == code
        )
        return self._holdings.get(code, _Holding()).quantity - promised

    def _fill(self, order: _Order, price: int) -> None:
        quantity = order.remaining_qty
        held = self._holdings.setdefault(order.request.stock_code, _Holding())
        order.filled_qty += quantity
        order.filled_amount_krw += quantity * price
        if order.side is TradeType.BUY:
            self.cash_krw -= quantity * price
            held.quantity += quantity
            held.cost_krw += quantity * price
        else:
            self.cash_krw += quantity * price
            held.cost_krw -= held.cost_krw * quantity // held.quantity
            held.quantity -= quantity
        self._notify(order, NoticeKind.FILLED, quantity, price)

    def _notify(self, order: _Order, kind: NoticeKind, quantity: int = 0, price: int = 0) -> None:
        self._notices.put_nowait(
            FillNotice(
                account_no=self.account_no,
                kind=kind,
                order_no=order.number,
                stock_code=order.request.stock_code,
                side=order.side,
                quantity=quantity,
                price=price,
                at=self.clock.now(),
            )
        )

    def _position(self, code: str, held: _Holding) -> Position:
        price = self.prices_krw[code]
        return Position(
            stock_code=code,
            stock_name=code,
            quantity=held.quantity,
            average_buy_price=held.cost_krw / held.quantity,
            total_buy_amount=held.cost_krw,
            current_price=price,
            current_value=price * held.quantity,
            profit_pct=(price * held.quantity / held.cost_krw - 1) * 100,
        )

    def _price(self, code: str) -> int:
        if code not in self.prices_krw:
            raise NotFound(f"the exchange does not know {code}")
        return self.prices_krw[code]

    def _next_number(self) -> str:
        self._numbers += 1
        return f"{self._numbers:010d}"


def _reaches(order: _Order, price: int) -> bool:
    limit = order.request.price
    if limit is None:
        return True
    return limit >= price if order.side is TradeType.BUY else limit <= price


def _line(order: _Order) -> BrokerOrder:
    return BrokerOrder(
        order_no=order.number,
        org_no="00950",
        stock_code=order.request.stock_code,
        side=order.side,
        order_type=order.request.order_type,
        quantity=order.request.quantity,
        price=order.request.price or 0,
        filled_qty=order.filled_qty,
        filled_amount_krw=order.filled_amount_krw,
        remaining_qty=order.remaining_qty,
        canceled_qty=order.canceled_qty,
        ordered_at=order.at.replace(microsecond=0),
    )
