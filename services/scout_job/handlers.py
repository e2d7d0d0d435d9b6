"""When the regime is written: at the start, every half hour until the close, and when somebody asks."""

import asyncio
from datetime import datetime, timedelta
from typing import Literal

import structlog

from prime_jennie.domain.ports import Clock
from prime_jennie.domain.sessions import KST, SessionTable
from prime_jennie.infra.outages import OUTAGES
from scout_job.regime import RegimeWriter

RETRY_SECS = 60.0
LEAD = timedelta(minutes=90)  # how long before the open the regime is first written
LONGEST_NAP_SECS = 600.0

log = structlog.get_logger(__name__)


class ScoutRun:
    """One scout-job: its schedule and what it is doing right now."""

    def __init__(self, clock: Clock, sessions: SessionTable, writer: RegimeWriter, *, refresh_minutes: float) -> None:
        self._clock = clock
        self._sessions = sessions
        self._writer = writer
        self._refresh_secs = refresh_minutes * 60
        self._asked = asyncio.Event()
        self._phase: Literal["selection", "idle"] = "idle"
        self._completed_at: datetime | None = None
        self.ready = False

    def trigger(self, source: str) -> str:
        """Ask for a run now and return its name, by the KST minute."""
        now = self._clock.now().astimezone(KST)
        log.info("run asked for", source=source)
        self._asked.set()
        return f"scout-{now:%Y%m%d-%H%M}"

    def status(self) -> dict[str, object]:
        """Return the seeds' /status, and the regime with its source."""
        context = self._writer.current
        return {
            "current_phase": self._phase,
            "progress_pct": 0 if self._phase == "idle" else 50,
            "last_completed_at": None if self._completed_at is None else self._completed_at.isoformat(),
            "market_regime": None if context is None else context.market_regime.value,
            "regime_source": None if context is None else context.regime_source,
        }

    async def follow(self) -> None:
        """Refresh for ever; raises the outage that interrupts it."""
        while True:
            wait_secs = await self._refresh_when_due()
            self.ready = True
            await self._nap(wait_secs)

    async def _refresh_when_due(self) -> float:
        """Refresh if the time is right and return the clock seconds until the next look."""
        now = self._clock.now()
        asked = self._asked.is_set()
        if not asked and not self._is_due(now):
            return LONGEST_NAP_SECS
        self._asked.clear()  # before the run: who asks during it gets another one
        self._phase = "selection"
        try:
            async with self._clock.hold("scout-job:regime"):
                context = await self._writer.refresh(now)
        except OUTAGES:
            if asked:
                self._asked.set()
            raise
        finally:
            self._phase = "idle"
        if context is None:
            return RETRY_SECS
        self._completed_at = self._clock.now()
        return self._refresh_secs

    def _is_due(self, now: datetime) -> bool:
        session = self._sessions.of(now)
        return session is not None and session.opens_at - LEAD <= now < session.closes_at

    async def _nap(self, secs: float) -> None:
        """Sleep on the clock, or until somebody asks."""
        napping = asyncio.ensure_future(self._clock.sleep(secs))
        asking = asyncio.ensure_future(self._asked.wait())
        try:
            await asyncio.wait({napping, asking}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            napping.cancel()
            asking.cancel()
