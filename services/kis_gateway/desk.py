"""The life of an order here: validate → commit the intent → wait for a turn → own the lease → send once → record."""

import asyncio
import uuid
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import structlog

from kis_gateway import answers
from kis_gateway.checks import PreTradeChecks
from kis_gateway.fills import FillKeeper
from kis_gateway.line import BrokerLine
from kis_gateway.metrics import ORDERS
from kis_gateway.ownership import Ownership
from kis_gateway.quota import BuyQuota, Place
from kis_gateway.resolver import Resolver
from prime_jennie.domain.broker import BrokerOrderRef
from prime_jennie.domain.errors import BadInput, BrokerRefused, Conflict, OutcomeUnknown, RateLimited, Unavailable
from prime_jennie.domain.money import is_on_tick
from prime_jennie.domain.orders import OrderRequest, OrderResult, TradeType
from prime_jennie.domain.ports import Broker, Clock, Priority
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.clients.kis.envelope import RATE_CODES
from prime_jennie.infra.database.repositories.orders import NewIntent, OrderRepository
from prime_jennie.infra.database.tables.trading import OrderIntentRow
from prime_jennie.infra.outages import OUTAGES

log = structlog.get_logger(__name__)

KEYLESS_PAUSE = timedelta(seconds=10)
DISPATCHES = 3  # of one request, after refusals that allow the same intent again
_PRIORITIES = {TradeType.BUY: Priority.ENTRIES, TradeType.SELL: Priority.EXITS}


@dataclass(frozen=True)
class AskedOrder:
    """One order as somebody asked for it."""

    side: TradeType
    order: OrderRequest
    strategy: str
    key: str
    reason: str
    message_id: str | None

    def intent(self, account: str) -> NewIntent:
        return NewIntent(
            account=account,
            strategy=self.strategy,
            idempotency_key=self.key,
            stock_code=self.order.stock_code,
            side=self.side,
            order_type=self.order.order_type,
            quantity=self.order.quantity,
            price=self.order.price,
            reason=self.reason,
            message_id=self.message_id,
        )


class OrderDesk:
    """Take orders; the same key always means the same order and gets the same answer."""

    def __init__(
        self,
        *,
        account: str,
        broker: Broker,
        orders: OrderRepository,
        checks: PreTradeChecks,
        quota: BuyQuota,
        line: BrokerLine,
        ownership: Ownership,
        fills: FillKeeper,
        resolver: Resolver,
        clock: Clock,
    ) -> None:
        self._account = account
        self._broker = broker
        self._orders = orders
        self._checks = checks
        self._quota = quota
        self._line = line
        self._ownership = ownership
        self._fills = fills
        self._resolver = resolver
        self._clock = clock
        self._flights: dict[tuple[str, str], tuple[str, asyncio.Task[OrderResult]]] = {}
        self._keyless: defaultdict[tuple[str, TradeType], asyncio.Lock] = defaultdict(asyncio.Lock)

    async def submit(self, asked: AskedOrder) -> OrderResult:
        """Send the order of a key once; whoever comes with the same key meanwhile gets the same answer.

        The work is not the caller's: a client that hangs up does not interrupt an order half-way.
        """
        price = asked.order.price
        if price is not None and not is_on_tick(price):
            raise BadInput("order", "price", f"{price} is not on the tick grid")
        body_hash = asked.intent(self._account).body_hash
        flight = self._flights.get((asked.strategy, asked.key))
        if flight is not None and flight[0] != body_hash:
            raise Conflict("IDEMPOTENCY_KEY_BODY_MISMATCH: this key belongs to a different order")
        if flight is None:
            task = asyncio.create_task(self._submit(asked), name=f"order-{asked.key}")
            flight = self._flights[asked.strategy, asked.key] = (body_hash, task)
            task.add_done_callback(lambda done: self._landed(asked, done))
        return await asyncio.shield(flight[1])

    async def submit_keyless(self, asked: AskedOrder) -> OrderResult:
        """Send an order that came without a key, unless the same stock and side was ordered within ten seconds."""
        since = self._clock.now() - KEYLESS_PAUSE
        async with self._keyless[asked.order.stock_code, asked.side]:
            recent = await self._orders.intents_since(self._account, asked.order.stock_code, asked.side, since)
            if recent:
                raise Conflict(
                    f"{asked.side.value} {asked.order.stock_code} was ordered within the last ten seconds; "
                    "send an Idempotency-Key to say that this is another order"
                )
            return await self.submit(asked)

    async def drain(self) -> None:
        """Wait for what is being sent; for a graceful stop."""
        tasks = [task for _, task in self._flights.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=3)

    def _landed(self, asked: AskedOrder, task: asyncio.Task[OrderResult]) -> None:
        self._flights.pop((asked.strategy, asked.key), None)
        if task.cancelled():
            outcome = "cancelled"
        elif (error := task.exception()) is not None:
            outcome = type(error).__name__
        else:
            outcome = str(task.result().outcome)
        ORDERS.labels(asked.side.value, outcome).inc()

    async def _submit(self, asked: AskedOrder) -> OrderResult:
        """Look the key up before anything else: no check may turn a known order into a new answer."""
        self._ownership.grant()
        known = await self._orders.intent_by_key(self._account, asked.strategy, asked.key)
        if known is not None and known.body_hash != asked.intent(self._account).body_hash:
            raise Conflict("IDEMPOTENCY_KEY_BODY_MISMATCH: this key belongs to a different order")
        if known is not None and not answers.may_be_sent(known):
            return answers.result_of(known)
        why = await self._refuses(asked)
        if why is not None:
            return answers.refused(asked.order, asked.key, why)
        if asked.side is TradeType.SELL:
            return await self._commit_and_dispatch(asked, None)
        async with self._quota.place(asked.strategy) as place:
            if isinstance(place, str):
                return answers.refused(asked.order, asked.key, place)
            return await self._commit_and_dispatch(asked, place)

    async def _commit_and_dispatch(self, asked: AskedOrder, place: Place | None) -> OrderResult:
        committed = await self._orders.commit_intent(
            asked.intent(self._account), lease=self._ownership.grant(), at=self._clock.now()
        )
        if not answers.may_be_sent(committed.intent):
            return answers.result_of(committed.intent)
        return await self._dispatch(asked, committed.intent, place)

    async def _refuses(self, asked: AskedOrder) -> str | None:
        if asked.side is TradeType.BUY:
            return await self._checks.refuses_buy(asked.order, asked.strategy)
        why = await self._checks.refuses_sell(asked.order, asked.strategy, asked.reason)
        if why is not None and why.startswith("INSUFFICIENT"):
            with suppress(*OUTAGES):
                await self._fills.level()  # the fills that bring the shares may not have been looked at yet
            why = await self._checks.refuses_sell(asked.order, asked.strategy, asked.reason)
        return why

    async def _dispatch(self, asked: AskedOrder, intent: OrderIntentRow, place: Place | None) -> OrderResult:
        """Send, and again only after refusals that prove nothing was done and allow it."""
        attempt = 1
        while True:
            refused = await self._send_once(asked, intent, place)
            if isinstance(refused, OrderResult):
                return refused
            if not answers.may_repeat(refused):
                return answers.refused(asked.order, asked.key, str(refused))
            if attempt == DISPATCHES:
                kind = RateLimited if refused.code in RATE_CODES else Unavailable
                raise kind(f"not sent, the same key may be used again: {refused}")
            attempt += 1

    async def _send_once(
        self, asked: AskedOrder, intent: OrderIntentRow, place: Place | None
    ) -> OrderResult | BrokerRefused:
        await self._broker.ensure_token()
        self._resolver.in_flight.add(intent.id)
        try:
            async with self._line.order_turn(_PRIORITIES[asked.side]):
                lease = self._ownership.held()
                if place is not None and (why := await self._checks.halted(asked.strategy)):
                    return answers.refused(asked.order, asked.key, why)  # halted while it waited for its turn
                await self._orders.begin_dispatch(intent.id, lease=lease, at=self._clock.now(), retry_refused=True)
                if place is not None:
                    place.give_back()
                await self._line.about_to_send(ledger=True)
                if not lease.is_good():
                    raise BrokerRefused(answers.LEASE_LOST, "the lease ended before the order was sent")
                ref = await self._send(asked)
            return await self._record_acceptance(asked, intent, ref)
        except BrokerRefused as refused:
            return await self._record_refusal(asked, intent, refused)
        except OutcomeUnknown as unknown:
            return await self._record_unknown(asked, intent, str(unknown))
        finally:
            self._resolver.in_flight.discard(intent.id)

    async def _send(self, asked: AskedOrder) -> BrokerOrderRef:
        if asked.side is TradeType.BUY:
            return await self._broker.buy(asked.order)
        return await self._broker.sell(asked.order)

    async def _record_acceptance(self, asked: AskedOrder, intent: OrderIntentRow, ref: BrokerOrderRef) -> OrderResult:
        now = self._clock.now()
        try:
            await self._orders.accept(
                intent.id,
                broker_order_no=ref.order_no,
                broker_org_no=ref.org_no or None,
                order_date=now.astimezone(KST).date(),
                at=now,
            )
        except OUTAGES as error:
            # Sent but not written: the intent still says DISPATCHING, and the broker's list will tell.
            log.error("accepted order not recorded", order_no=ref.order_no, error=f"{type(error).__name__}: {error}")
            return answers.unknown(asked.order, asked.key, "sent, but the answer could not be stored")
        self._fills.accepted(ref.order_no)
        return answers.accepted(asked.order, asked.key, ref)

    async def _record_refusal(
        self, asked: AskedOrder, intent: OrderIntentRow, refused: BrokerRefused
    ) -> OrderResult | BrokerRefused:
        try:
            await self._orders.refuse(
                intent.id, error_code=refused.code, error_message=refused.message, at=self._clock.now()
            )
        except OUTAGES as error:
            log.error("refusal not recorded", code=refused.code, error=f"{type(error).__name__}: {error}")
            return answers.unknown(asked.order, asked.key, f"refused ({refused}), but that could not be stored")
        return refused

    async def _record_unknown(self, asked: AskedOrder, intent: OrderIntentRow, why: str) -> OrderResult:
        log.warning("order's outcome is unknown", intent=intent.id, why=why)
        try:
            await self._orders.mark_unknown(intent.id, error_code="UNKNOWN", error_message=why, at=self._clock.now())
        except OUTAGES as error:  # DISPATCHING is as unresolved as UNKNOWN
            log.error("unknown outcome not recorded", error=f"{type(error).__name__}: {error}")
        return answers.unknown(asked.order, asked.key, why)


def fresh_key() -> str:
    """Make a key for an order that came without one."""
    return uuid.uuid4().hex
