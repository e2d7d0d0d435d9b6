"""Every ScoutSchedule as it was told last: read, and judged beside the others."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.sessions import SessionTable
from prime_jennie_operator.firing.decided import ScheduleKey
from prime_jennie_operator.kube.kinds import SCHEDULE
from prime_jennie_operator.loading import load_object
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.marks import PAUSE_RECONCILIATION, is_set
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.calendars import CALENDARS, Sessions
from prime_jennie_operator.schedule.faults import Fault, faults_of
from prime_jennie_operator.specs import Specs
from prime_jennie_operator.work import Key

_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_SAID_BY_PEOPLE: Final = ("uid", "generation", "labels", "annotations")


def is_paused(schedule: ScoutSchedule) -> bool:
    """Tell whether a person has forbidden us to write anything of a schedule."""
    return is_set(schedule.metadata.annotations, PAUSE_RECONCILIATION)


class ScheduleBook:
    """Schedules by namespace and name; one that is being deleted counts no more.

    `changed` hears of what a person has changed, not of statuses.
    """

    def __init__(
        self,
        specs: Specs,
        sessions: Sessions,
        services: Collection[str],
        changed: Callable[[ScheduleKey], None] = lambda _key: None,
    ) -> None:
        self._sessions = sessions
        self._services = services
        self._changed = changed
        self._said: dict[ScheduleKey, list[Any]] = {}
        self._read: dict[ScheduleKey, ScoutSchedule | BadInput] = {}
        self._version = 0
        self._faults: tuple[tuple[int, tuple[SessionTable, ...]], dict[ScheduleKey, Fault]] | None = None
        specs.on_change(SCHEDULE.name, self._note)

    def get(self, key: ScheduleKey) -> ScoutSchedule | None:
        """Return a schedule that can be read."""
        found = self._read.get(key)
        return found if isinstance(found, ScoutSchedule) else None

    def refusal(self, key: ScheduleKey) -> BadInput | None:
        """Say what is wrong with a spec that cannot be read."""
        found = self._read.get(key)
        return found if isinstance(found, BadInput) else None

    def fault(self, key: ScheduleKey) -> Fault | None:
        """Say what keeps a schedule from being fired; BadInput where the closed days cannot be read."""
        return self._all_faults().get(key)

    def of(self, namespace: str) -> list[ScoutSchedule]:
        """Return a namespace's schedules that can be read, the oldest first: an older one keeps its slots' names."""
        found = [one for key, one in self._read.items() if key[0] == namespace and isinstance(one, ScoutSchedule)]
        return sorted(found, key=lambda one: (one.metadata.creation_timestamp or _LONG_AGO, one.name))

    def in_force(self, namespace: str) -> list[ScoutSchedule]:
        """Return those that may be fired; BadInput where the closed days cannot be read."""
        faults = self._all_faults()
        return [one for one in self.of(namespace) if (namespace, one.name) not in faults]

    def _all_faults(self) -> dict[ScheduleKey, Fault]:
        judged_by = self._version, tuple(self._sessions(calendar) for calendar in CALENDARS)
        if self._faults is None or self._faults[0] != judged_by:
            namespaces = sorted({namespace for namespace, _ in self._read})
            schedules: Sequence[ScoutSchedule] = [one for namespace in namespaces for one in self.of(namespace)]
            self._faults = judged_by, faults_of(schedules, self._sessions, self._services)
        return self._faults[1]

    def _note(self, object_key: Key, manifest: Manifest | None) -> None:
        key = object_key.namespace, object_key.name
        if manifest is None or "deletionTimestamp" in manifest["metadata"]:
            self._said.pop(key, None)
            if self._read.pop(key, None) is None:
                return
        else:
            said = [manifest["metadata"].get(name) for name in _SAID_BY_PEOPLE]
            if self._said.get(key) == said:
                return
            self._said[key] = said
            try:
                self._read[key] = load_object(manifest, ScoutSchedule)
            except BadInput as error:
                self._read[key] = error
        self._version += 1
        self._changed(key)
