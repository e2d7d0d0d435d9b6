"""Turn executions into trades and positions: each fill exactly once, all of it in one transaction.

The unique fill_id of trade_log is the proof of booking. Fills of one stock are booked in the order they were
recorded, whoever asks, so a sale never overtakes the purchase it sells.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from prime_jennie.domain.errors import NotFound
from prime_jennie.domain.money import commission_krw, sell_tax_krw
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.positions import first_stop_price_krw, sold_cost_krw
from prime_jennie.domain.sessions import KST, holding_days
from prime_jennie.domain.signals import SellReason
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.origins import find_origin
from prime_jennie.infra.database.tables.market import StockMasterRow
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow, TradeLogRow
from prime_jennie.infra.database.tables.trading import FillRow, OrderIntentRow, OrderOriginRow, OrderRow


@dataclass(frozen=True)
class BookedTrade:
    """A trade just booked and the position it left; None once the stock is sold out."""

    trade: TradeLogRow
    position: ActivePortfolioRow | None
    unmatched_quantity: int = 0
    """Shares sold that no position held: booked as a trade, without a profit, and worth an alert."""


class Bookkeeper:
    """Book unbooked fills; `settlement_day` maps a trade's KST day to the day its sell tax is dated by (T+2)."""

    def __init__(self, db: Database, settlement_day: Callable[[date], date]) -> None:
        self._db = db
        self._settlement_day = settlement_day

    async def book(self, order_id: str) -> list[BookedTrade]:
        """Book what is unbooked in the order's stock; returns every trade it booked, of other orders too."""

        def work(session: Session) -> list[BookedTrade]:
            order = session.get(OrderRow, order_id)
            if order is None:
                raise NotFound(f"no order {order_id}")
            return self._book_stock(session, order.account, order.strategy, order.stock_code)

        return await self._db.write(work)

    async def book_strategy(self, account: str, strategy: str) -> list[BookedTrade]:
        """Book whatever an earlier run left unbooked, one transaction a stock."""
        booked: list[BookedTrade] = []
        for stock_code in await self._db.read(lambda session: _unbooked_stocks(session, account, strategy)):
            booked += await self._db.write(
                lambda session, code=stock_code: self._book_stock(session, account, strategy, code)  # type: ignore[misc]
            )
        return booked

    def _book_stock(self, session: Session, account: str, strategy: str, stock_code: str) -> list[BookedTrade]:
        lock_stock(session, account, strategy, stock_code)
        fills = session.execute(
            select(FillRow)
            .outerjoin(TradeLogRow, TradeLogRow.fill_id == FillRow.id)
            .where(
                FillRow.account == account,
                FillRow.strategy == strategy,
                FillRow.stock_code == stock_code,
                TradeLogRow.id.is_(None),
            )
            .order_by(FillRow.id)
        ).scalars()
        return [self._book_fill(session, session.get_one(OrderRow, fill.order_id), fill) for fill in fills.all()]

    def _book_fill(self, session: Session, order: OrderRow, fill: FillRow) -> BookedTrade:
        why = _Why.of(session, order)
        key = (fill.account, fill.strategy, fill.stock_code)
        position = session.get(ActivePortfolioRow, key, populate_existing=True)
        if fill.side == TradeType.BUY.value:
            booked = _book_purchase(session, fill, why, position)
        else:
            booked = self._book_sale(session, fill, why, position)
        session.flush()
        return booked

    def _book_sale(
        self, session: Session, fill: FillRow, why: "_Why", position: ActivePortfolioRow | None
    ) -> BookedTrade:
        commission = commission_krw(fill.amount_krw)
        tax = sell_tax_krw(fill.amount_krw, self._settlement_day(fill.filled_at.astimezone(KST).date()))
        trade = _trade(fill, why, commission=commission, tax=tax)
        session.add(trade)
        if position is None:
            return BookedTrade(trade, None, fill.quantity)
        _carry_entry(trade, position, fill.filled_at)
        unmatched = max(0, fill.quantity - position.quantity)
        cost, buy_commission = take_out(position, min(fill.quantity, position.quantity))
        if unmatched == 0:
            trade.profit_amount = fill.amount_krw - commission - tax - cost - buy_commission
            trade.profit_pct = round(trade.profit_amount / (cost + buy_commission) * 100, 4)
        if position.quantity == 0:
            session.delete(position)
            return BookedTrade(trade, None, unmatched)
        _note_partial_exit(position, why.origin)
        position.updated_at = fill.filled_at
        return BookedTrade(trade, position, unmatched)


@dataclass(frozen=True)
class _Why:
    """What is known about the reason of an order: its origin, else what the gateway was told."""

    origin: OrderOriginRow | None
    stock_name: str
    reason: str
    message_id: str | None

    @classmethod
    def of(cls, session: Session, order: OrderRow) -> "_Why":
        origin = find_origin(session, order.account, order.strategy, order.idempotency_key)
        if origin is not None:
            return cls(origin, origin.stock_name, origin.reason, origin.message_id)
        intent = session.get_one(OrderIntentRow, order.id)
        master = session.get(StockMasterRow, order.stock_code)
        return cls(None, master.stock_name if master else order.stock_code, intent.reason, intent.message_id)


def _book_purchase(session: Session, fill: FillRow, why: _Why, position: ActivePortfolioRow | None) -> BookedTrade:
    commission = commission_krw(fill.amount_krw)
    trade = _trade(fill, why, commission=commission, tax=0)
    session.add(trade)
    if position is None:
        position = _fresh_position(fill, why, commission)
        session.add(position)
    else:
        position.quantity += fill.quantity
        position.total_buy_amount += fill.amount_krw
        position.buy_commission_krw += commission
        position.average_buy_price = round(position.total_buy_amount / position.quantity, 4)
        position.updated_at = fill.filled_at
    return BookedTrade(trade, position)


def _fresh_position(fill: FillRow, why: _Why, commission: int) -> ActivePortfolioRow:
    origin = why.origin
    stop_pct = origin.stop_loss_pct if origin else None
    return ActivePortfolioRow(
        account=fill.account,
        strategy=fill.strategy,
        stock_code=fill.stock_code,
        position_id=f"{fill.order_id}-{fill.id}",
        stock_name=why.stock_name,
        quantity=fill.quantity,
        average_buy_price=fill.price,
        total_buy_amount=fill.amount_krw,
        buy_commission_krw=commission,
        sector_group=origin.sector_group if origin else None,
        high_watermark=int(fill.price),
        stop_loss_price=None if stop_pct is None else first_stop_price_krw(fill.price, stop_pct),
        scale_out_level=0,
        rsi_sold=False,
        bought_at=fill.filled_at,
        entry_signal=origin.strategy_signal if origin else None,
        llm_score=origin.llm_score if origin else None,
        hybrid_score=origin.hybrid_score if origin else None,
        trade_tier=origin.trade_tier if origin else None,
        market_regime=origin.market_regime if origin else None,
        updated_at=fill.filled_at,
    )


def _trade(fill: FillRow, why: _Why, *, commission: int, tax: int) -> TradeLogRow:
    origin = why.origin
    return TradeLogRow(
        account=fill.account,
        strategy=fill.strategy,
        order_id=fill.order_id,
        fill_id=fill.id,
        stock_code=fill.stock_code,
        stock_name=why.stock_name,
        trade_type=fill.side,
        quantity=fill.quantity,
        price=fill.price,
        total_amount=fill.amount_krw,
        commission_krw=commission,
        tax_krw=tax,
        reason=why.reason,
        strategy_signal=origin.strategy_signal if origin else None,
        sell_reason=origin.sell_reason if origin else None,
        market_regime=origin.market_regime if origin else None,
        llm_score=origin.llm_score if origin else None,
        hybrid_score=origin.hybrid_score if origin else None,
        trade_tier=origin.trade_tier if origin else None,
        message_id=why.message_id,
        trade_timestamp=fill.filled_at,
    )


def _carry_entry(trade: TradeLogRow, position: ActivePortfolioRow, sold_at: datetime) -> None:
    """Give a sale its entry's facts; without them every analysis by regime and score is "unknown" (rulebook §2.1)."""
    trade.strategy_signal = position.entry_signal
    trade.market_regime = position.market_regime
    trade.llm_score = position.llm_score
    trade.hybrid_score = position.hybrid_score
    trade.trade_tier = position.trade_tier
    trade.holding_days = holding_days(position.bought_at, sold_at)


def take_out(position: ActivePortfolioRow, quantity: int) -> tuple[int, int]:
    """Reduce the position and return the cost and buy commission that leave with the shares."""
    cost = sold_cost_krw(position.total_buy_amount, position.quantity, quantity)
    commission = sold_cost_krw(position.buy_commission_krw, position.quantity, quantity)
    position.quantity -= quantity
    position.total_buy_amount -= cost
    position.buy_commission_krw -= commission
    return cost, commission


def _note_partial_exit(position: ActivePortfolioRow, origin: OrderOriginRow | None) -> None:
    """Advance the scale-out level and the RSI mark now that the sale filled, not when it was wished (rulebook §6 ✗)."""
    if origin is None or origin.position_id not in (None, position.position_id):
        return
    if origin.scale_out_level is not None:
        position.scale_out_level = max(position.scale_out_level, origin.scale_out_level)
    if origin.sell_reason == SellReason.RSI_OVERBOUGHT.value:
        position.rsi_sold = True


def lock_stock(session: Session, account: str, strategy: str, stock_code: str) -> None:
    """Lock every order of the stock: two bookers of one position then wait for each other on either database."""
    session.execute(
        select(OrderRow.id)
        .where(OrderRow.account == account, OrderRow.strategy == strategy, OrderRow.stock_code == stock_code)
        .order_by(OrderRow.id)
        .with_for_update()
    ).all()


def _unbooked_stocks(session: Session, account: str, strategy: str) -> list[str]:
    query = (
        select(FillRow.stock_code)
        .distinct()
        .outerjoin(TradeLogRow, TradeLogRow.fill_id == FillRow.id)
        .where(FillRow.account == account, FillRow.strategy == strategy, TradeLogRow.id.is_(None))
        .order_by(FillRow.stock_code)
    )
    return list(session.execute(query).scalars())
