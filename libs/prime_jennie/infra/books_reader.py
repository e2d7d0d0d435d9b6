"""What a strategy holds and has earned today, by our own books at given prices; all after fees and tax."""

from collections.abc import Mapping
from datetime import datetime

from prime_jennie.domain.sessions import KST, SessionTable, kst_midnight
from prime_jennie.domain.strategy_report import HeldStock
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.day_books import DayBook, DayBooks
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow
from prime_jennie.strategy.day_loss import UnknownLoss, day_result_krw, shares_at_open
from prime_jennie.strategy.pnl import profit_pct, unrealised_profit_krw


class BooksReader:
    """Reads one account's books; what no price or close is known of has no result, and never one of zero."""

    def __init__(self, db: Database, sessions: SessionTable, account: str) -> None:
        self._books = DayBooks(db)
        self._positions = PositionRepository(db)
        self._bars = PriceRepository(db)
        self._sessions = sessions
        self._account = account

    async def book(self, strategy: str, at: datetime) -> DayBook | None:
        """Return the day's book; None for a strategy that holds nothing and has not traded."""
        return (await self._books.since(self._account, kst_midnight(at))).get(strategy)

    async def held(self, strategy: str, prices_krw: Mapping[str, int], at: datetime) -> list[HeldStock]:
        """Return the open positions with what selling each of them now would earn."""
        rows = await self._positions.open_positions(self._account, strategy)
        return [self._valued(row, prices_krw.get(row.stock_code), at) for row in rows]

    async def day_result_krw(self, book: DayBook | None, prices_krw: Mapping[str, int], at: datetime) -> int | None:
        """Return what was earned since the previous closes; None where a price or such a close is not known."""
        if book is None:
            return 0
        day = at.astimezone(KST).date()
        overnight = sorted(shares_at_open(book.held, book.day_trades, book.gone))
        bars = await self._bars.daily_of(overnight, 1, before=day) if overnight else {}
        newest = self._sessions.previous(day).day
        result = day_result_krw(
            book.held,
            book.day_trades,
            gone=book.gone,
            closes_krw={code: own[-1].close_price for code, own in bars.items() if own[-1].price_date >= newest},
            prices_krw=prices_krw,
        )
        return None if isinstance(result, UnknownLoss) else result

    def _valued(self, row: ActivePortfolioRow, price_krw: int | None, at: datetime) -> HeldStock:
        profit_krw = None
        if price_krw is not None:
            settles_on = self._sessions.settlement_day(at.astimezone(KST).date())
            profit_krw = unrealised_profit_krw(row.total_buy_amount, row.quantity, price_krw, settles_on)
        return HeldStock(
            code=row.stock_code,
            name=row.stock_name,
            quantity=row.quantity,
            average_price_krw=float(row.average_buy_price),
            price_krw=price_krw,
            profit_krw=profit_krw,
            profit_pct=None if profit_krw is None else round(profit_pct(row.total_buy_amount, profit_krw), 2),
        )
