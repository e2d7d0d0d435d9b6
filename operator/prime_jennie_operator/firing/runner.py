"""Fire the slots of ScoutSchedules on a clock, real or virtual, for as long as this process is the one to do it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import Final

import structlog

from prime_jennie.domain.errors import BadInput
from prime_jennie.infra.outages import OUTAGES, Backoff
from prime_jennie_operator.firing.decided import ScheduleKey
from prime_jennie_operator.firing.turns import SlotTurns
from prime_jennie_operator.resources import ScoutSchedule

log = structlog.get_logger(__name__)

WAITED_FOR: Final[tuple[type[Exception], ...]] = (BadInput, *OUTAGES)
"""Outages, and closed days that cannot be read: who knows no calendar decides about no slot."""


class ScheduleRunner:
    """Keeps every slot of the schedules in force: one row and one outcome each, whatever stops in between.

    `complain` hears, once, what interrupts it.
    """

    def __init__(
        self, schedules: Sequence[ScoutSchedule], complain: Callable[[str], None], paused: Collection[ScheduleKey] = ()
    ) -> None:
        self._schedules = list(schedules)
        self._paused = frozenset(paused)
        self._complain = complain
        self._changed = asyncio.Event()
        self._next: tuple[list[ScoutSchedule], frozenset[ScheduleKey]] | None = None
        self._begun = asyncio.Event()

    def follow(self, schedules: Sequence[ScoutSchedule], paused: Collection[ScheduleKey] = ()) -> None:
        """Take schedules that may have changed; what was due until now is decided by the old ones."""
        told = (list(schedules), frozenset(paused))
        if told != (self._next or (self._schedules, self._paused)):
            self._next = told
            self._changed.set()

    async def until_begun(self, within_secs: float) -> None:
        """Wait until every schedule has been looked at once; not for ever, as the database may be away."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._begun.wait(), within_secs)

    async def fire(self, turns: SlotTurns) -> None:
        """Take turn after turn until cancelled; what interrupts one is told, and it is taken again."""
        backoff, complaint = Backoff(), ""
        while True:
            try:
                next_at = await turns.turn(self._schedules, self._paused)
            except WAITED_FOR as error:
                if complaint != (complaint := f"waiting: {type(error).__name__}: {error}"):
                    self._complain(complaint)
                await backoff.pause()
                continue
            except Exception as error:  # schedules that stand still in silence would be worse than a loud loop
                log.exception("schedules could not be looked at")
                self._complain(f"failed on a bug, trying again: {type(error).__name__}: {error}")
                await asyncio.sleep(Backoff.LONGEST_SECS)
                continue
            backoff.reset()
            complaint = ""
            self._begun.set()
            if self._next is not None:
                (self._schedules, self._paused), self._next = self._next, None
            else:
                await turns.until(next_at, self._changed)
                self._changed.clear()
