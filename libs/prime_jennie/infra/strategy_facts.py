"""Read everything that a report of a strategy is made of, but prices."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, datetime

from redis.asyncio import Redis
from redis.exceptions import RedisError

from prime_jennie.domain.buying import BuyingFacts
from prime_jennie.domain.keys import Keyspace
from prime_jennie.domain.ports import Gateway
from prime_jennie.domain.sessions import KST, SessionTable, UnknownSession, kst_midnight
from prime_jennie.domain.strategy_report import DayBooks, OpenPosition, StrategyFacts
from prime_jennie.domain.topics import BUY_SIGNALS
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.buying_facts import BuyingFactsReader
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories import day_books
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.redis.entries import UnreadableError, decode
from prime_jennie.infra.redis.replies import range_entries

SILENT, WELL = "not answering", "healthy"


class StrategyFactsReader:
    """Reads one account's strategies, anew each time.

    Redis and the gateway may be away and are then named as reasons; without SQL nothing is known, and that raises.
    """

    def __init__(self, *, redis: Redis, db: Database, gateway: Gateway, account: str, sessions: SessionTable) -> None:
        halts = HaltDesk(redis, db, account)
        self._redis = redis
        self._account = account
        self._sessions = sessions
        self._buying = BuyingFactsReader(
            redis=redis, db=db, gateway=gateway, halts=halts, account=account, sessions=sessions
        )
        self._books = day_books.DayBooks(db)
        self._positions = PositionRepository(db)
        self._bars = PriceRepository(db)

    async def read(
        self, strategy: str, live: LiveConfig | None, at: datetime, health: Mapping[str, str] | None = None
    ) -> StrategyFacts:
        """Read a strategy by its configuration, None where it has announced none.

        `health` is what its services say of themselves, where somebody has asked them.
        """
        services = dict(health or {})
        rows = await self._positions.open_positions(self._account, strategy)
        today = await self._buying.today(strategy, at)
        return StrategyFacts(
            strategy=strategy,
            buying=_with_services(await self._buying.read(strategy, live, at), services),
            positions=[
                OpenPosition(
                    row.stock_code,
                    row.stock_name,
                    row.quantity,
                    float(row.average_buy_price),
                    row.total_buy_amount,
                )
                for row in rows
            ],
            books=await self._day_books(strategy, at),
            settles_on=self._settles_on(at),
            buys=today.buys if today else 0,
            sells=today.sells if today else 0,
            realised_krw=today.realised_krw if today else 0,
            open_orders=today.open_orders if today else 0,
            unresolved_orders=today.unresolved_orders if today else 0,
            last_signal_at=await self._last_signal_at(strategy),
            services=services,
        )

    async def _day_books(self, strategy: str, at: datetime) -> DayBooks | None:
        book = (await self._books.since(self._account, kst_midnight(at))).get(strategy)
        if book is None:
            return None
        day = at.astimezone(KST).date()
        codes = sorted({*book.held, *book.gone, *(trade.stock_code for trade in book.trades)})
        bars = await self._bars.daily_of(codes, 1, before=day) if codes else {}
        newest = self._sessions.previous(day).day
        closes = {code: own[-1].close_price for code, own in bars.items() if own[-1].price_date >= newest}
        return DayBooks(book.held, book.day_trades, book.gone, closes)

    def _settles_on(self, at: datetime) -> date | None:
        with suppress(UnknownSession):
            return self._sessions.settlement_day(at.astimezone(KST).date())
        return None

    async def _last_signal_at(self, strategy: str) -> datetime | None:
        stream = BUY_SIGNALS.stream_for(Keyspace(strategy))
        with suppress(RedisError, OSError, UnreadableError):
            for entry_id, fields in range_entries(await self._redis.xrevrange(stream, count=1)):
                return decode(stream, entry_id, fields, BUY_SIGNALS.model).message.timestamp
        return None


def _with_services(facts: BuyingFacts, health: Mapping[str, str]) -> BuyingFacts:
    """Add which of its services do not answer or are not well."""
    silent = {name for name, state in health.items() if state == SILENT}
    unwell = {name: state for name, state in health.items() if state not in (SILENT, WELL)}
    return replace(facts, silent=sorted({*silent, *facts.silent}), unwell=unwell)
