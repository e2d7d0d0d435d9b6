"""Keep the live keys alive: from before the open until the close, every half hour, whatever the scouting runs do."""

from datetime import datetime, timedelta
from typing import Final

import structlog

from prime_jennie.domain.ports import Clock
from prime_jennie.domain.sessions import KST, SessionTable
from scout_job.live import LiveLists
from scout_job.regime import RegimeDesk

RETRY_SECS: Final = 60.0
LEAD: Final = timedelta(minutes=90)  # how long before the open the regime is first written
LONGEST_NAP_SECS: Final = 600.0

log = structlog.get_logger(__name__)


class RefreshLoop:
    """Writes `regime:current` before its hour is over, and lists that an emptied Redis has lost."""

    def __init__(
        self, clock: Clock, sessions: SessionTable, regime: RegimeDesk, lists: LiveLists, *, refresh_minutes: float
    ) -> None:
        self._clock = clock
        self._sessions = sessions
        self._regime = regime
        self._lists = lists
        self._refresh_secs = refresh_minutes * 60
        self.ready = False

    async def follow(self) -> None:
        """Refresh for ever; raises the outage that interrupts it."""
        while True:
            wait_secs = await self._refresh_when_due()
            self.ready = True
            await self._clock.sleep(wait_secs)

    async def _refresh_when_due(self) -> float:
        """Refresh if the time is right and return the clock seconds until the next look."""
        now = self._clock.now()
        if not self._is_due(now):
            return LONGEST_NAP_SECS
        day = now.astimezone(KST).date()
        async with self._clock.hold("scout-job:regime"):
            context = await self._regime.publish(day)
            await self._lists.restore(day)
        if context is None:
            return RETRY_SECS
        log.info("regime", regime=context.market_regime.value, source=context.regime_source)
        return self._refresh_secs

    def _is_due(self, now: datetime) -> bool:
        session = self._sessions.of(now)
        return session is not None and session.opens_at - LEAD <= now < session.closes_at
