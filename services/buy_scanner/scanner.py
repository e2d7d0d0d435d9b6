"""From ticks to signals: feeds the bars, asks the strategy, publishes and records what it decides."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from buy_scanner.facts import FactReader
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.market import Tick, TickBatch
from prime_jennie.domain.sessions import KST, Session, SessionTable
from prime_jennie.domain.signals import BuySignal
from prime_jennie.domain.trading_strategy import StrategyConfig
from prime_jennie.domain.watchlist import WatchlistEntry
from prime_jennie.infra.database.repositories.signals import SignalEntry, SignalLog
from prime_jennie.infra.metrics import SIGNALS
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.redis.publish import publish_once
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from prime_jennie.strategy.bars import Bar, BarAggregator
from prime_jennie.strategy.entries.catalogue import Catalogue, catalogue_of
from prime_jennie.strategy.entries.rule import EntryMatch
from prime_jennie.strategy.scan_view import ScanView, view_of
from prime_jennie.strategy.scanner import (
    Candidate,
    Decision,
    Discard,
    Hold,
    Publish,
    StockMemory,
    Suppress,
    decide,
    remember,
    scan,
)

log = structlog.get_logger(__name__)


class Scanner:
    """Holds each stock's bars and memory; every decision depends on tick times and read facts alone."""

    def __init__(
        self,
        *,
        strategy: str,
        account: str,
        facts: FactReader,
        publisher: TypedStreamPublisher[BuySignal],
        signals: SignalLog,
        sessions: SessionTable,
        blocks_bear_regimes: bool,
    ) -> None:
        self._strategy = strategy
        self._account = account
        self._facts = facts
        self._publisher = publisher
        self._signals = signals
        self._sessions = sessions
        self._blocks_bear_regimes = blocks_bear_regimes
        self._bars: dict[str, BarAggregator] = {}
        self._memory: dict[str, StockMemory] = {}
        self._config: StrategyConfig | None = None
        self._catalogue = Catalogue(())
        self.entries: dict[str, WatchlistEntry] = {}
        self._ages: dict[str, int] = {}
        self.context: TradingContext | None = None
        self.last_tick_at: datetime | None = None

    @property
    def active_strategies(self) -> list[str]:
        """Return the names of what truly runs."""
        return [name.value for name in self._catalogue.active]

    def configure(self, config: StrategyConfig) -> None:
        """Work by this configuration from the next bar on."""
        self._config = config
        self._catalogue = catalogue_of(config.entries)

    def watch(self, entries: dict[str, WatchlistEntry], ages: dict[str, int]) -> None:
        """Scan these stocks; the bars of a stock that stays listed are kept, and when any stock last signalled."""
        self.entries, self._ages = entries, ages
        for code in self._bars.keys() - entries.keys():
            del self._bars[code]
            if code in self._memory:
                self._memory[code] = replace(self._memory[code], held=None)

    def backfill(self, code: str, history: Iterable[Bar]) -> None:
        """Put recorded bars before what the ticks have built, after a restart within the session."""
        self._bars.setdefault(code, BarAggregator()).backfill(history)

    def recall_signal(self, code: str, at: datetime) -> None:
        """Restore when a stock last signalled, after a restart."""
        self._memory[code] = StockMemory(last_signal_at=at)

    async def take(self, batch: TickBatch) -> None:
        """Take one frame of ticks in and act on every bar that it completes."""
        rows: list[SignalEntry] = []
        for tick in batch.ticks:
            entry = self.entries.get(tick.stock_code)
            if entry is None:
                continue
            aggregator = self._bars.get(tick.stock_code)
            if aggregator is None:
                aggregator = self._bars[tick.stock_code] = BarAggregator()
            if aggregator.add(tick) is not None:
                rows += await self._consider(tick, entry, aggregator)
        self.last_tick_at = batch.at
        if rows:
            await self._record(rows)

    async def _consider(self, tick: Tick, entry: WatchlistEntry, aggregator: BarAggregator) -> list[SignalEntry]:
        if self._config is None or self.context is None:
            return []
        code = tick.stock_code
        memory = self._memory.get(code, StockMemory())
        view = view_of(
            aggregator,
            entry=entry,
            age_sessions=self._ages[code],
            price=tick.price,
            at=tick.at,
            regime=self.context.market_regime,
            session=self._sessions.of(tick.at),
        )
        found = scan(view, self._catalogue, memory)
        if found is None:
            return []
        outcome: Decision | Discard = (
            found if isinstance(found, Discard) else await self._decide(found, memory, self._config)
        )
        self._memory[code] = remember(memory, outcome)
        row = await self._act(outcome)
        return [] if row is None else [row]

    async def _decide(self, candidate: Candidate, memory: StockMemory, config: StrategyConfig) -> Decision:
        view = candidate.view
        facts = await self._facts.read(
            view.entry.stock_code,
            view.at,
            config,
            self.context,
            memory.last_signal_at,
            blocks_bear_regimes=self._blocks_bear_regimes,
        )
        return decide(candidate, facts)

    async def _act(self, outcome: Decision | Discard) -> SignalEntry | None:
        """Publish what is to be published and return the decision's row; a held match has none yet."""
        match outcome:
            case Hold():
                return None
            case Discard(view=view, match=match, reason=reason):
                return self._row(view, match, f"unconfirmed: {reason}")
            case Suppress(candidate=candidate, refusal=refusal):
                return self._row(candidate.view, candidate.match, str(refusal))
            case Publish(candidate=candidate, signal=signal):
                message_id = f"{self._strategy}:{signal.stock_code}:{int(signal.timestamp.timestamp() * 1000)}"
                failure = await publish_once(self._publisher, signal, message_id)
                log.info("signal", stock_code=signal.stock_code, why=candidate.match.reason, failure=failure)
                return self._row(candidate.view, candidate.match, failure, message_id, signal)

    def _row(
        self,
        view: ScanView,
        match: EntryMatch,
        suppressed: str | None,
        message_id: str | None = None,
        signal: BuySignal | None = None,
    ) -> SignalEntry:
        signal_type = match.signal_type.value
        SIGNALS.labels(self._strategy, signal_type, "published" if suppressed is None else "suppressed").inc()
        return SignalEntry(
            account=self._account,
            strategy=self._strategy,
            signal_type="BUY",
            stock_code=view.entry.stock_code,
            stock_name=view.entry.stock_name,
            strategy_signal=signal_type,
            price=view.price,
            market_regime=view.regime.value,
            status="published" if suppressed is None else "suppressed",
            reason=match.reason,
            suppressed_reason=suppressed,
            signal_at=view.at,
            created_at=view.at,
            hybrid_score=view.entry.hybrid_score,
            rsi_value=view.rsi,
            volume_ratio=view.volume_ratio,
            position_multiplier=None if signal is None else signal.position_multiplier,
            message_id=message_id,
        )

    async def _record(self, rows: list[SignalEntry]) -> None:
        """Write the rows; while the database is gone the log is the only witness, and scanning goes on."""
        try:
            await self._signals.record(rows)
        except OUTAGES as error:
            log.error("decisions not recorded", count=len(rows), error=f"{type(error).__name__}: {error}")


def reload_is_due(last_at: datetime | None, at: datetime, every_secs: float, session: Session | None) -> bool:
    """Say whether watchlist and regime are to be read again at a tick's time: by age, at each new KST day, at the open.

    `session` is the day's, None on a day without one.
    """
    if last_at is None or at - last_at >= timedelta(seconds=every_secs):
        return True
    if at.astimezone(KST).date() != last_at.astimezone(KST).date():
        return True
    return session is not None and last_at < session.opens_at <= at
