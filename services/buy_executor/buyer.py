"""One signal, at most one order: admission, plan, order, fills, books (rulebook §5.1)."""

from contextlib import AsyncExitStack

from buy_executor.facts import AdmissionReader
from buy_executor.planner import Plan, Planner
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.orders import OrderState, OrderStatus, OrderType, TradeType
from prime_jennie.domain.sessions import kst_midnight
from prime_jennie.domain.signals import BuySignal
from prime_jennie.infra.database.repositories.commitments import CommitmentRepository
from prime_jennie.infra.database.repositories.origins import OrderOrigin, OriginRepository
from prime_jennie.infra.database.tables.trading import OrderIntentRow
from prime_jennie.infra.execution.courier import Outcome
from prime_jennie.infra.execution.following import LIMIT, MARKET
from prime_jennie.infra.execution.placement import Answer, answer_of, may_be_asked
from prime_jennie.infra.execution.room import Room
from prime_jennie.infra.execution.simulation import DRY_RUN, unsent
from prime_jennie.infra.execution.wish import Wish, order_key
from prime_jennie.infra.redis.locks import RedisLocks, kept, taken
from prime_jennie.strategy.admission import SIGNAL_MAX_AGE, buy_refusal
from prime_jennie.strategy.refusal import Refusal

LOCK_SECS = RedisKeys.BUY_LOCK.ttl_secs or 180
_OUTCOMES = frozenset({"expired", DRY_RUN})


class Buyer:
    """Handles signals one at a time; `in_flight` are the keys of orders that are not settled yet."""

    def __init__(self, room: Room, *, facts: AdmissionReader, planner: Planner) -> None:
        desk = room.desk
        self.in_flight: set[str] = set()
        self._room = room
        self._desk = desk
        self._facts = facts
        self._planner = planner
        self._locks = RedisLocks(desk.redis, virtual=desk.clock.virtual)
        self._origins = OriginRepository(desk.db)
        self._commitments = CommitmentRepository(desk.db)

    async def handle(self, signal: BuySignal, message_id: str) -> Outcome:
        """Bring a signal to its outcome; called again after a crash it goes on where the order stands."""
        key = order_key(TradeType.BUY, message_id)
        try:
            async with AsyncExitStack() as lock:
                return await self._carry_out(signal, message_id, key, lock)
        finally:
            self.in_flight.discard(key)

    async def _carry_out(self, signal: BuySignal, message_id: str, key: str, lock: AsyncExitStack) -> Outcome:
        async with self._desk.clock.hold(self._desk.service):
            intent = await self._room.placement.intent(key)
            if intent is None or may_be_asked(intent):
                wish = await self._decide(signal, message_id, key, intent, lock)
                if isinstance(wish, Refusal):
                    return Outcome(wish.rule if wish.rule in _OUTCOMES else "refused", str(wish))
                self.in_flight.add(key)
                answer = await self._room.placement.send(wish)
            else:
                self.in_flight.add(key)
                wish, answer = Wish.of_intent(intent), answer_of(intent)
        if answer is None:
            answer = await self._room.placement.resolve(wish, lambda: self._is_expired(signal))
        return await self._follow(wish, answer)

    async def _decide(
        self, signal: BuySignal, message_id: str, key: str, intent: OrderIntentRow | None, lock: AsyncExitStack
    ) -> Wish | Refusal:
        """Return what to send, or why not; the origin is in SQL before anything leaves."""
        if self._is_expired(signal):
            age_secs = (self._desk.clock.now() - signal.timestamp).total_seconds()
            return Refusal(
                "expired", f"the signal is {age_secs:.0f} s old, {SIGNAL_MAX_AGE.total_seconds():.0f} s are allowed"
            )
        await self._room.books.book_all()
        admission = await self._facts.read(signal.stock_code, key)
        if refusal := buy_refusal(signal, admission.facts):
            return refusal
        context, commitments = admission.facts.context, admission.commitments
        if context is None or commitments is None:
            return Refusal("facts", "regime or commitments are unknown")
        is_dry_run = await self._room.dry_run.is_on()
        if not await self._locked(signal.stock_code, lock):
            return Refusal("lock", f"{signal.stock_code} is being bought for this account by somebody else")
        if intent is not None:  # written before: the same key must carry the same request
            written = Wish.of_intent(intent)
            return Refusal(DRY_RUN, unsent(written.request, written.reason)) if is_dry_run else written
        plan = await self._planner.plan(signal, context.market_regime, commitments.working)
        if isinstance(plan, Refusal):
            return plan
        if is_dry_run:
            return Refusal(DRY_RUN, unsent(plan.request, plan.reason))
        await self._prepare(signal, message_id, key, plan)
        return Wish(TradeType.BUY, plan.request, key, plan.reason, message_id)

    async def _locked(self, code: str, stack: AsyncExitStack) -> bool:
        name = self._desk.keyspace.of(RedisKeys.BUY_LOCK, account=self._room.account, code=code)
        lock = self._locks.lock(name, LOCK_SECS, self._room.owner)
        try:
            if not await taken(lock):
                return False
        except Unavailable:
            return False
        await stack.enter_async_context(kept(lock, self._desk.clock, LOCK_SECS / 3))
        return True

    async def _prepare(self, signal: BuySignal, message_id: str, key: str, plan: Plan) -> None:
        """Forget an earlier position's watermark and remember why this one is wanted, before it can exist."""
        await self._desk.redis.delete(self._desk.keyspace.of(RedisKeys.WATERMARK, code=signal.stock_code))
        origin = OrderOrigin.of_buy(
            signal.model_copy(update={"sector_group": plan.sector}),
            account=self._room.account,
            strategy=self._desk.strategy,
            idempotency_key=key,
            reason=plan.reason,
            message_id=message_id,
            stop_loss_pct=self._desk.config.current.spec.exits.stop_loss_pct,
        )
        await self._origins.remember(origin, at=self._desk.clock.now())

    async def _follow(self, wish: Wish, answer: Answer) -> Outcome:
        if not answer.accepted:
            return Outcome("failed" if answer.is_failure else "refused", f"order: {answer.reason}")
        patience = LIMIT if wish.request.order_type is OrderType.LIMIT else MARKET
        state = await self._room.follower.settle(
            wish.key, TradeType.BUY, patience, must_cancel=self._room.emergency.forbids_buys
        )
        if state.filled_qty == 0:
            outcome = "failed" if state.status in (OrderStatus.REJECTED, OrderStatus.ERROR) else "unfilled"
            return Outcome(outcome, f"0 of {state.quantity} shares, order {state.status.value}; {wish.reason}")
        await self._room.books.notify(await self._room.books.trades_of(wish.key, state.filled_qty))
        await self._count_buys(state.stock_code)
        return Outcome("bought", bought_line(state, wish.reason))

    async def _count_buys(self, code: str) -> None:
        """Copy the day's count to Redis for whoever watches; admission itself counts in SQL."""
        now = self._desk.clock.now()
        midnight = kst_midnight(now)
        made = await self._commitments.buys(
            self._room.account, self._desk.strategy, stock_code=code, since=midnight, fresh_since=now, but_key=""
        )
        key = self._desk.keyspace.of(RedisKeys.BUY_COUNT, date=midnight.date())
        await self._desk.redis.set(key, made.buys, ex=RedisKeys.BUY_COUNT.ttl_secs)

    def _is_expired(self, signal: BuySignal) -> bool:
        return self._desk.clock.now() - signal.timestamp > SIGNAL_MAX_AGE


def bought_line(state: OrderState, why: str) -> str:
    """Say what came of the order in one line."""
    share = "" if state.filled_qty == state.quantity else f" of {state.quantity}, the rest {state.status.value}"
    return f"{state.filled_qty}{share} shares at {state.avg_price:,.0f}; {why}"
