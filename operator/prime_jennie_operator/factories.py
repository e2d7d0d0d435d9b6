"""The reconcilers of every kind, made for one operator; those of a room share what they know."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from prime_jennie_operator.dependencies import Dependencies, Factory
from prime_jennie_operator.firing.backfills import BackfillReconciler
from prime_jennie_operator.firing.reconciler import ScheduleReconciler
from prime_jennie_operator.firing.shared import Shared as SharedByFiring
from prime_jennie_operator.strategy.platform_reconciler import PlatformReconciler
from prime_jennie_operator.strategy.reconciler import StrategyReconciler
from prime_jennie_operator.strategy.shared import Shared as SharedByStrategies
from prime_jennie_operator.work import Reconciler

S = TypeVar("S")


def strategy_factories() -> tuple[Factory, ...]:
    """Return what makes those of strategies and their platforms; one operator calls each once."""
    return _sharing(SharedByStrategies, StrategyReconciler, PlatformReconciler)


def schedule_factories() -> tuple[Factory, ...]:
    """Return what makes those of schedules; one operator calls each once. Backfills come first, as they close first."""
    return _sharing(SharedByFiring, BackfillReconciler, ScheduleReconciler)


def _sharing(
    share: Callable[[Dependencies], S], *makers: Callable[[Dependencies, S], Reconciler]
) -> tuple[Factory, ...]:
    made: list[S] = []

    def shared_by(deps: Dependencies) -> S:
        if not made:
            made.append(share(deps))
        return made[0]

    def factory(make: Callable[[Dependencies, S], Reconciler]) -> Factory:
        return lambda deps: make(deps, shared_by(deps))

    return tuple(map(factory, makers))
