"""From ticks to sell orders: evaluates every exit rule on every tick of a held stock."""

from collections.abc import Mapping
from datetime import datetime, timedelta

import structlog

from price_monitor.watch import Watch
from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.market import Tick, TickBatch
from prime_jennie.domain.sessions import KST, Session
from prime_jennie.domain.signals import SellOrder, SellReason
from prime_jennie.domain.trading_strategy import StrategyConfig
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.database.repositories.signals import SignalEntry, SignalLog
from prime_jennie.infra.metrics import EXITS
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.redis.publish import publish_once
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from prime_jennie.strategy.exit_view import ExitDecision, ExitPolicy, ExitView, exit_policy
from prime_jennie.strategy.exits import evaluate_exit, flatten_is_due

FORCED_AGAIN_SECS = 60.0  # of tick time; following a forced sale takes 50 s at most
TOLD_AGAIN = timedelta(minutes=1)  # after an alert that did not get out

log = structlog.get_logger(__name__)


class Monitor:
    """Holds the watches; what it asks to be sold is repeated every `pending_secs` until it is booked."""

    def __init__(
        self,
        *,
        strategy: str,
        account: str,
        publisher: TypedStreamPublisher[SellOrder],
        signals: SignalLog,
        alerts: Alerts,
        pending_secs: float,
    ) -> None:
        self._strategy = strategy
        self._account = account
        self._publisher = publisher
        self._signals = signals
        self._alerts = alerts
        self._doubts_told: dict[str, datetime] = {}
        """By position, until when nobody is told again that it is not judged."""
        self._pending_secs = pending_secs
        self._policy: ExitPolicy | None = None
        self._regime = "unknown"
        self._session: Session | None = None
        self._flattens = False
        self.watches: dict[str, Watch] = {}
        self.liquidating: frozenset[str] = frozenset()
        """Stocks listed for forced liquidation while it is armed."""
        self.running = True
        self.last_tick_at: datetime | None = None

    def set_policy(
        self, config: StrategyConfig, context: TradingContext | None, session: Session | None, at: datetime
    ) -> None:
        """Judge by this configuration and regime; without a regime by the default exits."""
        self._policy = exit_policy(config.exits, context, at.astimezone(KST).date())
        self._regime = "unknown" if context is None else context.market_regime.value
        self._session = session
        self._flattens = config.session.flatten_at_close

    async def take(self, batch: TickBatch) -> None:
        """Take one frame in and ask for every sale that a rule demands."""
        for tick in batch.ticks:
            watch = self.watches.get(tick.stock_code)
            if watch is not None and self._policy is not None:
                await self._judge(watch.with_price(tick.price), tick, self._policy)
        self.last_tick_at = batch.at

    def highs(self) -> Mapping[str, tuple[str, int]]:
        """Return every position's watermark: code → (position id, KRW)."""
        return {code: (watch.row.position_id, watch.high_krw) for code, watch in self.watches.items()}

    async def _judge(self, watch: Watch, tick: Tick, policy: ExitPolicy) -> None:
        self.watches[watch.code] = watch
        is_forced = watch.code in self.liquidating
        if not is_forced and not self.running:
            return
        if watch.is_pending(tick.at) and watch.pending_forced >= is_forced:
            return  # what a person forces does not wait for an automatic sale that may have been refused
        if not is_forced and (doubt := watch.doubt(tick.base, tick.at)):
            await self._tell_doubt(watch, doubt, tick)
            return
        view = watch.view(
            tick.price,
            tick.at,
            liquidation_armed=is_forced,
            flatten_due=self._flattens and self._session is not None and flatten_is_due(self._session, tick.at),
        )
        decision = evaluate_exit(view, policy)
        if decision is not None:
            await self._ask_for_sale(watch, view, decision, tick)

    async def _tell_doubt(self, watch: Watch, doubt: str, tick: Tick) -> None:
        """Call a person to a position that no rule can judge: its price was paid for other shares than today's."""
        if tick.at < self._doubts_told.get(watch.row.position_id, tick.at):
            return
        today = tick.at.astimezone(KST).date()
        told = await self._alerts.send(
            AlertLevel.CRITICAL,
            f"{self._strategy}: {watch.row.stock_name} {watch.code} 손절을 포함한 자동 매도를 멈췄습니다",
            "매입가와 오늘 시세의 기준이 다릅니다. 액면분할·무상증자 같은 권리락으로 보입니다.\n"
            f"매입가 {watch.row.average_buy_price:,.0f}원, 현재가 {tick.price:,}원 ({doubt})\n"
            "손실인지 알 수 없어 팔지 않습니다. 증권사 앱에서 확인하고 필요하면 /sell 또는 /liquidate로 파십시오.",
            key=f"basis:{watch.row.position_id}:{today}",
        )
        self._doubts_told[watch.row.position_id] = tick.at + (timedelta(days=1) if told else TOLD_AGAIN)

    async def _ask_for_sale(self, watch: Watch, view: ExitView, decision: ExitDecision, tick: Tick) -> None:
        order = SellOrder(
            stock_code=watch.code,
            stock_name=watch.row.stock_name,
            sell_reason=decision.reason,
            current_price=tick.price,
            quantity=decision.quantity,
            timestamp=tick.at,
            buy_price=view.buy_price_krw,
            profit_pct=round(view.profit_pct, 4),
            holding_days=view.holding_days,
            position_id=watch.row.position_id,
            scale_out_level=decision.scale_out_level,
        )
        message_id = f"{watch.row.position_id}:{decision.rule}:{int(tick.at.timestamp() * 1000)}"
        failure = await publish_once(self._publisher, order, message_id)
        EXITS.labels(self._strategy, decision.reason.value, decision.rule).inc()
        log.info("exit", stock_code=watch.code, rule=decision.rule, why=decision.explanation, failure=failure)
        if failure is None:
            is_forced = decision.reason is SellReason.FORCED_LIQUIDATION
            again_secs = min(FORCED_AGAIN_SECS, self._pending_secs) if is_forced else self._pending_secs
            self.watches[watch.code] = watch.pend(tick.at, again_secs, forced=is_forced)
        await self._record(watch, view, decision, tick, message_id, failure)

    async def _record(
        self,
        watch: Watch,
        view: ExitView,
        decision: ExitDecision,
        tick: Tick,
        message_id: str,
        failure: str | None,
    ) -> None:
        row = SignalEntry(
            account=self._account,
            strategy=self._strategy,
            signal_type="SELL",
            stock_code=watch.code,
            stock_name=watch.row.stock_name,
            strategy_signal=decision.rule,
            price=tick.price,
            quantity=decision.quantity,
            market_regime=self._regime,
            status="published" if failure is None else "suppressed",
            reason=decision.explanation,
            suppressed_reason=failure,
            signal_at=tick.at,
            created_at=tick.at,
            rsi_value=view.rsi,
            profit_pct=round(view.profit_pct, 4),
            holding_days=view.holding_days,
            message_id=message_id,
        )
        try:
            await self._signals.record([row])
        except OUTAGES as error:
            log.error("exit not recorded", stock_code=watch.code, error=f"{type(error).__name__}: {error}")
