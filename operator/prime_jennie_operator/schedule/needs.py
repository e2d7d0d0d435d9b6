"""Which slots of other schedules must have succeeded before one may run."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from prime_jennie.domain.sessions import KST, kst_midnight
from prime_jennie.domain.slots import Need
from prime_jennie_operator.resources import ScoutSchedule
from prime_jennie_operator.schedule.calendars import Sessions
from prime_jennie_operator.schedule.slots import INSTANT, slots_between


def needs_of(
    schedule: ScoutSchedule, at: datetime, beside: Iterable[ScoutSchedule], sessions: Sessions
) -> tuple[Need, ...] | str:
    """Name the slots that a schedule's slot of a minute waits for; say why it cannot run where one cannot be named.

    Of each schedule in dependsOn that is the latest slot of the same day in Seoul, this very minute included.
    """
    namespace = schedule.metadata.namespace
    known = {other.name: other for other in beside if other.metadata.namespace == namespace}
    midnight = kst_midnight(at)
    needs: list[Need] = []
    for name in schedule.spec.depends_on:
        if name not in known:
            return f"{name}: there is no such schedule"
        before = slots_between(known[name], midnight - INSTANT, at, sessions)
        if not before:
            return f"{name}: no slot on {at.astimezone(KST):%Y-%m-%d} up to {at.astimezone(KST):%H:%M}"
        needs.append(Need(name, before[-1].name))
    return tuple(needs)
