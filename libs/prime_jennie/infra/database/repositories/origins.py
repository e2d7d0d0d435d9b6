"""Remember why an order is wanted, before it is sent."""

from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from prime_jennie.domain.signals import BuySignal, SellOrder
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.trading import OrderOriginRow
from prime_jennie.infra.database.upsert import insert_new


@dataclass(frozen=True)
class OrderOrigin:
    """The facts of a signal or sell order that the booked trade and the position keep."""

    account: str
    strategy: str
    idempotency_key: str
    stock_code: str
    stock_name: str
    reason: str
    """One line a person can read: what made us trade."""
    strategy_signal: str | None = None
    sell_reason: str | None = None
    market_regime: str | None = None
    llm_score: float | None = None
    hybrid_score: float | None = None
    trade_tier: str | None = None
    sector_group: str | None = None
    message_id: str | None = None
    position_id: str | None = None
    """Which life of a position a sale is meant for."""
    scale_out_level: int | None = None
    """The level a scale-out reaches once it fills."""
    stop_loss_pct: float | None = None
    """Where the stored stop of a fresh position lies below its first fill."""

    @classmethod
    def of_buy(
        cls,
        signal: BuySignal,
        *,
        account: str,
        strategy: str,
        idempotency_key: str,
        reason: str,
        message_id: str | None,
        stop_loss_pct: float | None,
    ) -> "OrderOrigin":
        """Take the origin of a purchase from its signal."""
        return cls(
            account=account,
            strategy=strategy,
            idempotency_key=idempotency_key,
            stock_code=signal.stock_code,
            stock_name=signal.stock_name,
            reason=reason,
            strategy_signal=signal.signal_type.value,
            market_regime=signal.market_regime.value,
            llm_score=signal.llm_score,
            hybrid_score=signal.hybrid_score,
            trade_tier=signal.trade_tier.value,
            sector_group=signal.sector_group.value if signal.sector_group else None,
            message_id=message_id,
            stop_loss_pct=stop_loss_pct,
        )

    @classmethod
    def of_sale(
        cls,
        order: SellOrder,
        *,
        account: str,
        strategy: str,
        idempotency_key: str,
        reason: str,
        message_id: str | None,
    ) -> "OrderOrigin":
        """Take the origin of a sale from its sell order."""
        return cls(
            account=account,
            strategy=strategy,
            idempotency_key=idempotency_key,
            stock_code=order.stock_code,
            stock_name=order.stock_name,
            reason=reason,
            sell_reason=order.sell_reason.value,
            message_id=message_id,
            position_id=order.position_id,
            scale_out_level=order.scale_out_level,
        )


class OriginRepository:
    """Origins by account, strategy and idempotency key."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def remember(self, origin: OrderOrigin, *, at: datetime) -> bool:
        """Write the origin once; False when the key has one already, which stays as it is."""
        row = {**asdict(origin), "created_at": at}
        return await self._db.write(lambda session: insert_new(session, OrderOriginRow, row))

    async def of_key(self, account: str, strategy: str, idempotency_key: str) -> OrderOriginRow | None:
        """Return the origin of a key."""
        return await self._db.read(lambda session: find_origin(session, account, strategy, idempotency_key))


def find_origin(session: Session, account: str, strategy: str, idempotency_key: str) -> OrderOriginRow | None:
    """Return the origin of a key inside the caller's transaction."""
    return session.get(OrderOriginRow, (account, strategy, idempotency_key))
