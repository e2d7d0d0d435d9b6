"""The reconcilers of schedules and of backfills, made for one operator: they share what they know."""

from __future__ import annotations

from prime_jennie_operator.app import Factory
from prime_jennie_operator.dependencies import Dependencies
from prime_jennie_operator.firing.backfills import BackfillReconciler
from prime_jennie_operator.firing.reconciler import ScheduleReconciler
from prime_jennie_operator.firing.shared import Shared


def schedule_factories() -> tuple[Factory, Factory]:
    """Return what makes them; one operator calls each once. Backfills come first, as they close first."""
    shared: list[Shared] = []

    def shared_by(deps: Dependencies) -> Shared:
        if not shared:
            shared.append(Shared(deps))
        return shared[0]

    return (
        lambda deps: BackfillReconciler(shared_by(deps)),
        lambda deps: ScheduleReconciler(shared_by(deps)),
    )
