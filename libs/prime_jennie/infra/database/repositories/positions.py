"""Read the open positions and keep their watermarks; only the bookkeeper changes quantities."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from prime_jennie.domain.positions import Position
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow
from prime_jennie.infra.database.upsert import affected


class PositionRepository:
    """Open positions of an account and strategy."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def open_positions(self, account: str, strategy: str | None = None) -> list[ActivePortfolioRow]:
        """Return what is held, by stock code; without a strategy all of the account."""
        query = select(ActivePortfolioRow).where(ActivePortfolioRow.account == account)
        if strategy is not None:
            query = query.where(ActivePortfolioRow.strategy == strategy)
        query = query.order_by(ActivePortfolioRow.strategy, ActivePortfolioRow.stock_code)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    async def held_codes(self) -> list[str]:
        """Return every stock that any account or strategy holds."""
        query = select(ActivePortfolioRow.stock_code).distinct().order_by(ActivePortfolioRow.stock_code)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    async def position(self, account: str, strategy: str, stock_code: str) -> ActivePortfolioRow | None:
        """Return the open position in a stock."""
        return await self._db.read(lambda session: session.get(ActivePortfolioRow, (account, strategy, stock_code)))

    async def raise_watermarks(
        self, account: str, strategy: str, highs_krw: Mapping[str, tuple[str, int]], *, at: datetime
    ) -> int:
        """Lift the watermark of each stock's position (position id, high); a lower high or an older life is ignored."""

        def work(session: Session) -> int:
            raised = 0
            for stock_code, (position_id, high_krw) in sorted(highs_krw.items()):
                lift = (
                    update(ActivePortfolioRow)
                    .where(
                        ActivePortfolioRow.account == account,
                        ActivePortfolioRow.strategy == strategy,
                        ActivePortfolioRow.stock_code == stock_code,
                        ActivePortfolioRow.position_id == position_id,
                        or_(
                            ActivePortfolioRow.high_watermark.is_(None),
                            ActivePortfolioRow.high_watermark < high_krw,
                        ),
                    )
                    .values(high_watermark=high_krw, updated_at=at)
                )
                raised += affected(session.execute(lift))
            return raised

        return await self._db.write(work)


def as_position(row: ActivePortfolioRow, *, current_price: int | None = None) -> Position:
    """Turn a stored position into the domain's, valued at a price when one is known; its `profit_pct` is gross."""
    profit_pct = None if current_price is None else (current_price / row.average_buy_price - 1) * 100
    return Position(
        stock_code=row.stock_code,
        stock_name=row.stock_name,
        quantity=row.quantity,
        average_buy_price=row.average_buy_price,
        total_buy_amount=row.total_buy_amount,
        current_price=current_price,
        current_value=None if current_price is None else current_price * row.quantity,
        profit_pct=profit_pct,
        sector_group=SectorGroup(row.sector_group) if row.sector_group else None,
        high_watermark=row.high_watermark,
        stop_loss_price=row.stop_loss_price,
        bought_at=row.bought_at,
    )
