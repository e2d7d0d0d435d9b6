"""One sell order, at most one order at the exchange: checks, shares, order, fills, books (rulebook §5.2)."""

from contextlib import AsyncExitStack
from datetime import timedelta

import structlog

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.orders import OrderRequest, OrderState, OrderStatus, TradeType
from prime_jennie.domain.signals import SellOrder, SellReason
from prime_jennie.infra.database.repositories.origins import OrderOrigin, OriginRepository
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.tables.portfolio import TradeLogRow
from prime_jennie.infra.database.tables.trading import OrderIntentRow
from prime_jennie.infra.execution.books import sale_profit_pct
from prime_jennie.infra.execution.courier import Outcome
from prime_jennie.infra.execution.following import FORCED, MARKET
from prime_jennie.infra.execution.placement import Answer, answer_of, may_be_asked
from prime_jennie.infra.execution.room import Room
from prime_jennie.infra.execution.simulation import DRY_RUN, unsent
from prime_jennie.infra.execution.wish import Wish, order_key
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.redis.locks import RedisLocks, kept, taken
from prime_jennie.strategy.admission import outdated, sell_refusal, sellable_quantity
from prime_jennie.strategy.refusal import Refusal
from prime_jennie.strategy.unknown import UNKNOWN
from sell_executor.aftermath import Aftermath
from sell_executor.failed_exits import FAILED, REFUSED, UNFILLED, FailedExits
from sell_executor.holdings import Holdings, stale_refusal

LOCK_SECS = RedisKeys.SELL_LOCK.ttl_secs or 30
LOCK_WAIT = timedelta(seconds=2 * LOCK_SECS)
LOCK_ASK_SECS = 1.0
_OUTCOMES = frozenset({"expired", DRY_RUN})

log = structlog.get_logger(__name__)


class Seller:
    """Handles sell orders; `in_flight` are the keys of orders that are not settled yet."""

    def __init__(self, room: Room) -> None:
        desk = room.desk
        self.in_flight: set[str] = set()
        self._room = room
        self._desk = desk
        self._locks = RedisLocks(desk.redis, virtual=desk.clock.virtual)
        self._origins = OriginRepository(desk.db)
        self._positions = PositionRepository(desk.db)
        self._holdings = Holdings(desk)
        self._aftermath = Aftermath(desk.redis, desk.keyspace)
        self._failed_exits = FailedExits(desk)

    async def handle(self, order: SellOrder, message_id: str) -> Outcome:
        """Bring a sell order to its outcome; called again after a crash it goes on where the order stands."""
        key = order_key(TradeType.SELL, message_id)
        try:
            async with AsyncExitStack() as lock:
                return await self._carry_out(order, message_id, key, lock)
        except OUTAGES:  # the message is handled again
            raise
        except Exception as error:
            await self._failed_exits.tell(order, FAILED, f"{type(error).__name__}: {error}")
            raise
        finally:
            self.in_flight.discard(key)

    async def _carry_out(self, order: SellOrder, message_id: str, key: str, lock: AsyncExitStack) -> Outcome:
        intent = await self._room.placement.intent(key)
        if intent is not None and not may_be_asked(intent):
            self.in_flight.add(key)
            wish, answer = Wish.of_intent(intent), answer_of(intent)
        else:
            if not await self._locked(order.stock_code, lock):
                return Outcome("refused", f"lock: {order.stock_code} is being sold for this account by somebody else")
            async with self._desk.clock.hold(self._desk.service):
                decided = await self._decide(order, message_id, key, intent)
                if isinstance(decided, Refusal):
                    return Outcome(decided.rule if decided.rule in _OUTCOMES else "refused", str(decided))
                wish = decided
                self.in_flight.add(key)
                answer = await self._room.placement.send(wish)
        if answer is None:
            answer = await self._room.placement.resolve(wish, lambda: self._is_over(order))
        return await self._follow(order, wish, answer)

    async def _decide(
        self, order: SellOrder, message_id: str, key: str, intent: OrderIntentRow | None
    ) -> Wish | Refusal:
        """Return what to send, or why not; the origin is in SQL before anything leaves."""
        await self._room.books.book_all()
        holding = await self._holdings.of(order.stock_code, key)
        if refusal := stale_refusal(order, holding.row) or await self._refusal(order, holding.own_quantity):
            return refusal
        held = holding.sellable(await self._holdings.at_broker(order.stock_code))
        if held <= 0:
            return Refusal("not_held", f"{order.stock_code} is booked as ours, but the account does not hold it")
        is_dry_run = await self._room.dry_run.is_on()
        if intent is not None:  # written before: the same key must carry the same request
            if intent.quantity > held:
                return Refusal("not_held", f"{intent.quantity} shares were asked for, {held} are left")
            written = Wish.of_intent(intent)
            return Refusal(DRY_RUN, unsent(written.request, written.reason)) if is_dry_run else written
        request = OrderRequest(stock_code=order.stock_code, quantity=sellable_quantity(order.quantity, held))
        reason = reason_line(order, held)
        if is_dry_run:
            return Refusal(DRY_RUN, unsent(request, reason))
        origin = OrderOrigin.of_sale(
            order,
            account=self._room.account,
            strategy=self._desk.strategy,
            idempotency_key=key,
            reason=reason,
            message_id=message_id,
        )
        await self._origins.remember(origin, at=self._desk.clock.now())
        return Wish(TradeType.SELL, request, key, reason, message_id)

    async def _refusal(self, order: SellOrder, own_quantity: int) -> Refusal | None:
        at = self._desk.clock.now()
        halt = await self._room.emergency.state()
        return sell_refusal(
            order,
            at=at,
            session=self._desk.sessions.of(at),
            halt=UNKNOWN if halt is None else halt,
            held_quantity=own_quantity,
        )

    async def _locked(self, code: str, stack: AsyncExitStack) -> bool:
        """Wait for the lock, for an exit must go; without Redis the rows and the gateway alone guard the shares."""
        name = self._desk.keyspace.of(RedisKeys.SELL_LOCK, account=self._room.account, code=code)
        lock = self._locks.lock(name, LOCK_SECS, self._room.owner)
        until = self._desk.clock.now() + LOCK_WAIT
        try:
            while not await taken(lock):
                if self._desk.clock.now() >= until:
                    return False
                await self._desk.clock.sleep(LOCK_ASK_SECS)
        except Unavailable as error:
            log.warning("selling without the lock", stock_code=code, error=str(error))
            return True
        await stack.enter_async_context(kept(lock, self._desk.clock, LOCK_SECS / 3))
        return True

    async def _follow(self, order: SellOrder, wish: Wish, answer: Answer) -> Outcome:
        if not answer.accepted:
            await self._failed_exits.tell(order, FAILED if answer.is_failure else REFUSED, answer.reason)
            return Outcome("failed" if answer.is_failure else "refused", f"order: {answer.reason}")
        patience = FORCED if order.sell_reason is SellReason.FORCED_LIQUIDATION else MARKET
        state = await self._room.follower.settle(wish.key, TradeType.SELL, patience)
        if state.filled_qty == 0:
            has_failed = state.status in (OrderStatus.REJECTED, OrderStatus.ERROR)
            why = f"0 of {state.quantity} shares, order {state.status.value}; {wish.reason}"
            await self._failed_exits.tell(order, FAILED if has_failed else UNFILLED, why)
            return Outcome("failed" if has_failed else "unfilled", why)
        trades = await self._room.books.trades_of(wish.key, state.filled_qty)
        await self._leave(order, trades)
        await self._room.books.notify(trades)
        return Outcome("sold", sold_line(state, trades, wish.reason))

    async def _leave(self, order: SellOrder, trades: list[TradeLogRow]) -> None:
        now = self._desk.clock.now()
        sold_at = trades[-1].trade_timestamp if trades else now
        left = await self._positions.position(self._room.account, self._desk.strategy, order.stock_code)
        await self._aftermath.settle(order.stock_code, order.sell_reason, sold_at, now, is_flat=left is None)

    def _is_over(self, order: SellOrder) -> bool:
        """Tell whether nobody wants the sale any more: a newer request may wait behind it in its stock's lane."""
        now = self._desk.clock.now()
        session = self._desk.sessions.of(now)
        return session is None or now >= session.closes_at or outdated(order, now) is not None


def reason_line(order: SellOrder, held: int) -> str:
    """Say in one line why we sell; it begins with the reason, by which the gateway lets sales by hand pass a stop."""
    profit = "" if order.profit_pct is None else f", {order.profit_pct:+.2f} %"
    return f"{order.sell_reason.value} at {order.current_price:,}{profit}: {order.quantity} asked, {held} held"


def sold_line(state: OrderState, trades: list[TradeLogRow], why: str) -> str:
    """Say what came of the order in one line."""
    share = "" if state.filled_qty == state.quantity else f" of {state.quantity}, the rest {state.status.value}"
    profit = sale_profit_pct(trades) if trades else None
    earned = "" if profit is None else f", {profit:+.2f} % after fees and tax"
    return f"{state.filled_qty}{share} shares at {state.avg_price:,.0f}{earned}; {why}"
