"""The risk engine: once a limit is reached, buys are paused until the session's day is over (design §7).

Its halts are its own: a person's /resume does not lift them, and it lifts nobody else's. They end with the first look
on the next session's day, for then the loss they stand for is over.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from kis_gateway.day_results import DayMeter, DayResults
from kis_gateway.market_day import MarketDay
from kis_gateway.ownership import Ownership
from kis_gateway.standing import Standings
from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.risk import WHOLE_ACCOUNT, Halt, HaltSource, HaltState
from prime_jennie.domain.sessions import KST, SessionTable
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.database.repositories.orders import OrderRepository
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.outages import Outages
from prime_jennie.strategy.day_loss import UnknownLoss, breach_of

WHO: Final = "risk-engine"
LOOK_SECS: Final = 60.0  # of the clock
NOT_READY_SECS: Final = 0.5  # real
STRATEGY_SETTING: Final = "risk.dailyLossLimitPct"
ACCOUNT_SETTING: Final = "the account's daily loss limit"
LOOP: Final = "daily-loss"

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Limit:
    """A loss limit of one strategy or of the whole account."""

    strategy: str
    pct: float
    setting: str
    capital_krw: int | None = None

    def loss_pct(self, day: DayResults) -> float | UnknownLoss:
        """Return what this limit bounds."""
        if self.strategy == WHOLE_ACCOUNT:
            return day.account_loss_pct()
        return day.loss_pct(self.strategy, self.capital_krw)


class RiskEngine:
    """Measures each minute of the clock while the exchange is open, and before each buy."""

    def __init__(
        self,
        *,
        account: str,
        account_limit_pct: float | None,
        meter: DayMeter,
        halts: HaltDesk,
        standings: Standings,
        orders: OrderRepository,
        market: MarketDay,
        sessions: SessionTable,
        ownership: Ownership,
        alerts: Alerts,
        outages: Outages,
        clock: Clock,
    ) -> None:
        self._account = account
        self._account_limit_pct = account_limit_pct
        self._meter = meter
        self._halts = halts
        self._standings = standings
        self._orders = orders
        self._market = market
        self._sessions = sessions
        self._ownership = ownership
        self._alerts = alerts
        self._outages = outages
        self._clock = clock
        self._told: set[str] = set()
        self.losses: dict[str, dict[str, object]] = {}
        """What was measured last: strategy ("" the account) → loss and limit in percent, and when."""
        self.unknown: dict[str, str] = {}
        """Whose loss could not be measured last, and why: their buys are refused."""

    async def run(self) -> None:
        """Look for ever; raises the outage that interrupts it."""
        while True:
            if not self._ownership.is_ready:
                await asyncio.sleep(NOT_READY_SECS)
                continue
            await self.look()
            await self._clock.sleep(LOOK_SECS)

    async def look(self) -> None:
        """Lift what has ended; while the exchange is open measure every limit and count the minute's orders."""
        now = self._clock.now()
        strategies = await self._standings.all()
        await self._lift_ended(now, [WHOLE_ACCOUNT, *strategies])
        if not self._market.phase().is_open:
            self._outages.end(LOOP)  # nobody asks any more today
            self.unknown.clear()
            return
        for name, live in strategies.items():
            await self._count_orders(name, live, now)
        limits = [*self._account_limit(), *(limit for name, live in strategies.items() for limit in _limit(name, live))]
        for scope in self.unknown.keys() - {limit.strategy for limit in limits}:
            del self.unknown[scope]  # its limit is lifted, or its strategy gone
        if limits:
            await self._judge(limits, await self._meter.read())
        else:
            self._outages.end(LOOP)

    async def refuses_buy(self, strategy: str, live: LiveConfig | None) -> str | None:
        """Return why a strategy may not buy: a limit that is reached, or a loss that nobody can tell."""
        limits = [*self._account_limit(), *(_limit(strategy, live) if live is not None else ())]
        if not limits:
            return None
        for why in await self._judge(limits, await self._meter.read()):
            return why
        return None

    async def pause(self, strategy: str, why: str, *, event: str) -> None:
        """Pause buys for the rest of the session's day and tell a person, once an event."""
        in_force = await self._halts.recorded(strategy)
        if any(halt.strategy == strategy and halt.source is HaltSource.RISK for halt in in_force):
            return
        now = self._clock.now()
        await self._halts.set(strategy, Halt(state=HaltState.PAUSED, source=HaltSource.RISK, who=WHO, why=why, at=now))
        day = now.astimezone(KST).date()
        await self._alerts.send(
            AlertLevel.CRITICAL,
            f"{strategy or '계좌 전체'}: 위험 한도에 도달해 오늘 매수를 멈춥니다",
            f"{why}\n자동 매도와 손절은 계속됩니다. 다음 거래일에 자동으로 풀립니다.",
            key=f"{event}:{strategy}:{day}",
            strategy=strategy or None,
        )

    async def _judge(self, limits: list[Limit], day: DayResults) -> list[str]:
        """Pause where a limit is reached and return the reasons, those of unknown losses among them."""
        reasons = []
        for limit in limits:
            loss = limit.loss_pct(day)
            if isinstance(loss, UnknownLoss):
                untold = f"{limit.setting} cannot be checked: {loss.reason}"
                self.unknown[limit.strategy] = untold
                await self._tell_unknown(limit, loss)
                reasons.append(f"LOSS_UNKNOWN: {untold}")
                continue
            self.unknown.pop(limit.strategy, None)
            self.losses[limit.strategy] = {
                "loss_pct": round(loss, 4),
                "limit_pct": limit.pct,
                "at": self._clock.now().isoformat(),
            }
            if why := breach_of(loss, limit.pct, limit.setting):
                reasons.append(f"HALTED: {why}")
                await self.pause(limit.strategy, why, event="daily-loss")
        if self.unknown:
            told = "; ".join(f"{strategy or 'account'}: {why}" for strategy, why in sorted(self.unknown.items()))
            self._outages.begin(LOOP, Unavailable(told))
        else:
            self._outages.end(LOOP)
        return reasons

    async def _tell_unknown(self, limit: Limit, loss: UnknownLoss) -> None:
        event = f"loss-unknown:{limit.strategy}:{self._clock.now().astimezone(KST).date()}"
        if event in self._told:
            return
        told = await self._alerts.send(
            AlertLevel.ERROR,
            f"{limit.strategy or '계좌 전체'}: 오늘의 손실을 계산할 수 없어 매수를 거절합니다",
            f"{loss.reason}\n값이 다시 확인되면 매수가 이어집니다. 매도는 계속됩니다.",
            key=event,
            strategy=limit.strategy or None,
        )
        if told:
            self._told.add(event)

    async def _count_orders(self, strategy: str, live: LiveConfig, now: datetime) -> None:
        most = live.spec.risk.max_orders_per_minute
        lately = await self._orders.count_sent(self._account, strategy, now - timedelta(seconds=LOOK_SECS))
        if lately > most:
            await self.pause(strategy, too_many(lately, most), event="orders-a-minute")

    async def _lift_ended(self, now: datetime, scopes: list[str]) -> None:
        today = now.astimezone(KST).date()
        if self._sessions.of(now) is None:
            return
        for scope in scopes:
            for halt in await self._halts.recorded(scope):
                ended = halt.at is not None and halt.at.astimezone(KST).date() < today
                if halt.strategy == scope and halt.source is HaltSource.RISK and ended:
                    await self._halts.lift(scope, HaltSource.RISK)
                    log.info("an earlier day's pause of the risk engine is over", strategy=scope, why=halt.why)

    def _account_limit(self) -> list[Limit]:
        if self._account_limit_pct is None:
            return []
        return [Limit(WHOLE_ACCOUNT, self._account_limit_pct, ACCOUNT_SETTING)]


def too_many(lately: int, most: int) -> str:
    """Say that a strategy orders faster than it may."""
    return f"{lately} orders in the last minute, risk.maxOrdersPerMinute is {most}"


def _limit(strategy: str, live: LiveConfig) -> list[Limit]:
    pct = live.spec.risk.daily_loss_limit_pct
    return [] if pct is None else [Limit(strategy, pct, STRATEGY_SETTING, live.spec.capital_krw)]
