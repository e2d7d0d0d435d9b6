"""What Prometheus reads of every schedule; told by the leader alone."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from prometheus_client import Gauge

from prime_jennie.domain.slots import SlotState
from prime_jennie_operator.firing.decided import ScheduleKey

_LABELS: Final = ["namespace", "schedule"]
OUTCOMES: Final = tuple(state.value for state in SlotState if state is not SlotState.RUNNING)
NEXT_RUN: Final = Gauge(
    "jennie_schedule_next_run_timestamp_seconds", "Minute of the next slot that runs; absent where none comes", _LABELS
)
LAST_OUTCOME: Final = Gauge(
    "jennie_schedule_last_outcome", "1 for how the newest slot that is over has ended", [*_LABELS, "outcome"]
)
SLOTS: Final = Gauge("jennie_schedule_slots", "Slots of today in Seoul that are over", [*_LABELS, "outcome"])
SUSPENDED: Final = Gauge("jennie_schedule_suspended", "1 while the schedule starts nothing", _LABELS)


class Gauges:
    """Shows schedules as they are, and forgets those that are no more."""

    def __init__(self) -> None:
        self._shown: set[ScheduleKey] = set()

    def show(self, key: ScheduleKey, *, suspended: bool, next_at: datetime | None) -> None:
        """Tell when a schedule comes next."""
        self._shown.add(key)
        SUSPENDED.labels(*key).set(suspended)
        if next_at is None:
            _remove(NEXT_RUN, *key)
        else:
            NEXT_RUN.labels(*key).set(next_at.timestamp())

    def count(self, key: ScheduleKey, last: SlotState | None, today: Mapping[SlotState, int]) -> None:
        """Tell how a schedule's slots have ended."""
        self._shown.add(key)
        for outcome in OUTCOMES:
            LAST_OUTCOME.labels(*key, outcome).set(last is not None and last.value == outcome)
            SLOTS.labels(*key, outcome).set(today.get(SlotState(outcome), 0))

    def forget(self, key: ScheduleKey) -> None:
        """Remove what a schedule that is no more has shown."""
        self._shown.discard(key)
        for gauge in (NEXT_RUN, SUSPENDED):
            _remove(gauge, *key)
        for outcome in OUTCOMES:
            _remove(LAST_OUTCOME, *key, outcome)
            _remove(SLOTS, *key, outcome)

    def forget_all(self) -> None:
        for key in list(self._shown):
            self.forget(key)


def _remove(gauge: Gauge, *names: str) -> None:
    try:
        gauge.remove(*names)
    except KeyError:
        return
