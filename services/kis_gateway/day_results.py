"""Measure what the account and its strategies have earned or lost today, with every figure that this needs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import structlog

from kis_gateway.prices import Prices
from prime_jennie.domain.ports import Broker, Clock
from prime_jennie.domain.sessions import SessionTable, kst_midnight
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.day_books import DayBook, DayBooks
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.outages import UNANSWERED
from prime_jennie.strategy.capital import sizing_base_krw
from prime_jennie.strategy.day_loss import UnknownLoss, day_result_krw, loss_pct, shares_at_open

CLOSES_DAYS = 14  # calendar days back in which every listed stock has a bar, the longest holidays included

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class DayResults:
    """One moment's figures; shares that nobody's strategy bought count in the assets and in no result."""

    books: Mapping[str, DayBook]
    closes_krw: Mapping[str, int]
    prices_krw: Mapping[str, int]
    assets_at_open_krw: int | UnknownLoss = 0

    def profit_krw(self, strategy: str) -> int | UnknownLoss:
        """Return a strategy's result since the previous closes."""
        book = self.books.get(strategy)
        if book is None:
            return 0
        return day_result_krw(
            book.held,
            book.day_trades,
            gone=book.gone,
            closes_krw=self.closes_krw,
            prices_krw=self.prices_krw,
        )

    def account_profit_krw(self) -> int | UnknownLoss:
        """Return the results of all strategies together."""
        total = 0
        for strategy in sorted(self.books):
            profit = self.profit_krw(strategy)
            if isinstance(profit, UnknownLoss):
                return profit
            total += profit
        return total

    def loss_pct(self, strategy: str, capital_krw: int | None) -> float | UnknownLoss:
        """Return a strategy's loss in percent of its capital at the open."""
        return self._share(self.profit_krw(strategy), capital_krw)

    def account_loss_pct(self) -> float | UnknownLoss:
        """Return the account's loss in percent of its assets at the open."""
        return self._share(self.account_profit_krw(), None)

    def _share(self, profit_krw: int | UnknownLoss, capital_krw: int | None) -> float | UnknownLoss:
        if isinstance(profit_krw, UnknownLoss):
            return profit_krw
        if isinstance(self.assets_at_open_krw, UnknownLoss):
            return self.assets_at_open_krw
        return loss_pct(profit_krw, sizing_base_krw(capital_krw, self.assets_at_open_krw))


class DayMeter:
    """Asks the broker for as little as possible: fresh ticks are prices, the assets at the open are asked for once."""

    def __init__(
        self, *, account: str, db: Database, broker: Broker, prices: Prices, sessions: SessionTable, clock: Clock
    ) -> None:
        self._account = account
        self._books = DayBooks(db)
        self._bars = PriceRepository(db)
        self._broker = broker
        self._prices = prices
        self._sessions = sessions
        self._clock = clock
        self._assets_at_open: tuple[date, int] | None = None
        self._asked: dict[str, date] = {}

    async def read(self) -> DayResults:
        """Return the figures of now; what the broker does not tell stays unknown, SQL's outages raise."""
        midnight = kst_midnight(self._clock.now())
        books = await self._books.since(self._account, midnight)
        overnight = {code for book in books.values() for code in shares_at_open(book.held, book.day_trades, book.gone)}
        valued = {code for book in books.values() for code in (*book.held, *book.gone)}
        closes = await self._closes(overnight, midnight.date())
        found = DayResults(books, closes, await self._current(valued))
        return DayResults(books, closes, found.prices_krw, await self._assets(found, midnight.date()))

    async def _closes(self, codes: Iterable[str], day: date) -> dict[str, int]:
        """Return the last closes before a day; what is not stored up to the previous session is fetched once a day."""
        wanted = sorted(codes)
        if not wanted:
            return {}
        newest = self._sessions.previous(day).day
        stored = await self._bars.daily_of(wanted, 1, before=day)
        late = [code for code in wanted if code not in stored or stored[code][-1].price_date < newest]
        for code in late:
            if self._asked.get(code) != day:
                await self._fetch(code, day)
        if late:
            stored = await self._bars.daily_of(wanted, 1, before=day)
        return {code: bars[-1].close_price for code, bars in stored.items()}

    async def _fetch(self, code: str, day: date) -> None:
        try:
            bars = await self._broker.daily_prices(code, day - timedelta(days=CLOSES_DAYS), day - timedelta(days=1))
        except UNANSWERED as error:
            log.warning("no previous close", stock_code=code, error=f"{type(error).__name__}: {error}")
            return
        await self._bars.upsert_daily(bars)
        self._asked[code] = day

    async def _current(self, codes: Iterable[str]) -> dict[str, int]:
        found: dict[str, int] = {}
        for code in sorted(codes):
            try:
                found[code] = await self._prices.current(code)
            except UNANSWERED as error:
                log.warning("no price", stock_code=code, error=f"{type(error).__name__}: {error}")
        return found

    async def _assets(self, found: DayResults, day: date) -> int | UnknownLoss:
        """Return the assets at the open: those of now less what today has brought."""
        if self._assets_at_open is None or self._assets_at_open[0] != day:
            profit = found.account_profit_krw()
            if isinstance(profit, UnknownLoss):
                return profit
            try:
                assets = (await self._broker.balance()).total_asset
            except UNANSWERED as error:
                return UnknownLoss(f"no balance: {type(error).__name__}: {error}")
            self._assets_at_open = (day, assets - profit)
        return self._assets_at_open[1]
