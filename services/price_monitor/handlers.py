"""The monitor's loop: positions first, then ticks; refreshes by tick time."""

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from datetime import datetime, timedelta

from price_monitor.monitor import Monitor
from price_monitor.refresh import Refresh
from prime_jennie.domain.market import TickBatch
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.redis.ticks import TickReader

RETRY_SECS = 10.0  # of tick time, after a refresh that met an outage


class Due:
    """Work that is done every so many seconds of tick time, sooner after an outage."""

    def __init__(self, name: str, every_secs: float, work: Callable[[datetime], Awaitable[None]], desk: Desk) -> None:
        self._name = name
        self._every = timedelta(seconds=every_secs)
        self._work = work
        self._desk = desk
        self.next_at: datetime | None = None

    async def run(self, at: datetime) -> None:
        """Do the work if its time has come; an outage is noted and the work asked again soon, for ticks do not wait."""
        if self.next_at is not None and at < self.next_at:
            return
        self.next_at = at + self._every  # before the work: whoever clears it meanwhile is heard
        try:
            await self._work(at)
        except OUTAGES as error:
            self._desk.outages.begin(self._name, error)
            if self.next_at is not None:
                self.next_at = at + min(self._every, timedelta(seconds=RETRY_SECS))
        else:
            self._desk.outages.end(self._name)


class MonitorLoop:
    """Start-up and recovery are one path: read positions and indicators, follow the ticks."""

    def __init__(
        self,
        desk: Desk,
        monitor: Monitor,
        refresh: Refresh,
        ticks: TickReader,
        *,
        refresh_secs: float,
        positions_secs: float,
    ) -> None:
        self.monitor = monitor
        self.ready = False
        self.ticks = ticks
        self._desk = desk
        self._refresh = refresh
        self._positions = Due("positions", positions_secs, refresh.positions, desk)
        self._readings = Due("readings", positions_secs, refresh.readings, desk)
        self._everything = Due("indicators", refresh_secs, refresh.everything, desk)
        self._policy = Due("policy", refresh_secs, refresh.policy, desk)
        desk.config.listeners.append(self._on_config)

    async def run(self) -> None:
        """Watch until an outage at the start interrupts; ticks themselves survive outages.

        Without positions there is nothing to watch. Indicators may come later: the stops that need none must not wait.
        """
        now = self._desk.clock.now()
        await self._refresh.positions(now)
        await self._policy.run(now)
        await self._everything.run(now)
        self.ready = True
        async with aclosing(self.ticks.batches()) as batches:
            async for batch in batches:
                await self._take(batch)

    async def mind_silence(self, longest_secs: float) -> None:
        """Ask for the ticks of all positions again while the session is silent: a stop without ticks is none."""
        await self._refresh.ask_in_silence(lambda: self.ticks.silent_secs, longest_secs)

    async def _take(self, batch: TickBatch) -> None:
        await self._positions.run(batch.at)
        await self._policy.run(batch.at)
        await self._readings.run(batch.at)
        await self._everything.run(batch.at)
        await self.monitor.take(batch)

    def _on_config(self, _live: LiveConfig) -> None:
        self._policy.next_at = None
