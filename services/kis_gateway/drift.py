"""Know which positions are not what broker and fills say: after every recovery, and now and then in a running day."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final

import structlog

from kis_gateway.guard import BuyGuard
from kis_gateway.position_sync import PositionSync
from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.ports import Clock
from prime_jennie.infra.alerts import Alerts

log = structlog.get_logger(__name__)

COMPARE_EVERY: Final = timedelta(minutes=10)
CONFIRM_AFTER: Final = timedelta(seconds=30)
"""A second look decides: an execution may be on its way to the books."""

Drift = Mapping[str, tuple[str, ...]]
"""Strategy → stocks."""


class DriftWatch:
    """Tells the guard, and a person once."""

    def __init__(self, positions: PositionSync, guard: BuyGuard, alerts: Alerts, clock: Clock) -> None:
        self._positions = positions
        self._guard = guard
        self._alerts = alerts
        self._clock = clock
        self._seen: Drift = {}
        self._due_at: datetime | None = None

    async def know(self, drift: Drift) -> None:
        """Take a comparison as the truth."""
        is_news = bool(drift) and drift != self._guard.drift
        self._guard.drift = self._seen = drift
        self._due_at = self._clock.now() + COMPARE_EVERY
        if is_news:
            await self._tell(drift)

    async def look_when_due(self) -> None:
        """Compare every ten minutes, and half a minute later where something has changed; then it counts."""
        now = self._clock.now()
        if self._due_at is not None and now < self._due_at:
            return
        self._due_at = now + CONFIRM_AFTER
        drift = (await self._positions.look()).drift
        if all(self._seen.get(strategy) == codes for strategy, codes in drift.items()):
            await self.know(drift)
        else:
            self._seen = drift

    async def _tell(self, drift: Drift) -> None:
        listed = "\n".join(f"{strategy}: {', '.join(codes)}" for strategy, codes in drift.items())
        log.error("positions are not what broker and fills say", drift=listed)
        await self._alerts.send(
            AlertLevel.ERROR,
            "보유 수량이 증권사와 다릅니다: 해당 전략의 매수를 멈춥니다",
            f"{listed}\n다른 곳에서 판 주식이면 position-sync로 장부를 맞추십시오. 보호 매도는 계속됩니다.",
            key=f"position-drift:{self._clock.now().isoformat()}",
        )
