"""Know the strategy's halt, for decisions and for /health."""

import asyncio
from typing import Final

from prime_jennie.domain.risk import HaltState
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.redis.live_config import LiveConfigSource

POLL_SECS: Final = 2.0  # real


class Emergency:
    """The effective halt of all sources; `last` is what was read last."""

    def __init__(self, halts: HaltDesk, strategy: str, config: LiveConfigSource) -> None:
        self._halts = halts
        self._strategy = strategy
        self._config = config
        self.last = HaltState.ACTIVE

    @property
    def is_stopped(self) -> bool:
        """Tell whether nothing automatic may trade."""
        return self.last is HaltState.STOPPED

    async def state(self) -> HaltState | None:
        """Read the halt; None when a store does not answer."""
        try:
            self.last = await self._halts.effective(self._strategy, self._config.current.spec.trading)
        except OUTAGES:
            return None
        return self.last

    async def forbids_buys(self) -> bool:
        """Tell whether working buys must be cancelled; what cannot be read cancels nothing that was allowed."""
        state = await self.state()
        return state is not None and not state.allows_buys

    async def watch(self) -> None:
        """Keep `last` fresh, for ever."""
        while True:
            await self.state()
            await asyncio.sleep(POLL_SECS)
