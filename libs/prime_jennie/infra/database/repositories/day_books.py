"""Read a day's holdings and trades together: of one moment, or a fill booked in between would look like a loss."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from prime_jennie.domain.holdings import DayTrade
from prime_jennie.domain.orders import TradeType
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow, PositionCorrectionRow, TradeLogRow


@dataclass(frozen=True)
class DayBook:
    """What one strategy holds, by stock, and what it traded since the day began."""

    held: dict[str, int]
    trades: list[TradeLogRow]
    gone: Counter[str]
    """Shares, by stock, that corrections of today have taken out: they left without an order of ours."""

    @property
    def day_trades(self) -> list[DayTrade]:
        """Return the trades as the calculation of a day's result sees them."""
        return [
            DayTrade(
                stock_code=trade.stock_code,
                is_buy=trade.trade_type == TradeType.BUY.value,
                quantity=trade.quantity,
                amount_krw=trade.total_amount,
                fees_krw=trade.commission_krw + trade.tax_krw,
            )
            for trade in self.trades
        ]


class DayBooks:
    """The books of one account, by strategy."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def since(self, account: str, midnight: datetime) -> dict[str, DayBook]:
        """Return the book of every strategy that holds anything, has traded or was corrected."""
        positions = select(ActivePortfolioRow).where(ActivePortfolioRow.account == account)
        trades = select(TradeLogRow).where(TradeLogRow.account == account, TradeLogRow.trade_timestamp >= midnight)
        row = PositionCorrectionRow
        corrections = select(row).where(row.account == account, row.at >= midnight)

        def work(session: Session) -> dict[str, DayBook]:
            books: defaultdict[str, DayBook] = defaultdict(lambda: DayBook({}, [], Counter()))
            for position in session.execute(positions).scalars():
                books[position.strategy].held[position.stock_code] = position.quantity
            for trade in session.execute(trades.order_by(TradeLogRow.id)).scalars():
                books[trade.strategy].trades.append(trade)
            for one in session.execute(corrections).scalars():
                books[one.strategy].gone[one.stock_code] += one.quantity_before - one.quantity_after
            return dict(books)

        return await self._db.read(work)
