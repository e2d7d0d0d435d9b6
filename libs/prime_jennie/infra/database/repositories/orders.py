"""Keep the promise of one order per intent: every step is a conditional update, every stale owner is refused."""

import hashlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from prime_jennie.domain.errors import Conflict, NotFound
from prime_jennie.domain.orders import IntentState, OrderStatus, OrderType, TradeType
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.leases import LeaseGrant, fence
from prime_jennie.infra.database.tables.trading import OrderIntentRow, OrderRow
from prime_jennie.infra.database.upsert import affected, insert_new

UNRESOLVED = (IntentState.DISPATCHING, IntentState.UNKNOWN)


@dataclass(frozen=True)
class NewIntent:
    """One order somebody wants, before anything is sent."""

    account: str
    strategy: str
    idempotency_key: str
    stock_code: str
    side: TradeType
    order_type: OrderType
    quantity: int
    price: int | None
    reason: str
    message_id: str | None = None

    @property
    def body_hash(self) -> str:
        """Identify what the order does: the same key with another hash is a mistake of the caller."""
        body = [self.stock_code, self.side.value, self.order_type.value, self.quantity, self.price]
        return hashlib.sha256(json.dumps(body).encode()).hexdigest()


@dataclass(frozen=True)
class CommittedIntent:
    """An intent as it stands; `created` is False when the key was known already."""

    intent: OrderIntentRow
    created: bool


class OrderRepository:
    """Intents and orders of an account."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def commit_intent(self, new: NewIntent, *, lease: LeaseGrant, at: datetime) -> CommittedIntent:
        """Write the intent once; a known key returns what is there, a known key with another body is a Conflict."""
        row: dict[str, Any] = {
            "id": uuid.uuid4().hex,
            "account": new.account,
            "strategy": new.strategy,
            "idempotency_key": new.idempotency_key,
            "body_hash": new.body_hash,
            "stock_code": new.stock_code,
            "side": new.side.value,
            "order_type": new.order_type.value,
            "quantity": new.quantity,
            "price": new.price,
            "reason": new.reason,
            "message_id": new.message_id,
            "state": IntentState.NEW.value,
            "epoch": lease.epoch,
            "attempts": 0,
            "created_at": at,
        }

        def work(session: Session) -> CommittedIntent:
            fence(session, lease)
            created = insert_new(session, OrderIntentRow, row)
            intent = _by_key(session, new.account, new.strategy, new.idempotency_key)
            if intent is None:
                raise NotFound(f"intent {new.idempotency_key} vanished while it was written")
            if intent.body_hash != new.body_hash:
                raise Conflict("IDEMPOTENCY_KEY_BODY_MISMATCH: this key belongs to a different order")
            return CommittedIntent(intent, created)

        return await self._db.write(work)

    async def begin_dispatch(
        self, intent_id: str, *, lease: LeaseGrant, at: datetime, retry_refused: bool = False
    ) -> OrderIntentRow:
        """Reserve the one sending of an intent, immediately before the bytes leave.

        Conflict when it was dispatched before, or while another order of the same account, stock and side is
        unresolved. `retry_refused` also admits an intent that the broker definitely refused (EGW00201 and the like).
        """
        sendable = [IntentState.NEW.value] + ([IntentState.REFUSED.value] if retry_refused else [])

        def work(session: Session) -> OrderIntentRow:
            fence(session, lease)
            intent = _intent(session, intent_id)
            slot = f"{intent.account}:{intent.stock_code}:{intent.side}"
            reserve = (
                update(OrderIntentRow)
                .where(OrderIntentRow.id == intent_id, OrderIntentRow.state.in_(sendable))
                .values(
                    state=IntentState.DISPATCHING.value,
                    epoch=lease.epoch,
                    attempts=OrderIntentRow.attempts + 1,
                    unresolved_slot=slot,
                    dispatched_at=at,
                    resolved_at=None,
                    error_code=None,
                    error_message=None,
                )
            )
            try:
                reserved = affected(session.execute(reserve))
            except IntegrityError as error:
                raise Conflict(f"an order of {slot} is unresolved: nothing else is sent until it is known") from error
            if reserved != 1:
                raise Conflict(f"intent {intent_id} is {intent.state}: it is never sent twice")
            return _intent(session, intent_id)

        return await self._db.write(work)

    async def accept(
        self, intent_id: str, *, broker_order_no: str, broker_org_no: str | None, order_date: date, at: datetime
    ) -> OrderRow:
        """Record the broker's order number and open the order; repeating it with the same number changes nothing."""

        def work(session: Session) -> OrderRow:
            values = {"broker_order_no": broker_order_no, "broker_org_no": broker_org_no}
            if not _resolve(session, intent_id, UNRESOLVED, IntentState.ACCEPTED, at, values):
                known = session.get(OrderRow, intent_id)
                if known is not None and known.broker_order_no == broker_order_no:
                    return known
                raise Conflict(f"intent {intent_id} is {_intent(session, intent_id).state}: it cannot be accepted")
            order = _new_order(_intent(session, intent_id), broker_order_no, order_date, at)
            session.add(order)
            try:
                session.flush()
            except IntegrityError as error:
                raise Conflict(f"the broker's order {broker_order_no} belongs to another intent already") from error
            return order

        return await self._db.write(work)

    async def refuse(self, intent_id: str, *, error_code: str, error_message: str, at: datetime) -> OrderIntentRow:
        """Record a definite no, of the broker or of our own checks."""
        values = {"error_code": error_code, "error_message": error_message}
        return await self._close(intent_id, (IntentState.NEW, *UNRESOLVED), IntentState.REFUSED, at, values)

    async def mark_not_sent(self, intent_id: str, *, reason: str, at: datetime) -> OrderIntentRow:
        """Record that the broker surely never saw the order."""
        values = {"error_code": "NOT_SENT", "error_message": reason}
        return await self._close(intent_id, (IntentState.NEW, *UNRESOLVED), IntentState.NOT_SENT, at, values)

    async def mark_unknown(
        self, intent_id: str, *, error_code: str, error_message: str, at: datetime
    ) -> OrderIntentRow:
        """Record that nobody knows whether the order arrived; its slot stays taken until the broker's list tells."""

        def work(session: Session) -> OrderIntentRow:
            marked = (
                update(OrderIntentRow)
                .where(OrderIntentRow.id == intent_id, OrderIntentRow.state.in_([s.value for s in UNRESOLVED]))
                .values(state=IntentState.UNKNOWN.value, error_code=error_code, error_message=error_message)
            )
            if affected(session.execute(marked)) != 1:
                raise Conflict(f"intent {intent_id} is {_intent(session, intent_id).state}: it is known already")
            return _intent(session, intent_id)

        return await self._db.write(work)

    async def set_status(self, order_id: str, status: OrderStatus, *, at: datetime) -> bool:
        """Move the order along its allowed transitions; False when it stands there already or ended otherwise."""
        before = [state.value for state in OrderStatus if state.can_become(status) and state is not status]

        def work(session: Session) -> bool:
            moved = update(OrderRow).where(OrderRow.id == order_id, OrderRow.status.in_(before))
            return affected(session.execute(moved.values(status=status.value, updated_at=at))) == 1

        return await self._db.write(work)

    async def request_cancel(self, order_id: str, *, at: datetime) -> bool:
        """Claim the cancellation of a working order; False when it ended or somebody asked before."""
        working = [state.value for state in OrderStatus if not state.is_terminal]

        def work(session: Session) -> bool:
            claimed = update(OrderRow).where(
                OrderRow.id == order_id, OrderRow.status.in_(working), OrderRow.cancel_requested_at.is_(None)
            )
            return affected(session.execute(claimed.values(cancel_requested_at=at, updated_at=at))) == 1

        return await self._db.write(work)

    async def withdraw_cancel(self, order_id: str, *, at: datetime) -> None:
        """Forget a cancellation the broker refused, so that it may be asked for again."""

        def work(session: Session) -> None:
            session.execute(
                update(OrderRow).where(OrderRow.id == order_id).values(cancel_requested_at=None, updated_at=at)
            )

        await self._db.write(work)

    async def intent(self, intent_id: str) -> OrderIntentRow:
        """Return the intent or raise NotFound."""
        return await self._db.read(lambda session: _intent(session, intent_id))

    async def intent_by_key(self, account: str, strategy: str, idempotency_key: str) -> OrderIntentRow | None:
        """Return the intent of a key."""
        return await self._db.read(lambda session: _by_key(session, account, strategy, idempotency_key))

    async def unresolved(self, account: str | None = None) -> list[OrderIntentRow]:
        """Return the intents whose fate at the broker is open, oldest first."""
        query = select(OrderIntentRow).where(OrderIntentRow.state.in_([s.value for s in UNRESOLVED]))
        if account is not None:
            query = query.where(OrderIntentRow.account == account)
        return await self._intents(query.order_by(OrderIntentRow.created_at))

    async def intents_since(
        self, account: str, stock_code: str, side: TradeType, since: datetime
    ) -> list[OrderIntentRow]:
        """Return the recent intents of one stock and side, for the ten-second rule of keyless orders."""
        query = select(OrderIntentRow).where(
            OrderIntentRow.account == account,
            OrderIntentRow.stock_code == stock_code,
            OrderIntentRow.side == side.value,
            OrderIntentRow.created_at >= since,
        )
        return await self._intents(query.order_by(OrderIntentRow.created_at))

    async def count_sent(self, account: str, strategy: str, since: datetime, side: TradeType | None = None) -> int:
        """Count the intents that were sent at least once since then, for the order backstops."""
        query = select(func.count()).where(
            OrderIntentRow.account == account,
            OrderIntentRow.strategy == strategy,
            OrderIntentRow.attempts > 0,
            OrderIntentRow.dispatched_at >= since,
        )
        if side is not None:
            query = query.where(OrderIntentRow.side == side.value)
        return await self._db.read(lambda session: session.execute(query).scalar_one())

    async def order(self, order_id: str) -> OrderRow | None:
        """Return the order of an intent id."""
        return await self._db.read(lambda session: session.get(OrderRow, order_id))

    async def order_by_key(self, account: str, strategy: str, idempotency_key: str) -> OrderRow | None:
        """Return the order of an idempotency key."""
        query = select(OrderRow).where(
            OrderRow.account == account, OrderRow.strategy == strategy, OrderRow.idempotency_key == idempotency_key
        )
        return await self._db.read(lambda session: session.execute(query).scalar_one_or_none())

    async def order_by_broker_no(self, account: str, order_date: date, broker_order_no: str) -> OrderRow | None:
        """Return the order of a broker's number; numbers start over every day."""
        query = select(OrderRow).where(
            OrderRow.account == account,
            OrderRow.order_date == order_date,
            OrderRow.broker_order_no == broker_order_no,
        )
        return await self._db.read(lambda session: session.execute(query).scalar_one_or_none())

    async def open_orders(self, account: str, strategy: str | None = None) -> list[OrderRow]:
        """Return the working orders, oldest first."""
        working = [state.value for state in OrderStatus if not state.is_terminal]
        query = select(OrderRow).where(OrderRow.account == account, OrderRow.status.in_(working))
        if strategy is not None:
            query = query.where(OrderRow.strategy == strategy)
        return await self._orders(query.order_by(OrderRow.requested_at))

    async def orders_of_day(self, account: str, order_date: date) -> list[OrderRow]:
        """Return every order of one day, oldest first."""
        query = select(OrderRow).where(OrderRow.account == account, OrderRow.order_date == order_date)
        return await self._orders(query.order_by(OrderRow.requested_at))

    async def _close(
        self, intent_id: str, before: Sequence[IntentState], after: IntentState, at: datetime, values: dict[str, Any]
    ) -> OrderIntentRow:
        def work(session: Session) -> OrderIntentRow:
            closed = _resolve(session, intent_id, before, after, at, values)
            intent = _intent(session, intent_id)
            if not closed and intent.state != after.value:
                raise Conflict(f"intent {intent_id} is {intent.state}: it cannot become {after.value}")
            return intent

        return await self._db.write(work)

    async def _intents(self, query: Any) -> list[OrderIntentRow]:
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    async def _orders(self, query: Any) -> list[OrderRow]:
        return await self._db.read(lambda session: list(session.execute(query).scalars()))


def _resolve(
    session: Session,
    intent_id: str,
    before: Sequence[IntentState],
    after: IntentState,
    at: datetime,
    values: dict[str, Any],
) -> bool:
    resolved = (
        update(OrderIntentRow)
        .where(OrderIntentRow.id == intent_id, OrderIntentRow.state.in_([state.value for state in before]))
        .values(state=after.value, unresolved_slot=None, resolved_at=at, **values)
    )
    return affected(session.execute(resolved)) == 1


def _intent(session: Session, intent_id: str) -> OrderIntentRow:
    intent = session.get(OrderIntentRow, intent_id, populate_existing=True)
    if intent is None:
        raise NotFound(f"no intent {intent_id}")
    return intent


def _by_key(session: Session, account: str, strategy: str, idempotency_key: str) -> OrderIntentRow | None:
    query = select(OrderIntentRow).where(
        OrderIntentRow.account == account,
        OrderIntentRow.strategy == strategy,
        OrderIntentRow.idempotency_key == idempotency_key,
    )
    return session.execute(query).scalar_one_or_none()


def _new_order(intent: OrderIntentRow, broker_order_no: str, order_date: date, at: datetime) -> OrderRow:
    return OrderRow(
        id=intent.id,
        account=intent.account,
        strategy=intent.strategy,
        order_date=order_date,
        broker_order_no=broker_order_no,
        idempotency_key=intent.idempotency_key,
        stock_code=intent.stock_code,
        side=intent.side,
        order_type=intent.order_type,
        quantity=intent.quantity,
        price=intent.price,
        status=OrderStatus.SENT.value,
        filled_qty=0,
        filled_amount_krw=0,
        avg_fill_price=None,
        cancel_requested_at=None,
        requested_at=intent.dispatched_at or at,
        updated_at=at,
    )
