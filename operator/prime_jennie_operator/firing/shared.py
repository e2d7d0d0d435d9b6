"""What the reconcilers of schedules and of backfills know together."""

from __future__ import annotations

from collections import defaultdict

from prime_jennie.domain.slots import Slot
from prime_jennie.infra.clock import RealClock
from prime_jennie_operator.dependencies import Dependencies
from prime_jennie_operator.desired.platform import SERVICES
from prime_jennie_operator.firing.book import ScheduleBook
from prime_jennie_operator.firing.decided import ScheduleKey, key_of
from prime_jennie_operator.firing.desk import sessions_of
from prime_jennie_operator.firing.desks import Desks
from prime_jennie_operator.firing.jobs import JobRefused
from prime_jennie_operator.kube.kinds import BACKFILL, SCHEDULE
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.work import Key


class Shared:
    """One an operator."""

    def __init__(self, deps: Dependencies) -> None:
        self.deps = deps
        self.wall = RealClock()
        """Conditions and events are told in the cluster's time, also in a virtual day."""
        self.sessions = sessions_of(deps)
        self.book = ScheduleBook(deps.specs, self.sessions, SERVICES, self._look_at_neighbours)
        self.desks = Desks(deps, self.book, tell=self._hear, due=self.look_at, trouble=self._note_trouble)
        self.troubles: dict[ScheduleKey, JobRefused] = {}
        """What keeps a schedule's Jobs from being made."""
        self._ended: dict[ScheduleKey, list[Slot]] = defaultdict(list)
        self._filled: dict[Key, ScheduleKey] = {}
        """Of each backfill the schedule whose slots it fills."""
        deps.specs.on_change(BACKFILL.name, self._note_backfill)

    def look_at(self, schedule: ScheduleKey) -> None:
        """Have a schedule reconciled."""
        self.deps.queue.add(Key(SCHEDULE.name, *schedule))

    def look_at_backfills(self, schedule: ScheduleKey) -> None:
        """Have those looked at that fill a schedule's slots: its Jobs are theirs, too."""
        for key, filled in self._filled.items():
            if filled == schedule:
                self.deps.queue.add(key)

    def take_ended(self, schedule: ScheduleKey) -> list[Slot]:
        """Hand over the slots that have ended since the last time."""
        return self._ended.pop(schedule, [])

    async def close(self) -> None:
        await self.desks.close()

    def _hear(self, slot: Slot) -> None:
        key = slot.namespace, slot.schedule
        self._ended[key].append(slot)
        self.look_at(key)

    def _note_trouble(self, schedule: ScheduleKey, refusal: JobRefused | None) -> None:
        before = self.troubles.pop(schedule, None)
        if refusal is not None:
            self.troubles[schedule] = refusal
        if str(before) != str(refusal):
            self.look_at(schedule)

    def _note_backfill(self, key: Key, manifest: Manifest | None) -> None:
        if manifest is None:
            self._filled.pop(key, None)
        else:
            self._filled[key] = key.namespace, str(manifest["spec"].get("schedule"))

    def _look_at_neighbours(self, schedule: ScheduleKey) -> None:
        """Have the namespace's other schedules judged anew: they may wait for this one, or have its name."""
        if self.deps.leadership.is_leader:
            for one in self.book.of(schedule[0]):
                self.look_at(key_of(one))
            self.look_at_backfills(schedule)
