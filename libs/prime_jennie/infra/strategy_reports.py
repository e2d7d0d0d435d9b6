"""Report strategies: do they buy and why not, what they hold, what the day has earned."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from redis.asyncio import Redis
from redis.exceptions import RedisError

from prime_jennie.domain.buying import BuyingFacts
from prime_jennie.domain.buying_words import said
from prime_jennie.domain.keys import Keyspace
from prime_jennie.domain.ports import Gateway
from prime_jennie.domain.reader import Language
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.domain.strategy_report import StrategyReport
from prime_jennie.domain.topics import BUY_SIGNALS
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.books_reader import BooksReader
from prime_jennie.infra.buying_facts import BuyingFactsReader
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.redis.entries import UnreadableError, decode
from prime_jennie.infra.redis.replies import range_entries
from prime_jennie.strategy.buying import why_not

SILENT, WELL = "not answering", "healthy"
Prices = Callable[[str, Sequence[str]], Awaitable[Mapping[str, int]]]
"""Gives the newest prices of a strategy's stocks in won; what it does not know it leaves out."""


class StrategyReports:
    """Reads one account's strategies, anew each time.

    Redis and the gateway may be away and are then named as reasons; without SQL nothing is known, and that raises.
    """

    def __init__(
        self, *, redis: Redis, db: Database, gateway: Gateway, account: str, sessions: SessionTable, prices: Prices
    ) -> None:
        halts = HaltDesk(redis, db, account)
        self._redis = redis
        self._buying = BuyingFactsReader(
            redis=redis, db=db, gateway=gateway, halts=halts, account=account, sessions=sessions
        )
        self._books = BooksReader(db, sessions, account)
        self._prices = prices

    async def report(
        self, strategy: str, live: LiveConfig | None, at: datetime, health: Mapping[str, str] | None = None
    ) -> StrategyReport:
        """Report a strategy by its configuration, None where it has announced none.

        `health` is what its services say of themselves, where somebody has asked them.
        """
        own = dict(health or {})
        facts = _with_services(await self._buying.read(strategy, live, at), own)
        book = await self._books.book(strategy, at)
        codes = sorted({*book.held, *book.gone}) if book is not None else []
        prices = await self._prices(strategy, codes) if codes else {}
        held = await self._books.held(strategy, prices, at)
        found = why_not(facts)
        row = await self._buying.today(strategy, at)
        profits = [stock.profit_krw for stock in held]
        unrealised = sum(p for p in profits if p is not None) if None not in profits else None
        context = facts.context
        return StrategyReport(
            strategy=strategy,
            mode=live.spec.mode.value if live else None,
            trading=HaltState.most_severe(*(halt.state for halt in facts.halts)),
            buys=not found,
            reasons=tuple(said(reason, Language.ENGLISH) for reason in found),
            reason_codes=tuple(reason.code for reason in found),
            regime=context.market_regime.value if context else None,
            positions=tuple(held),
            buys_today=row.buys if row else 0,
            sells_today=row.sells if row else 0,
            realised_krw=row.realised_krw if row else 0,
            unrealised_krw=unrealised,
            day_pnl_krw=await self._books.day_result_krw(book, prices, at),
            last_signal_at=await self._last_signal_at(strategy),
            open_orders=row.open_orders if row else 0,
            unresolved_orders=row.unresolved_orders if row else 0,
            generation=live.generation if live else None,
            services=own,
        )

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
