"""Accounts, orders, executions and positions: a fold over events, so a restart rebuilds it by reading."""

from __future__ import annotations

from dataclasses import dataclass, field

from kis_simulator.exchange.events import AccountOpened, Event, Executed, OrderAccepted, Withdrawn
from kis_simulator.exchange.orders import Execution, Instruction, Kind, Order, Pricing, Side
from prime_jennie.domain.money import commission_krw


@dataclass
class Holding:
    """Shares of one stock and what they cost, fees left out; zero-quantity rows stay listed for the day."""

    quantity: int = 0
    cost_krw: int = 0
    bought_today: int = 0
    sold_today: int = 0


@dataclass
class Account:
    """One customer's cash and shares; cash is what remains after all of the day's trades (D+2)."""

    number: str
    initial_cash_krw: int
    cash_krw: int
    holdings: dict[str, Holding] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    executions: list[Execution] = field(default_factory=list)


class Ledger:
    """The broker's books."""

    def __init__(self) -> None:
        """Start with empty books."""
        self.accounts: dict[str, Account] = {}
        self.open_orders: dict[str, dict[str, Order]] = {}
        self.last_order_number = 0

    def apply(self, event: Event) -> Execution | None:
        """Book one event; return the execution when it was a fill."""
        match event:
            case AccountOpened():
                self.accounts[event.account] = Account(event.account, event.cash_krw, event.cash_krw)
            case OrderAccepted():
                self._accept(event)
            case Executed():
                return self._execute(event)
            case Withdrawn():
                order = self._open_order(event.order_no)
                order.withdrawn_qty += event.quantity
                order.expired = order.expired or event.expired
                self._drop_if_closed(order)
            case _:
                pass
        return None

    def open_of(self, code: str) -> list[Order]:
        """Return the open orders of one stock, oldest first."""
        return list(self.open_orders.get(code, {}).values())

    def reserved_cash(self, account: Account, upper_limits: dict[str, int]) -> int:
        """Return the cash promised to open buys, fees included; market orders count at the day's upper limit."""
        return sum(
            buying_cost(order.instruction.price or upper_limits[order.instruction.code], order.remaining_qty)
            for order in account.orders.values()
            if order.instruction.side is Side.BUY and order.remaining_qty
        )

    def sellable(self, account: Account, code: str) -> int:
        """Return the shares held and not promised to open sells."""
        held = account.holdings[code].quantity if code in account.holdings else 0
        promised = sum(
            order.remaining_qty
            for order in account.orders.values()
            if order.instruction.side is Side.SELL and order.instruction.code == code
        )
        return held - promised

    def next_number(self) -> str:
        """Return the order number that the next order will get: ten digits, ascending through the day."""
        return f"{self.last_order_number + 1:010d}"

    def _accept(self, event: OrderAccepted) -> None:
        instruction = Instruction(
            event.account,
            event.appkey_id,
            event.code,
            Side(event.side),
            Pricing(event.pricing),
            event.quantity,
            event.price,
        )
        order = Order(event.number, event.kind, event.original, instruction, event.at)
        self.accounts[event.account].orders[order.number] = order
        self.last_order_number = int(event.number)
        if event.kind is not Kind.CANCEL:
            self.open_orders.setdefault(event.code, {})[order.number] = order

    def _execute(self, event: Executed) -> Execution:
        order = self._open_order(event.order_no)
        instruction = order.instruction
        account = self.accounts[instruction.account]
        order.filled_qty += event.quantity
        order.filled_amount_krw += event.quantity * event.price
        order.executions += 1
        execution = Execution(
            order.number,
            order.executions,
            account.number,
            instruction.code,
            instruction.side,
            event.quantity,
            event.price,
            event.commission_krw,
            event.tax_krw,
            event.at,
        )
        holding = account.holdings.setdefault(instruction.code, Holding())
        if instruction.side is Side.BUY:
            account.cash_krw -= execution.amount_krw + event.commission_krw
            holding.quantity += event.quantity
            holding.cost_krw += execution.amount_krw
            holding.bought_today += event.quantity
        else:
            account.cash_krw += execution.amount_krw - event.commission_krw - event.tax_krw
            holding.cost_krw -= holding.cost_krw * event.quantity // holding.quantity
            holding.quantity -= event.quantity
            holding.sold_today += event.quantity
        account.executions.append(execution)
        self._drop_if_closed(order)
        return execution

    def _open_order(self, number: str) -> Order:
        return next(orders[number] for orders in self.open_orders.values() if number in orders)

    def _drop_if_closed(self, order: Order) -> None:
        code = order.instruction.code
        if order.remaining_qty == 0:
            del self.open_orders[code][order.number]
            if not self.open_orders[code]:
                del self.open_orders[code]


def buying_cost(price: int, quantity: int) -> int:
    """Return price times quantity with commission, in KRW."""
    return price * quantity + commission_krw(price * quantity)
