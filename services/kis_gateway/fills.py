"""Record what the exchange executed: a notice says when to look, the broker's list says what is true."""

import asyncio
from contextlib import suppress
from datetime import date
from typing import Any

import structlog

from kis_gateway.matching import executions_of, status_of
from kis_gateway.metrics import FILLS, NOTICES
from kis_gateway.ownership import Ownership
from prime_jennie.domain.broker import BrokerOrder, FillNotice, NoticeKind
from prime_jennie.domain.errors import Conflict
from prime_jennie.domain.orders import OrderStatus
from prime_jennie.domain.ports import Broker, Clock
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.database.repositories.fills import FillRepository
from prime_jennie.infra.database.repositories.orders import OrderRepository
from prime_jennie.infra.database.tables.trading import OrderRow
from prime_jennie.infra.outages import OUTAGES, Outages

log = structlog.get_logger(__name__)

_MOST_UNKNOWN = 500  # orders with notices that SQL does not know


class FillKeeper:
    """Keep orders, their status and their executions level with the broker's list."""

    def __init__(
        self,
        *,
        account: str,
        broker: Broker,
        orders: OrderRepository,
        fills: FillRepository,
        ownership: Ownership,
        clock: Clock,
        poll_secs: float,
        outages: Outages,
    ) -> None:
        self._account = account
        self._broker = broker
        self._orders = orders
        self._fills = fills
        self._ownership = ownership
        self._clock = clock
        self._poll_secs = poll_secs
        self._outages = outages
        self._heard: dict[str, list[FillNotice]] = {}
        self._heard_on: date | None = None
        self._poke = asyncio.Event()
        self._has_new_order = asyncio.Event()
        self._levelling = asyncio.Lock()

    @property
    def today(self) -> date:
        return self._clock.now().astimezone(KST).date()

    def poke(self) -> None:
        """Look at the list soon."""
        self._poke.set()

    def accepted(self, order_no: str) -> None:
        """Look at the list soon if the order's first notice was quicker than its answer, else after the usual pause."""
        if order_no in self._heard:
            self._poke.set()
        self._has_new_order.set()

    async def listen(self) -> None:
        """Take notices for ever; a fill's notice is kept until the list explains it."""
        async for notice in self._broker.fill_notices():
            NOTICES.inc()
            if notice.account_no != self._account:
                continue
            if notice.kind is NoticeKind.FILLED:
                self._keep(notice)
            if notice.kind is not NoticeKind.ACCEPTED:
                self._poke.set()

    async def run(self) -> None:
        """Level after each notice, and every few clock seconds while orders work: notices get lost."""
        while True:
            await self._wait()
            self._poke.clear()
            try:
                await self.level()
            except OUTAGES as error:
                self._outages.begin("fills", error)
                self._poke.set()
                await asyncio.sleep(0.5)
            else:
                self._outages.end("fills")

    async def level(self) -> list[BrokerOrder]:
        """Read today's list once and bring every order of ours up to it; return the list."""
        async with self._levelling:
            today = self.today
            heard_before = {order_no: len(notices) for order_no, notices in self._heard.items()}
            listing = await self._broker.orders_of_day(today)
            known = await self._apply(listing, today)
            for order_no, count in heard_before.items():
                # An unknown order is about to be recorded, or nobody's here: then it is one of few by hand.
                if order_no in known or len(self._heard) > _MOST_UNKNOWN:
                    self._forget(order_no, count)
            try:
                await self._end_past_days(today)
            except OUTAGES as error:  # today's orders are level; asked again at the next look
                log.warning("earlier days not levelled", error=f"{type(error).__name__}: {error}")
            return listing

    async def _end_past_days(self, today: date) -> None:
        """End what was left open on earlier days, for a day order never survives its day.

        A process may run for weeks: this cannot wait for the next start.
        """
        left = [order for order in await self._orders.open_orders(self._account) if order.order_date < today]
        for day in sorted({order.order_date for order in left}):
            listed = {order.order_no: order for order in await self._broker.orders_of_day(day)}
            for order in left:
                if order.order_date != day:
                    continue
                if order.broker_order_no in listed:
                    await self._raise(order, listed[order.broker_order_no])
                await self._orders.set_status(order.id, OrderStatus.CANCELED, at=self._clock.now())

    async def _wait(self) -> None:
        """Return when poked, or when the pause between two looks at working orders is over."""
        while not self._poke.is_set():
            self._has_new_order.clear()
            pause: asyncio.Future[Any] | None = None
            if await self._has_open_orders():
                pause = asyncio.ensure_future(self._clock.sleep(self._poll_secs))
            events: set[asyncio.Future[Any]] = {
                asyncio.ensure_future(self._poke.wait()),
                asyncio.ensure_future(self._has_new_order.wait()),
            }
            waiting = events if pause is None else events | {pause}
            try:
                await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                if pause is not None and pause.done():
                    return
            finally:
                for task in waiting:
                    task.cancel()

    async def _has_open_orders(self) -> bool:
        with suppress(*OUTAGES):
            return bool(await self._orders.open_orders(self._account))
        return True

    def _keep(self, notice: FillNotice) -> None:
        """Keep a notice until the list explains it, but not over midnight: order numbers start over every day."""
        day = notice.at.astimezone(KST).date()
        if day != self._heard_on:
            self._heard.clear()
            self._heard_on = day
        self._heard.setdefault(notice.order_no, []).append(notice)

    def _forget(self, order_no: str, count: int) -> None:
        rest = self._heard.get(order_no, [])[count:]
        if rest:
            self._heard[order_no] = rest
        else:
            self._heard.pop(order_no, None)

    async def _apply(self, listing: list[BrokerOrder], today: date) -> set[str]:
        listed = {order.order_no: order for order in listing}
        ours = await self._orders.orders_of_day(self._account, today)
        for order in ours:
            line = listed.get(order.broker_order_no)
            if line is None:
                log.error("the broker's list lacks an order it accepted", order_no=order.broker_order_no)
            elif line.filled_qty > order.filled_qty or not OrderStatus(order.status).is_terminal:
                await self._raise(order, line)
        return {order.broker_order_no for order in ours}

    async def _raise(self, order: OrderRow, line: BrokerOrder) -> None:
        notices = self._heard.get(order.broker_order_no, []) if order.order_date == self._heard_on else []
        missing_qty = line.filled_qty - order.filled_qty
        missing_krw = line.filled_amount_krw - order.filled_amount_krw
        executions = executions_of(missing_qty, missing_krw, notices) if missing_qty > 0 else []
        try:
            added = await self._fills.record_total(
                order.id,
                filled_qty=line.filled_qty,
                filled_amount_krw=line.filled_amount_krw,
                at=notices[-1].at if notices else self._clock.now(),
                executions=executions,
                lease=self._ownership.held(),
            )
        except Conflict as error:
            log.error("the broker's fills contradict ours", order_no=order.broker_order_no, error=str(error))
            return
        for fill in added:
            FILLS.labels(fill.side, fill.source).inc()
        if executions:
            self._forget(order.broker_order_no, len(notices))
        await self._orders.set_status(order.id, status_of(line), at=self._clock.now())
