"""Cancel what is left of an order: asked for by its owner, or by a halt."""

import asyncio
from datetime import timedelta

import structlog

from kis_gateway.fills import FillKeeper
from kis_gateway.line import BrokerLine
from kis_gateway.ownership import Ownership
from kis_gateway.standing import Standings
from prime_jennie.domain.broker import BrokerOrderRef
from prime_jennie.domain.errors import BrokerRefused, NotFound, OutcomeUnknown, RateLimited, Unavailable
from prime_jennie.domain.orders import OrderStatus, TradeType
from prime_jennie.domain.ports import Broker, Clock, Priority
from prime_jennie.domain.risk import HaltState
from prime_jennie.infra.database.repositories.orders import OrderRepository
from prime_jennie.infra.database.tables.trading import OrderRow
from prime_jennie.infra.outages import OUTAGES, UNANSWERED

log = structlog.get_logger(__name__)

_ATTEMPTS = 3
HALT_LOOK_SECS = 1.0  # real: a halt acts within a second
CANCEL_COUNTS_FOR = timedelta(seconds=10)


class Cancels:
    """A cancellation may be repeated without harm, so unlike an order it is."""

    def __init__(
        self,
        *,
        account: str,
        broker: Broker,
        orders: OrderRepository,
        line: BrokerLine,
        ownership: Ownership,
        fills: FillKeeper,
        standings: Standings,
        clock: Clock,
    ) -> None:
        self._account = account
        self._broker = broker
        self._orders = orders
        self._line = line
        self._ownership = ownership
        self._fills = fills
        self._standings = standings
        self._clock = clock

    async def cancel(self, order_no: str, strategy: str) -> bool:
        """Cancel today's order of a strategy; False when nothing was left of it."""
        order = await self._orders.order_by_broker_no(self._account, self._fills.today, order_no)
        if order is None or order.strategy != strategy:
            raise NotFound(f"no order {order_no} of this strategy today")
        return await self._cancel(order)

    async def watch_halts(self) -> None:
        """Cancel working buys of halted strategies, for ever."""
        while True:
            await asyncio.sleep(HALT_LOOK_SECS)
            if not self._ownership.is_ready:
                continue
            working = await self._orders.open_orders(self._account)
            buys = [order for order in working if self._is_buy_of_today(order)]
            for strategy in sorted({order.strategy for order in buys}):
                halt = await self._halt(strategy)
                if halt.allows_buys:
                    continue
                for order in buys:
                    if order.strategy == strategy and not self._was_asked_lately(order):
                        log.warning("working buy cancelled by a halt", order_no=order.broker_order_no, halt=halt.value)
                        await self._cancel_or_later(order)

    async def settle_buys(self) -> None:
        """Cancel every buy that still works: in the closing auction none of ours may be left, whoever sent it."""
        for order in await self._orders.open_orders(self._account):
            if not self._is_buy_of_today(order) or self._was_asked_lately(order):
                continue
            log.warning("working buy cancelled before the close", order_no=order.broker_order_no)
            await self._cancel_or_later(order)

    def _is_buy_of_today(self, order: OrderRow) -> bool:
        """Tell whether a halt may cancel an order: yesterday's number may be another order's today."""
        return order.side == TradeType.BUY.value and order.order_date == self._fills.today

    def _was_asked_lately(self, order: OrderRow) -> bool:
        """Tell whether somebody is cancelling the order right now; one who died or was cut off counts no longer."""
        asked_at = order.cancel_requested_at
        return asked_at is not None and self._clock.now() - asked_at < CANCEL_COUNTS_FOR

    async def _halt(self, strategy: str) -> HaltState:
        try:
            return await self._standings.halt(strategy)
        except OUTAGES:
            return await self._standings.halt_in_sql(strategy)

    async def _cancel_or_later(self, order: OrderRow) -> None:
        """Cancel one of several; what fails is asked again at the next look, for the others must not wait for it."""
        try:
            await self._cancel(order)
        except UNANSWERED as error:
            log.warning("not cancelled yet", order_no=order.broker_order_no, error=f"{type(error).__name__}: {error}")

    async def _cancel(self, order: OrderRow) -> bool:
        if OrderStatus(order.status).is_terminal:
            return False
        self._ownership.grant()
        await self._orders.request_cancel(order.id, at=self._clock.now())
        intent = await self._orders.intent(order.id)
        ref = BrokerOrderRef(order_no=order.broker_order_no, org_no=intent.broker_org_no or "")
        await self._broker.ensure_token()
        for _ in range(_ATTEMPTS):
            try:
                async with self._line.order_turn(Priority.EXITS):
                    self._ownership.held()
                    await self._line.about_to_send(ledger=True)
                    await self._broker.cancel(ref)
                await self._fills.level()
                return True
            except BrokerRefused as refused:
                if refused.may_retry:
                    continue
                log.info("cancellation refused", order_no=ref.order_no, refusal=str(refused))
            except OutcomeUnknown as unknown:
                log.warning("cancellation's answer lost", order_no=ref.order_no, why=str(unknown))
            return await self._settled(order)
        await self._orders.withdraw_cancel(order.id, at=self._clock.now())
        raise RateLimited(f"order {ref.order_no} was not cancelled: the broker's limit")

    async def _settled(self, order: OrderRow) -> bool:
        """Let the broker's list say what came of a cancellation."""
        await self._fills.level()
        now = await self._orders.order(order.id)
        status = OrderStatus(now.status) if now is not None else OrderStatus.ERROR
        if status.is_terminal:
            return status is OrderStatus.CANCELED
        await self._orders.withdraw_cancel(order.id, at=self._clock.now())
        raise Unavailable(f"order {order.broker_order_no} still works: cancel again")
