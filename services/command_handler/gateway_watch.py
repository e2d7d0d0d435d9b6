"""Whether the gateway answers: it watches over everybody's protection, and nobody else over it."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.ports import Clock, Gateway
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.outages import UNANSWERED

LOOK_SECS: Final = 10.0  # real, as an outage does not follow a virtual clock
PATIENCE_SECS: Final = 60.0  # while the exchange is open; a restart takes less
CLOSED_PATIENCE_SECS: Final = 600.0  # a roll after the close may take minutes, one that does not start must be known


class GatewayWatch:
    """Calls a person once when the gateway has been silent for too long, and once when it is back."""

    def __init__(
        self,
        gateway: Gateway,
        alerts: Alerts,
        clock: Clock,
        sessions: SessionTable,
        *,
        now_secs: Callable[[], float] = time.monotonic,
    ) -> None:
        self._gateway = gateway
        self._alerts = alerts
        self._clock = clock
        self._sessions = sessions
        self._now_secs = now_secs
        self._silent_since: float | None = None
        self._told = False
        self._key = ""
        """Of this silence's alerts: what was perhaps told is not told twice."""

    async def watch(self) -> None:
        """Ask for ever."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECS)

    async def look(self) -> None:
        """Ask the gateway who it is."""
        asked_at = self._now_secs()
        try:
            await self._gateway.info()
        except UNANSWERED as error:  # a refused token, too: perhaps everybody's is
            await self._missed(asked_at, f"{type(error).__name__}: {error}")
        else:
            await self._answered()

    async def _missed(self, asked_at: float, why: str) -> None:
        if self._silent_since is None:
            self._silent_since, self._key = asked_at, f"gateway-silent:{self._clock.now().isoformat()}"
        silent_secs = self._now_secs() - self._silent_since
        if self._told or silent_secs < (PATIENCE_SECS if self._is_open() else CLOSED_PATIENCE_SECS):
            return
        self._told = await self._alerts.send(
            AlertLevel.CRITICAL,
            f"게이트웨이가 {silent_secs:.0f}초째 응답하지 않습니다",
            f"매수도 손절도 나가지 않습니다. 증권사 앱에서 보유 종목을 직접 지켜보십시오.\n{why}",
            key=self._key,
        )

    async def _answered(self) -> None:
        if self._told and self._silent_since is not None:
            silent_secs = self._now_secs() - self._silent_since
            if not await self._alerts.send(
                AlertLevel.WARNING,
                "게이트웨이가 다시 응답합니다",
                f"{silent_secs:.0f}초 동안 응답이 없었습니다.",
                key=f"{self._key}:back",
            ):
                return
        self._silent_since, self._told = None, False

    def _is_open(self) -> bool:
        now = self._clock.now()
        session = self._sessions.of(now)
        return session is not None and session.phase_at(now).is_open
