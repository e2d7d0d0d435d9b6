"""From streams to chats: fills and alerts, each message taken once."""

from datetime import timedelta
from typing import Final

import structlog

from command_handler.desk import NAME, CommandDesk
from command_handler.mute import Mute
from command_handler.outbox import Notice, Outbox
from command_handler.phrases import Phrase, joined, same
from command_handler.replies import Reply
from command_handler.words import SELL_REASONS, SIDES, SIGNALS
from prime_jennie.domain.alerts import Alert, AlertLevel
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.domain.keys import Keyspace
from prime_jennie.domain.positions import TradeNotification
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.topics import ALERTS, TRADE_NOTIFICATIONS
from prime_jennie.infra.database.repositories.inbox import SqlInbox
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.redis.streams import StreamDelivery, TypedStreamConsumer

NEWS_FOR: Final = timedelta(hours=1)
"""What is older is no news any more; a CRITICAL alert always is."""
MARKS: Final = {
    AlertLevel.INFO: "(i)",
    AlertLevel.WARNING: "(warning)",
    AlertLevel.ERROR: "(x)",
    AlertLevel.CRITICAL: "(!)",
}
log = structlog.get_logger(__name__)


class Herald:
    """Reads both streams through the inbox; a message is done when the outbox is done with it."""

    def __init__(self, desk: CommandDesk, outbox: Outbox, mute: Mute) -> None:
        self._desk = desk
        self._outbox = outbox
        self._mute = mute
        inbox = SqlInbox(desk.db, desk.clock)
        keys = Keyspace()
        self.fills = TypedStreamConsumer(
            desk.redis,
            TRADE_NOTIFICATIONS.stream_for(keys),
            TRADE_NOTIFICATIONS.group,
            NAME,
            TRADE_NOTIFICATIONS.model,
            inbox=inbox,
        )
        self.alerts = TypedStreamConsumer(
            desk.redis, ALERTS.stream_for(keys), ALERTS.group, NAME, ALERTS.model, inbox=inbox
        )

    async def tell_fills(self) -> None:
        """Tell every trade, for ever."""
        async for delivery in self.fills.deliveries():
            await self._take(delivery, fill_notice(delivery.message), self._age_of(delivery), is_critical=False)

    async def tell_alerts(self) -> None:
        """Tell every alert, for ever."""
        async for delivery in self.alerts.deliveries():
            is_critical = delivery.message.level is AlertLevel.CRITICAL
            await self._take(delivery, alert_notice(delivery.message), self._age_of(delivery), is_critical=is_critical)

    def stream_health(self) -> dict[str, DependencyHealth]:
        """Return an entry for /health while a stream is interrupted."""
        return {
            consumer.stream: DependencyHealth(status=DependencyStatus.DEGRADED, message=consumer.outage[:200])
            for consumer in (self.fills, self.alerts)
            if consumer.outage is not None
        }

    async def _take(
        self,
        delivery: StreamDelivery[TradeNotification] | StreamDelivery[Alert],
        reply: Reply,
        age: timedelta,
        *,
        is_critical: bool,
    ) -> None:
        if not is_critical:
            if age > NEWS_FOR:
                await delivery.done("stale", f"{age.total_seconds():.0f} s old")
                return
            if await self._is_muted():
                await delivery.done("muted")
                return

        async def done(outcome: str) -> None:
            await delivery.done("told", outcome)

        await self._outbox.put(Notice(delivery.message_id, reply, is_critical=is_critical, done=done))

    async def _is_muted(self) -> bool:
        try:
            return await self._mute.until(self._desk.clock.now()) is not None
        except OUTAGES:
            return False

    def _age_of(self, delivery: StreamDelivery[TradeNotification] | StreamDelivery[Alert]) -> timedelta:
        message = delivery.message
        at = message.at if isinstance(message, Alert) else message.timestamp
        return self._desk.clock.now() - at


def fill_notice(trade: TradeNotification) -> Reply:
    """Write a trade as its owner reads it."""
    side = SIDES[trade.trade_type]
    title = Phrase(f"{side.ko} 체결 ", f"Filled: {side.en} ") + same(f"{trade.stock_name} {trade.stock_code}")
    facts = Phrase(
        f"{trade.quantity:,}주 @{trade.price:,.0f} = {trade.total_amount:,}원",
        f"{trade.quantity:,} shares @{trade.price:,.0f} = {trade.total_amount:,} KRW",
    )
    why: list[Phrase] = []
    if trade.sell_reason is not None:
        why.append(SELL_REASONS[trade.sell_reason])
    if trade.signal_type is not None:
        why.append(SIGNALS[trade.signal_type])
    if trade.trade_tier is not None:
        why.append(same(trade.trade_tier.value))
    if trade.hybrid_score is not None:
        why.append(Phrase(f"점수 {trade.hybrid_score:.0f}", f"score {trade.hybrid_score:.0f}"))
    if trade.profit_pct is not None:
        why.append(Phrase(f"수익률 {trade.profit_pct:+.2f}%", f"{trade.profit_pct:+.2f}%"))
    if trade.holding_days is not None:
        why.append(Phrase(f"{trade.holding_days}일 보유", f"held {trade.holding_days} days"))
    when = same(f"{trade.timestamp.astimezone(KST):%H:%M:%S}")
    return Reply(title, (facts, joined([*why, when], " · ")))


def alert_notice(alert: Alert) -> Reply:
    """Write an alert; its text is Korean, as its author wrote it."""
    source = " · ".join(part for part in (alert.strategy, alert.service) if part)
    lines = [same(line) for line in alert.text.splitlines() if line.strip()]
    foot = same(f"{source} · {alert.at.astimezone(KST):%m-%d %H:%M:%S}")
    return Reply(same(f"{MARKS[alert.level]} {alert.title}"), (*lines, foot))
