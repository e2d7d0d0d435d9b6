"""Add executions to an order, each exactly once; what an order filled is the sum of these rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from prime_jennie.domain.errors import Conflict, NotFound
from prime_jennie.domain.orders import OrderStatus
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.leases import LeaseGrant, fence
from prime_jennie.infra.database.tables.portfolio import PositionCorrectionRow
from prime_jennie.infra.database.tables.trading import FillRow, OrderRow

FillSource = Literal["notice", "listing"]


@dataclass(frozen=True)
class Execution:
    """One trade at the exchange; `amount_krw` is exact where an average price would not be."""

    quantity: int
    amount_krw: int
    filled_at: datetime

    @property
    def price(self) -> float:
        """Return won a share, four decimals as they are stored."""
        return round(self.amount_krw / self.quantity, 4)


class FillRepository:
    """Append-only executions; the key of each is the order's number and the total filled once it is counted."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def record(
        self, order_id: str, execution: Execution, *, filled_before: int, source: FillSource, lease: LeaseGrant | None
    ) -> bool:
        """Add the execution that took the order on from `filled_before` shares; False when it is there already.

        Conflict when the order never stood at `filled_before`, or when it would fill more than was ordered: both mean
        a lost or repeated notice, which the broker's listing (`record_total`) settles.
        """

        def work(session: Session) -> bool:
            if lease is not None:
                fence(session, lease)
            order = locked_order(session, order_id)
            if filled_before < order.filled_qty:
                known = session.execute(
                    select(FillRow).where(FillRow.broker_fill_id == fill_key(order, filled_before + execution.quantity))
                ).scalar_one_or_none()
                if known is not None and known.quantity == execution.quantity:
                    return False
            if filled_before != order.filled_qty or filled_before + execution.quantity > order.quantity:
                raise Conflict(
                    f"order {order.broker_order_no} stands at {order.filled_qty} of {order.quantity} shares: "
                    f"{execution.quantity} after {filled_before} do not fit"
                )
            _append(session, order, [execution], source)
            return True

        return await self._db.write(work)

    async def record_total(
        self,
        order_id: str,
        *,
        filled_qty: int,
        filled_amount_krw: int,
        at: datetime,
        executions: Sequence[Execution] = (),
        lease: LeaseGrant | None = None,
    ) -> list[FillRow]:
        """Bring the order up to the broker's total and return the fills this added.

        `executions` are the notices seen since: they are taken one by one when together they are exactly what is
        missing, otherwise the difference becomes one fill. A total behind ours is an old answer and changes nothing.
        """

        def work(session: Session) -> list[FillRow]:
            if lease is not None:
                fence(session, lease)
            order = locked_order(session, order_id)
            quantity = filled_qty - order.filled_qty
            amount_krw = filled_amount_krw - order.filled_amount_krw
            if quantity <= 0:
                return []
            if amount_krw <= 0 or filled_qty > order.quantity:
                raise Conflict(
                    f"order {order.broker_order_no}: the broker says {filled_qty} shares for {filled_amount_krw} won, "
                    f"we have {order.filled_qty} for {order.filled_amount_krw} of {order.quantity}"
                )
            seen = sum(one.quantity for one in executions), sum(one.amount_krw for one in executions)
            if seen == (quantity, amount_krw):
                return _append(session, order, executions, "notice")
            return _append(session, order, [Execution(quantity, amount_krw, at)], "listing")

        return await self._db.write(work)

    async def of_order(self, order_id: str) -> list[FillRow]:
        """Return the order's executions in their order."""
        query = select(FillRow).where(FillRow.order_id == order_id).order_by(FillRow.id)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    async def totals(self, account: str, strategy: str) -> dict[str, int]:
        """Return bought minus sold shares of every stock ever traded, without those that corrections took out."""
        query = (
            select(FillRow.stock_code, FillRow.side, func.sum(FillRow.quantity))
            .where(FillRow.account == account, FillRow.strategy == strategy)
            .group_by(FillRow.stock_code, FillRow.side)
        )
        row = PositionCorrectionRow
        corrected = (
            select(row.stock_code, func.sum(row.quantity_after - row.quantity_before))
            .where(row.account == account, row.strategy == strategy)
            .group_by(row.stock_code)
        )

        def work(session: Session) -> dict[str, int]:
            held: dict[str, int] = {}
            for code, side, quantity in session.execute(query):
                held[code] = held.get(code, 0) + (int(quantity) if side == "BUY" else -int(quantity))
            for code, delta in session.execute(corrected):
                held[code] = held.get(code, 0) + int(delta)
            return held

        return await self._db.read(work)


def locked_order(session: Session, order_id: str) -> OrderRow:
    """Return the order, kept from other writers until the transaction ends."""
    query = select(OrderRow).where(OrderRow.id == order_id).with_for_update()
    order = session.execute(query).scalar_one_or_none()
    if order is None:
        raise NotFound(f"no order {order_id}")
    return order


def fill_key(order: OrderRow, filled_after: int) -> str:
    """Name an execution by where it takes the order: the same report twice has the same name."""
    return f"{order.account}:{order.order_date:%Y%m%d}:{order.broker_order_no}:{filled_after}"


def _append(session: Session, order: OrderRow, executions: Sequence[Execution], source: FillSource) -> list[FillRow]:
    fills = []
    filled_qty, amount_krw = order.filled_qty, order.filled_amount_krw
    for execution in executions:
        filled_qty += execution.quantity
        amount_krw += execution.amount_krw
        fills.append(
            FillRow(
                order_id=order.id,
                account=order.account,
                strategy=order.strategy,
                broker_fill_id=fill_key(order, filled_qty),
                stock_code=order.stock_code,
                side=order.side,
                quantity=execution.quantity,
                price=execution.price,
                amount_krw=execution.amount_krw,
                filled_at=execution.filled_at,
                source=source,
            )
        )
    session.add_all(fills)
    session.flush()
    _advance(session, order, filled_qty, amount_krw, executions[-1].filled_at)
    return fills


def _advance(session: Session, order: OrderRow, filled_qty: int, amount_krw: int, at: datetime) -> None:
    values = {
        "filled_qty": filled_qty,
        "filled_amount_krw": amount_krw,
        "avg_fill_price": round(amount_krw / filled_qty, 4),
        "updated_at": at,
    }
    # A cancelled order stays cancelled: the shares it got before are fills all the same (rulebook §5.1 ✗).
    status = OrderStatus.FILLED if filled_qty == order.quantity else OrderStatus.PARTIAL
    if OrderStatus(order.status).can_become(status):
        values["status"] = status.value
    session.execute(update(OrderRow).where(OrderRow.id == order.id).values(**values))
