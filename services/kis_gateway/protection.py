"""Tell a person while nothing sells what is held: no prices come, or who acts on them is away.

Exits are asked for by price-monitor, tick by tick, and sold by sell-executor: without any of the three a stop is dead,
and nothing else in the house would say so.
"""

import time
from collections import Counter
from datetime import datetime, timedelta
from typing import Final

from kis_gateway.guard import BuyGuard
from kis_gateway.market_day import MarketDay
from kis_gateway.ownership import Ownership
from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.lifecycle import BlockCode
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.sessions import KST, SessionPhase
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.workers import Worker, WorkerRepository
from prime_jennie.infra.heartbeat import EXITING

LOOK_SECS: Final = 5.0  # real
SURE_AFTER_SECS: Final = 30.0  # real; a start or a restart is no news
REMIND_AFTER: Final = timedelta(minutes=30)
QUIET_FOR: Final = timedelta(minutes=5)  # a session that stands may belong to stocks that nobody trades
CALM_FOR: Final = timedelta(minutes=5)  # what comes and goes is one trouble, not many
QUOTES: Final = "시세가 끊겨"
PRICE_MONITOR: Final = "price-monitor"
SELL_EXECUTOR: Final = "sell-executor"

Gaps = dict[str, str]
"""What is missing, as a title says it → since when and why."""


class Protection:
    """Works for the owner of the account only, while the exchange is open; what was told is forgotten at the close."""

    def __init__(
        self,
        *,
        account: str,
        db: Database,
        guard: BuyGuard,
        alerts: Alerts,
        ownership: Ownership,
        market: MarketDay,
        clock: Clock,
    ) -> None:
        self._account = account
        self._positions = PositionRepository(db)
        self._workers = WorkerRepository(db)
        self._guard = guard
        self._alerts = alerts
        self._ownership = ownership
        self._market = market
        self._clock = clock
        self._no_quotes: str | None = None
        self._silent_since: datetime | None = None
        self._since: dict[str, float] = {}
        self._told: dict[str, tuple[datetime, frozenset[str]]] = {}
        self._calm_since: dict[str, datetime] = {}

    async def run(self) -> None:
        """Look for ever; raises the outage that interrupts it."""
        await self._ownership.work(self.look, LOOK_SECS)

    async def look(self) -> None:
        """Alert where positions have lost their exits, again every half hour and when more is missing; and the end."""
        phase = self._market.phase()
        if not phase.is_open:
            self._no_quotes = self._silent_since = None
            for known in (self._since, self._told, self._calm_since):
                known.clear()
            return
        if phase is SessionPhase.REGULAR:  # in an auction nobody trades: what was known of quotes stands
            self._no_quotes = self._lost_quotes()
        held = Counter(row.strategy for row in await self._positions.open_positions(self._account))
        newest = await self._newest_workers()
        for strategy in self._told.keys() - held.keys():
            del self._told[strategy]
            self._calm_since.pop(strategy, None)
        self._since = {strategy: since for strategy, since in self._since.items() if strategy in held}
        for strategy, positions in held.items():
            await self._judge(strategy, positions, self._gaps(strategy, newest))

    def _lost_quotes(self) -> str | None:
        """Say what is lost: a broken session's silence at once, a standing one's when it lasts."""
        why = next((block.why for block in self._guard.blocks() if block.code is BlockCode.QUOTES_STALE), None)
        now = self._clock.now()
        if why is None:
            self._silent_since = None
            return None
        self._silent_since = self._silent_since or now
        return None if self._guard.is_listening and now - self._silent_since < QUIET_FOR else why

    async def _newest_workers(self) -> dict[tuple[str, str], Worker]:
        workers = sorted(await self._workers.all(), key=lambda one: one.last_heartbeat_at)
        return {(worker.service, worker.strategy): worker for worker in workers}

    def _gaps(self, strategy: str, newest: dict[tuple[str, str], Worker]) -> Gaps:
        gaps: Gaps = {}
        if self._no_quotes is not None:
            gaps[QUOTES] = self._no_quotes
        for service in (PRICE_MONITOR, SELL_EXECUTOR):
            worker = newest.get((service, strategy))
            if worker is None:
                gaps[_away(service)] = f"{service}: 소식이 한 번도 없었습니다"
            elif worker.is_stale or worker.status == EXITING:
                since = worker.last_heartbeat_at.astimezone(KST)
                gaps[_away(service)] = f"{service}: {since:%m-%d %H:%M}부터 소식이 없습니다"
        return gaps

    async def _judge(self, strategy: str, positions: int, gaps: Gaps) -> None:
        now = self._clock.now()
        if not gaps:
            self._since.pop(strategy, None)
            if strategy not in self._told or now - self._calm_since.setdefault(strategy, now) < CALM_FOR:
                return
            if await self._tell_end(strategy, positions):
                del self._told[strategy], self._calm_since[strategy]
            return
        self._calm_since.pop(strategy, None)
        real = time.monotonic()
        if real - self._since.setdefault(strategy, real) < SURE_AFTER_SECS:
            return
        told_at, told = self._told.get(strategy, (now, frozenset()))
        is_due = gaps.keys() - told or now - told_at >= REMIND_AFTER
        if is_due and await self._tell(strategy, positions, gaps):
            self._told[strategy] = (now, told | gaps.keys())

    async def _tell(self, strategy: str, positions: int, gaps: Gaps) -> bool:
        if _away(SELL_EXECUTOR) in gaps:
            way_out = "수동 매도(/sell)도 나가지 않습니다. 증권사에서 직접 파십시오."
        else:
            way_out = "직접 지켜보십시오. 수동 매도(/sell)는 됩니다."
        causes = "\n".join(gaps.values())
        return await self._alerts.send(
            AlertLevel.CRITICAL,
            f"{strategy}: {next(iter(gaps))} 손절이 나가지 않습니다 (보유 {positions}종목)",
            f"자동 매도가 모두 멈췄습니다. {way_out}\n{causes}",
            key=f"unprotected:{strategy}:{self._clock.now().isoformat()}",
            strategy=strategy,
        )

    async def _tell_end(self, strategy: str, positions: int) -> bool:
        return await self._alerts.send(
            AlertLevel.INFO,
            f"{strategy}: 손절 감시가 다시 작동합니다 (보유 {positions}종목)",
            "시세, price-monitor, sell-executor가 모두 돌아왔습니다.",
            key=f"protected-again:{strategy}:{self._clock.now().isoformat()}",
            strategy=strategy,
        )


def _away(service: str) -> str:
    return f"{service}의 소식이 끊겨"
