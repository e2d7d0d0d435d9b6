"""Book executions and tell about them."""

import structlog

from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.positions import TradeNotification
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.domain.signals import SellReason, SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.bookkeeper import BookedTrade, Bookkeeper
from prime_jennie.infra.database.repositories.orders import OrderRepository
from prime_jennie.infra.database.repositories.trades import TradeLog
from prime_jennie.infra.database.tables.portfolio import TradeLogRow
from prime_jennie.infra.database.tables.trading import OrderRow
from prime_jennie.infra.redis.streams import TypedStreamPublisher

log = structlog.get_logger(__name__)

FILL_WAITS = 20
FILL_WAIT_SECS = 1.0


class Books:
    """The bookkeeping of one account and strategy; every step may be repeated and changes nothing then."""

    def __init__(
        self,
        db: Database,
        sessions: SessionTable,
        clock: Clock,
        notifications: TypedStreamPublisher[TradeNotification],
        account: str,
        strategy: str,
    ) -> None:
        self._bookkeeper = Bookkeeper(db, sessions.settlement_day)
        self._orders = OrderRepository(db)
        self._trades = TradeLog(db)
        self._clock = clock
        self._notifications = notifications
        self._account = account
        self._strategy = strategy

    async def order(self, key: str) -> OrderRow | None:
        """Return the order of a key."""
        return await self._orders.order_by_key(self._account, self._strategy, key)

    async def book(self, key: str) -> None:
        """Book what the order of a key has filled so far."""
        order = await self.order(key)
        if order is not None:
            _log(await self._bookkeeper.book(order.id))

    async def book_all(self) -> None:
        """Book every execution that nobody has booked yet, whoever died before."""
        _log(await self._bookkeeper.book_strategy(self._account, self._strategy))

    async def trades_of(self, key: str, filled_qty: int) -> list[TradeLogRow]:
        """Return the booked trades of an order that filled so much; waits for executions still on their way to SQL."""
        trades: list[TradeLogRow] = []
        for _ in range(FILL_WAITS):
            order = await self.order(key)
            if order is not None:
                _log(await self._bookkeeper.book(order.id))
                trades = await self._trades.of_order(order.id)
            if sum(trade.quantity for trade in trades) >= filled_qty:
                return trades
            await self._clock.sleep(FILL_WAIT_SECS)
        log.error("executions missing, the sweep goes on booking", key=key, filled_qty=filled_qty)
        return trades

    async def notify(self, trades: list[TradeLogRow]) -> None:
        """Publish what an order traded; the same total twice has the same id, so every inbox takes it once."""
        if trades:
            told = notification_of(trades)
            await self._notifications.publish(told, message_id=f"trade:{trades[0].order_id}:{told.quantity}")


def notification_of(trades: list[TradeLogRow]) -> TradeNotification:
    """Sum an order's executions up; a sale's profit is after fees and tax, in percent of what its shares had cost."""
    last = trades[-1]
    quantity = sum(trade.quantity for trade in trades)
    total = sum(trade.total_amount for trade in trades)
    return TradeNotification(
        trade_type=TradeType(last.trade_type),
        stock_code=last.stock_code,
        stock_name=last.stock_name,
        quantity=quantity,
        price=round(total / quantity, 4),
        total_amount=total,
        signal_type=SignalType(last.strategy_signal) if last.strategy_signal else None,
        trade_tier=TradeTier(last.trade_tier) if last.trade_tier else None,
        hybrid_score=last.hybrid_score,
        sell_reason=SellReason(last.sell_reason) if last.sell_reason else None,
        profit_pct=sale_profit_pct(trades),
        holding_days=last.holding_days,
        timestamp=last.trade_timestamp,
    )


def sale_profit_pct(trades: list[TradeLogRow]) -> float | None:
    """Return the profit of a sale's executions together; None for purchases and where one has no known cost."""
    profit = cost = 0
    for trade in trades:
        if trade.profit_amount is None:
            return None
        profit += trade.profit_amount
        cost += trade.total_amount - trade.commission_krw - trade.tax_krw - trade.profit_amount
    return round(100 * profit / cost, 4) if cost > 0 else None


def _log(booked: list[BookedTrade]) -> None:
    for entry in booked:
        trade = entry.trade
        log.info(
            "booked",
            trade_type=trade.trade_type,
            stock_code=trade.stock_code,
            quantity=trade.quantity,
            price=trade.price,
            left=entry.position.quantity if entry.position is not None else 0,
        )
        if entry.unmatched_quantity:
            log.error("sold shares that no position held", stock_code=trade.stock_code, shares=entry.unmatched_quantity)
