"""Read what the books say of an account's shares in one snapshot, and book what left them elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm import Session

from prime_jennie.domain.errors import Conflict
from prime_jennie.domain.holdings import BookedShares, Correction, Owned, OwnPosition, RebuiltPosition
from prime_jennie.domain.orders import IntentState, OrderStatus, TradeType
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.bookkeeper import lock_stock, take_out
from prime_jennie.infra.database.repositories.events import Event, EventLevel, add_event
from prime_jennie.infra.database.repositories.leases import LeaseGrant, fence
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow, PositionCorrectionRow, TradeLogRow
from prime_jennie.infra.database.tables.trading import FillRow, OrderIntentRow, OrderRow

SERVICE = "kis-gateway"
CORRECTED = "position.corrected"
RESTORED = "position.restored"


@dataclass(frozen=True)
class Books:
    """An account's shares as the books count them; corrections are in both sums."""

    executed: Mapping[Owned, int]
    """By fills: what the exchange executed, booked or not."""
    booked: Mapping[Owned, int]
    """By trade_log: what active_portfolio must say."""
    positions: tuple[OwnPosition, ...]
    busy: frozenset[str]
    """Stocks with an order at work or of unknown fate."""
    unbooked: frozenset[str]
    """Stocks with an execution that is not in trade_log yet."""


@dataclass(frozen=True)
class Amendment:
    """Who corrects the books, when, why, and under whose lease."""

    account: str
    reason: str
    who: str
    at: datetime
    lease: LeaseGrant


class HoldingRepository:
    """The shares of an account over all strategies."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def books(self, account: str) -> Books:
        """Return everything in one snapshot."""
        return await self._db.read(lambda session: _books(session, account))

    async def trades(self, account: str, owned: Owned) -> list[BookedShares]:
        """Return a stock's booked trades and corrections, oldest first."""
        return await self._db.read(lambda session: _trades(session, account, owned))

    async def corrections(self, account: str, *, limit: int = 100) -> list[PositionCorrectionRow]:
        """Return the account's corrections, the newest first."""
        query = select(PositionCorrectionRow).where(PositionCorrectionRow.account == account)
        query = query.order_by(PositionCorrectionRow.id.desc()).limit(limit)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    async def correct(self, correction: Correction, broker_quantity: int, amendment: Amendment) -> None:
        """Take shares out of a position that the broker no longer holds.

        Conflict when anything about the stock has changed since it was compared: nothing is corrected then.
        """

        def work(session: Session) -> None:
            fence(session, amendment.lease)
            strategy, code = correction.strategy, correction.stock_code
            lock_stock(session, amendment.account, strategy, code)
            position = _position(session, amendment.account, (strategy, code))
            found = None if position is None else (position.position_id, position.quantity)
            if position is None or found != (correction.position_id, correction.quantity_before):
                raise Conflict(f"{code} of {strategy} has changed since it was compared")
            if code in _busy(session, amendment.account) | _unbooked(session, amendment.account):
                raise Conflict(f"{code} has an order or a booking under way")
            session.add(_correction_row(correction, position, broker_quantity, amendment))
            take_out(position, correction.quantity_before - correction.quantity_after)
            position.updated_at = amendment.at
            if position.quantity == 0:
                session.delete(position)
            message = (
                f"{position.stock_name} {code}: {correction.quantity_before} → {correction.quantity_after} shares, "
                f"the broker holds {broker_quantity}"
            )
            add_event(session, _event(CORRECTED, strategy, message, amendment))

        await self._db.write(work)

    async def restore(self, owned: Owned, rebuilt: RebuiltPosition, quantity_found: int, amendment: Amendment) -> None:
        """Make a row of active_portfolio say what its trades say; Conflict when it has changed since."""

        def work(session: Session) -> None:
            fence(session, amendment.lease)
            lock_stock(session, amendment.account, *owned)
            position = _position(session, amendment.account, owned)
            booked = _booked(session, amendment.account).get(owned, 0)
            found = position.quantity if position is not None else 0
            if found != quantity_found or booked != rebuilt.quantity:
                raise Conflict(f"{owned[1]} of {owned[0]} has changed since it was compared")
            if rebuilt.quantity == 0:
                session.execute(delete(ActivePortfolioRow).where(*_is(amendment.account, owned)))
            else:
                position = position or _revived(session, amendment.account, owned, rebuilt, amendment.at)
                position.quantity = rebuilt.quantity
                position.total_buy_amount = rebuilt.cost_krw
                position.buy_commission_krw = rebuilt.commission_krw
                position.average_buy_price = round(rebuilt.cost_krw / rebuilt.quantity, 4)
                position.updated_at = amendment.at
                session.add(position)
            message = f"{owned[1]}: {quantity_found} → {rebuilt.quantity} shares, as its trades say"
            add_event(session, _event(RESTORED, owned[0], message, amendment))

        await self._db.write(work)


def _books(session: Session, account: str) -> Books:
    deltas = _deltas(session, account)
    rows = session.execute(select(ActivePortfolioRow).where(ActivePortfolioRow.account == account)).scalars()
    positions = tuple(
        OwnPosition(
            row.strategy, row.stock_code, row.position_id, row.quantity, float(row.average_buy_price), row.bought_at
        )
        for row in rows
    )
    executed = _sums(session, FillRow.side, FillRow, account)
    return Books(
        _with(executed, deltas),
        _booked(session, account),
        positions,
        _busy(session, account),
        _unbooked(session, account),
    )


def _booked(session: Session, account: str) -> dict[Owned, int]:
    return _with(_sums(session, TradeLogRow.trade_type, TradeLogRow, account), _deltas(session, account))


def _sums(session: Session, side: object, table: type[FillRow] | type[TradeLogRow], account: str) -> dict[Owned, int]:
    query = (
        select(table.strategy, table.stock_code, side, func.sum(table.quantity))  # type: ignore[call-overload]
        .where(table.account == account)
        .group_by(table.strategy, table.stock_code, side)
    )
    sums: dict[Owned, int] = {}
    for strategy, code, traded, quantity in session.execute(query):
        shares = int(quantity) if traded == TradeType.BUY.value else -int(quantity)
        sums[strategy, code] = sums.get((strategy, code), 0) + shares
    return sums


def _deltas(session: Session, account: str) -> dict[Owned, int]:
    row = PositionCorrectionRow
    query = (
        select(row.strategy, row.stock_code, func.sum(row.quantity_after - row.quantity_before))
        .where(row.account == account)
        .group_by(row.strategy, row.stock_code)
    )
    return {(strategy, code): int(delta) for strategy, code, delta in session.execute(query)}


def _with(sums: Mapping[Owned, int], deltas: Mapping[Owned, int]) -> dict[Owned, int]:
    totals = {owned: sums.get(owned, 0) + deltas.get(owned, 0) for owned in sums.keys() | deltas.keys()}
    return {owned: quantity for owned, quantity in totals.items() if quantity}


def _busy(session: Session, account: str) -> frozenset[str]:
    working = [status.value for status in OrderStatus if not status.is_terminal]
    uncertain = [state.value for state in IntentState if state.is_unresolved]
    orders = select(OrderRow.stock_code).where(OrderRow.account == account, OrderRow.status.in_(working))
    intents = select(OrderIntentRow.stock_code).where(
        OrderIntentRow.account == account, OrderIntentRow.state.in_(uncertain)
    )
    return frozenset(code for query in (orders, intents) for code in session.execute(query).scalars())


def _unbooked(session: Session, account: str) -> frozenset[str]:
    query = (
        select(FillRow.stock_code)
        .outerjoin(TradeLogRow, TradeLogRow.fill_id == FillRow.id)
        .where(FillRow.account == account, TradeLogRow.id.is_(None))
    )
    return frozenset(session.execute(query).scalars())


def _trades(session: Session, account: str, owned: Owned) -> list[BookedShares]:
    trades = session.execute(
        select(TradeLogRow)
        .where(TradeLogRow.account == account, TradeLogRow.strategy == owned[0], TradeLogRow.stock_code == owned[1])
        .order_by(TradeLogRow.id)
    ).scalars()
    corrections = session.execute(
        select(PositionCorrectionRow)
        .where(
            PositionCorrectionRow.account == account,
            PositionCorrectionRow.strategy == owned[0],
            PositionCorrectionRow.stock_code == owned[1],
        )
        .order_by(PositionCorrectionRow.id)
    ).scalars()
    shares = [
        BookedShares(TradeType(row.trade_type), row.quantity, row.trade_timestamp, row.total_amount, row.commission_krw)
        for row in trades
    ]
    shares += [BookedShares(TradeType.SELL, row.quantity_before - row.quantity_after, at=row.at) for row in corrections]
    return sorted(shares, key=lambda share: share.at)


def _position(session: Session, account: str, owned: Owned) -> ActivePortfolioRow | None:
    return session.get(ActivePortfolioRow, (account, *owned), populate_existing=True, with_for_update=True)


def _is(account: str, owned: Owned) -> tuple[ColumnElement[bool], ...]:
    row = ActivePortfolioRow
    return (row.account == account, row.strategy == owned[0], row.stock_code == owned[1])


def _correction_row(
    correction: Correction, position: ActivePortfolioRow, broker_quantity: int, amendment: Amendment
) -> PositionCorrectionRow:
    return PositionCorrectionRow(
        account=amendment.account,
        strategy=correction.strategy,
        stock_code=correction.stock_code,
        stock_name=position.stock_name,
        position_id=position.position_id,
        quantity_before=correction.quantity_before,
        quantity_after=correction.quantity_after,
        broker_quantity=broker_quantity,
        average_buy_price=position.average_buy_price,
        reason=amendment.reason,
        who=amendment.who,
        at=amendment.at,
    )


def _revived(
    session: Session, account: str, owned: Owned, rebuilt: RebuiltPosition, at: datetime
) -> ActivePortfolioRow:
    """Make a row anew from the stock's last purchase, whose reason and scores it carries."""
    bought = session.execute(
        select(TradeLogRow)
        .where(
            TradeLogRow.account == account,
            TradeLogRow.strategy == owned[0],
            TradeLogRow.stock_code == owned[1],
            TradeLogRow.trade_type == TradeType.BUY.value,
        )
        .order_by(TradeLogRow.id.desc())
        .limit(1)
    ).scalar_one()
    return ActivePortfolioRow(
        account=account,
        strategy=owned[0],
        stock_code=owned[1],
        position_id=f"{bought.order_id}-{bought.fill_id}",
        stock_name=bought.stock_name,
        high_watermark=int(rebuilt.cost_krw / rebuilt.quantity),
        scale_out_level=0,
        rsi_sold=False,
        bought_at=rebuilt.bought_at or at,
        entry_signal=bought.strategy_signal,
        llm_score=bought.llm_score,
        hybrid_score=bought.hybrid_score,
        trade_tier=bought.trade_tier,
        market_regime=bought.market_regime,
    )


def _event(kind: str, strategy: str, message: str, amendment: Amendment) -> Event:
    return Event(
        kind=kind,
        message=f"{message}: {amendment.reason}",
        service=SERVICE,
        at=amendment.at,
        account=amendment.account,
        strategy=strategy,
        level=EventLevel.WARN,
        who=amendment.who,
    )
