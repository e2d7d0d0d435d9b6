"""Write down what the strategy works by: one row a configuration and trading day."""

import asyncio
from datetime import date
from typing import Final

from prime_jennie.domain.sessions import KST
from prime_jennie.infra.database.repositories.strategies import StrategyRepository
from prime_jennie.infra.desk import Desk

LOOK_SECS: Final = 5.0  # real


class ParameterLog:
    """Follows the live configuration of one strategy; what was written once is not written again."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._strategies = StrategyRepository(desk.db)
        self._written: tuple[date, int] | None = None

    async def run(self) -> None:
        """Follow for ever; raises the outage that interrupts it."""
        while True:
            await self.note()
            await asyncio.sleep(LOOK_SECS)

    async def note(self) -> None:
        """Write the configuration in force, once a generation and trading day."""
        now, live = self._desk.clock.now(), self._desk.config.current
        day = now.astimezone(KST).date()
        if self._desk.sessions.of(now) is None or self._written == (day, live.generation):
            return
        await self._strategies.acknowledged(
            self._desk.account.account_no,
            self._desk.strategy,
            day=day,
            version=live.generation,
            params=live.spec.model_dump(mode="json", by_alias=True),
            by=self._desk.service,
            at=now,
        )
        self._written = (day, live.generation)
