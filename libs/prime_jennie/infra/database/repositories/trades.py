"""Read booked trades: a day's purchases, its realised result."""

from datetime import datetime

from sqlalchemy import func, select

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.positions import TradeRecord
from prime_jennie.domain.signals import SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.portfolio import TradeLogRow


class TradeLog:
    """The trades of an account and strategy; only the bookkeeper adds to them."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def trades(
        self, account: str, strategy: str | None = None, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[TradeLogRow]:
        """Return the trades from `since` up to, not including, `until`, oldest first."""
        query = select(TradeLogRow).where(TradeLogRow.account == account)
        if strategy is not None:
            query = query.where(TradeLogRow.strategy == strategy)
        if since is not None:
            query = query.where(TradeLogRow.trade_timestamp >= since)
        if until is not None:
            query = query.where(TradeLogRow.trade_timestamp < until)
        query = query.order_by(TradeLogRow.trade_timestamp, TradeLogRow.id)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    async def newest(
        self, account: str, strategy: str | None = None, *, limit: int, offset: int = 0
    ) -> list[TradeLogRow]:
        """Return a part of the trades, the newest first."""
        query = select(TradeLogRow).where(TradeLogRow.account == account)
        if strategy is not None:
            query = query.where(TradeLogRow.strategy == strategy)
        query = query.order_by(TradeLogRow.trade_timestamp.desc(), TradeLogRow.id.desc()).limit(limit).offset(offset)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    async def of_order(self, order_id: str) -> list[TradeLogRow]:
        """Return the booked executions of one order."""
        query = select(TradeLogRow).where(TradeLogRow.order_id == order_id).order_by(TradeLogRow.id)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    async def realised_krw(self, account: str, strategy: str, since: datetime) -> int:
        """Sum the profits of sales since then, after fees and tax of both sides."""
        query = select(func.sum(TradeLogRow.profit_amount)).where(
            TradeLogRow.account == account,
            TradeLogRow.strategy == strategy,
            TradeLogRow.trade_timestamp >= since,
        )
        return await self._db.read(lambda session: int(session.execute(query).scalar() or 0))


def as_record(row: TradeLogRow) -> TradeRecord:
    """Turn a booked execution into the domain's record; its price is rounded to whole won."""
    return TradeRecord(
        stock_code=row.stock_code,
        stock_name=row.stock_name,
        trade_type=TradeType(row.trade_type),
        quantity=row.quantity,
        price=round(row.price),
        total_amount=row.total_amount,
        reason=row.reason,
        strategy_signal=SignalType(row.strategy_signal) if row.strategy_signal else None,
        market_regime=MarketRegime(row.market_regime) if row.market_regime else None,
        llm_score=row.llm_score,
        hybrid_score=row.hybrid_score,
        trade_tier=TradeTier(row.trade_tier) if row.trade_tier else None,
        timestamp=row.trade_timestamp,
    )
