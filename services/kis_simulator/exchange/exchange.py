"""The exchange: takes orders, advances through the day's prints and books what trades."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, datetime

from kis_simulator.exchange import refusals
from kis_simulator.exchange.events import (
    AccountOpened,
    Event,
    Executed,
    OrderAccepted,
    StepDone,
    Withdrawn,
)
from kis_simulator.exchange.journal import Journal
from kis_simulator.exchange.ledger import Account, Ledger, buying_cost
from kis_simulator.exchange.matching import Matcher, Trade
from kis_simulator.exchange.orders import Execution, Instruction, Kind, Order, Pricing, Side
from kis_simulator.market.path import IntradayPath
from kis_simulator.market.reference import Reference
from kis_simulator.market.tapes import Tapes
from prime_jennie.domain.money import commission_krw, is_on_tick, sell_tax_krw
from prime_jennie.domain.sessions import Session, SessionPhase

Listener = Callable[[Order, Sequence[Execution]], None]


class Exchange:
    """One trading day of orders; everything it books is in the journal before it is told to anybody."""

    def __init__(
        self,
        tapes: Tapes,
        session: Session,
        settles_on: date,
        journal: Journal,
        *,
        start_at: datetime,
        cash_krw: int,
        seed: int,
        paper: bool,
    ) -> None:
        """Bind the day; `at` is the time up to which prints were matched."""
        self.tapes = tapes
        self.session = session
        self.ledger = Ledger()
        self.at = start_at
        self.paper = paper
        self._journal = journal
        self._cash_krw = cash_krw
        self._seed = seed
        self._settles_on = settles_on
        self._listeners: list[Listener] = []
        self._matchers: dict[str, Matcher] = {}

    # --- what others read -------------------------------------------------------------------------------------------
    def listen(self, listener: Listener) -> None:
        """Call `listener(order, executions)` after each acceptance, fill, modify and cancel."""
        self._listeners.append(listener)

    def account(self, number: str) -> Account:
        """Return the account, opened with its cash on first use."""
        if number not in self.ledger.accounts:
            self._book([AccountOpened(account=number, cash_krw=self._cash_krw)])
        return self.ledger.accounts[number]

    def tradable(self, code: str) -> Reference:
        """Return the stock's day or refuse an order for it."""
        reference = self.tapes.reference(code)
        if reference is None:
            raise refusals.unknown_symbol()
        if reference.halted:
            raise refusals.halted()
        return reference

    def secs_into_session(self, at: datetime) -> float:
        """Return seconds since the open, negative before it."""
        return (at - self.session.opens_at).total_seconds()

    @property
    def has_closed(self) -> bool:
        """Tell whether the day's closing cross has printed."""
        return self.at >= self.session.closes_at

    def last_print(self, code: str) -> tuple[IntradayPath | None, int]:
        """Return the stock's path and the index of its last print, -1 before the first; no path before the open."""
        if self.at < self.session.opens_at:
            return None, -1
        path = self.tapes.path(code)
        return path, -1 if path is None else path.index_at(self.secs_into_session(self.at))

    def cash_available(self, account: Account) -> int:
        """Return cash that no open buy has claimed."""
        codes = {o.instruction.code for o in account.orders.values() if o.remaining_qty}
        limits = {code: self.tradable(code).upper_limit for code in codes}
        return account.cash_krw - self.ledger.reserved_cash(account, limits)

    # --- orders -----------------------------------------------------------------------------------------------------
    def place(self, instruction: Instruction) -> Order:
        """Accept an order, trade what trades at once, and return it; raises Refusal."""
        self._demand_hours()
        account = self.account(instruction.account)
        self._demand_valid(instruction)
        self._demand_means(account, instruction)
        return self._accept(instruction, Kind.NEW, "", [])

    def modify(self, account_no: str, original: str, price: int, pricing: Pricing, quantity: int | None) -> Order:
        """Replace the remainder of an order (or `quantity` of it) by a new number without its time priority."""
        self._demand_hours()
        order, moved = self._open_part(account_no, original, quantity)
        old = order.instruction
        instruction = Instruction(old.account, old.appkey_id, old.code, old.side, pricing, moved, price)
        self._demand_valid(instruction)
        account = self.account(account_no)
        if instruction.side is Side.BUY:
            freed = buying_cost(old.price or self.tradable(old.code).upper_limit, moved)
            self._demand_cash(account, instruction, freed)
        withdrawn = Withdrawn(order_no=order.number, quantity=moved, at=self.at)
        return self._accept(instruction, Kind.MODIFY, order.number, [withdrawn])

    def cancel(self, account_no: str, original: str, quantity: int | None) -> Order:
        """Withdraw the remainder of an order (or `quantity` of it); returns the request's own number."""
        self._demand_hours()
        order, part = self._open_part(account_no, original, quantity)
        old = order.instruction
        request = Instruction(old.account, old.appkey_id, old.code, old.side, old.pricing, part, old.price)
        withdrawn = Withdrawn(order_no=order.number, quantity=part, at=self.at)
        return self._accept(request, Kind.CANCEL, order.number, [withdrawn])

    # --- time -------------------------------------------------------------------------------------------------------
    def advance(self, to: datetime) -> None:
        """Match open orders on every print in (at, to], expire them at the close, and record the step as one batch."""
        before, self.at = self.at, to
        events: list[Event] = []
        for code in list(self.ledger.open_orders):
            events.extend(self._match_prints(code, before, to))
        if before < self.session.closes_at <= to:
            events.extend(self._expiries(events))
        self._book([*events, StepDone(at=to)], durable=bool(events))

    def resume(self, batches: Sequence[Sequence[Event]]) -> None:
        """Rebuild the books from the journal; prints after the last recorded step are matched by the next advance."""
        for batch in batches:
            for event in batch:
                self.ledger.apply(event)
                if isinstance(event, StepDone):
                    self.at = event.at

    # --- inside -----------------------------------------------------------------------------------------------------
    def _matcher(self, code: str) -> Matcher | None:
        if code not in self._matchers:
            reference, path = self.tapes.reference(code), self.tapes.path(code)
            if reference is None or path is None:
                return None
            code_seed = self._seed * 31 + int.from_bytes(code.encode(), "big")
            self._matchers[code] = Matcher(reference, path, code_seed)
        return self._matchers[code]

    def _match_prints(self, code: str, before: datetime, to: datetime) -> list[Event]:
        matcher, path = self._matcher(code), self.tapes.path(code)
        if matcher is None or path is None:
            return []
        first = path.index_at(self.secs_into_session(before)) + 1
        last = path.index_at(self.secs_into_session(to))
        events: list[Event] = []
        # Trades of one step are worked out on copies, so that the books change only when the batch is on disk.
        orders = [replace(order) for order in self.ledger.open_of(code)]
        for index in range(first, last + 1):
            auction = index in (0, len(path.secs) - 1)
            trades = matcher.cross(orders, index) if auction else matcher.follow(orders, index)
            for trade in trades:
                trade.order.filled_qty += trade.quantity
                events.append(self._executed(trade))
        return events

    def _accept(self, instruction: Instruction, kind: Kind, original: str, first: list[Event]) -> Order:
        accepted = OrderAccepted(
            number=self.ledger.next_number(),
            kind=kind,
            original=original,
            account=instruction.account,
            appkey_id=instruction.appkey_id,
            code=instruction.code,
            side=instruction.side,
            pricing=instruction.pricing,
            quantity=instruction.quantity,
            price=instruction.price,
            at=self.at,
        )
        trades: list[Trade] = []
        if kind is not Kind.CANCEL and self.session.phase_at(self.at) is SessionPhase.REGULAR:
            matcher = self._matcher(instruction.code)
            _, index = self.last_print(instruction.code)
            if matcher is not None and index >= 0:
                order = Order(accepted.number, kind, original, instruction, self.at)
                trades = matcher.arrive(order, index)
        self._book([*first, accepted, *(self._executed(trade) for trade in trades)])
        return self.ledger.accounts[instruction.account].orders[accepted.number]

    def _executed(self, trade: Trade) -> Executed:
        amount = trade.quantity * trade.price
        selling = trade.order.instruction.side is Side.SELL
        return Executed(
            order_no=trade.order.number,
            quantity=trade.quantity,
            price=trade.price,
            commission_krw=commission_krw(amount),
            tax_krw=sell_tax_krw(amount, self._settles_on) if selling else 0,
            at=self.at,
        )

    def _expiries(self, events: Sequence[Event]) -> list[Event]:
        traded: dict[str, int] = {}
        for event in events:
            if isinstance(event, Executed):
                traded[event.order_no] = traded.get(event.order_no, 0) + event.quantity
        open_orders = [order for orders in self.ledger.open_orders.values() for order in orders.values()]
        left = {order.number: order.remaining_qty - traded.get(order.number, 0) for order in open_orders}
        return [Withdrawn(order_no=n, quantity=q, expired=True, at=self.at) for n, q in left.items() if q]

    def _book(self, events: Sequence[Event], *, durable: bool = True) -> None:
        self._journal.append(events, durable=durable)
        for event in events:
            execution = self.ledger.apply(event)
            if execution is not None:
                self._tell(self.ledger.accounts[execution.account].orders[execution.order_no], [execution])
            elif isinstance(event, OrderAccepted):
                self._tell(self.ledger.accounts[event.account].orders[event.number], [])

    def _tell(self, order: Order, executions: Sequence[Execution]) -> None:
        for listener in self._listeners:
            listener(order, executions)

    def _open_part(self, account_no: str, original: str, quantity: int | None) -> tuple[Order, int]:
        order = self.account(account_no).orders.get(original)
        if order is None:
            raise refusals.no_such_order()
        part = order.remaining_qty if quantity is None else quantity
        if not 0 < part <= order.remaining_qty:
            raise refusals.nothing_to_withdraw()
        return order, part

    def _demand_hours(self) -> None:
        phase = self.session.phase_at(self.at)
        if phase in (SessionPhase.BEFORE, SessionPhase.CLOSED):
            raise refusals.out_of_hours(phase is SessionPhase.BEFORE, self.paper)

    def _demand_valid(self, instruction: Instruction) -> None:
        reference = self.tradable(instruction.code)
        if instruction.pricing is Pricing.LIMIT:
            if instruction.price <= 0 or not is_on_tick(instruction.price):
                raise refusals.off_tick()
            if not reference.lower_limit <= instruction.price <= reference.upper_limit:
                raise refusals.outside_limits()

    def _demand_means(self, account: Account, instruction: Instruction) -> None:
        if instruction.side is Side.BUY:
            self._demand_cash(account, instruction, 0)
        elif self.ledger.sellable(account, instruction.code) < instruction.quantity:
            raise refusals.not_enough_shares()

    def _demand_cash(self, account: Account, instruction: Instruction, freed_krw: int) -> None:
        price = instruction.price or self.tradable(instruction.code).upper_limit
        if buying_cost(price, instruction.quantity) > self.cash_available(account) + freed_krw:
            raise refusals.not_enough_cash()
