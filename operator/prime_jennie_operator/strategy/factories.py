"""The two reconcilers of strategies, made for one operator: they share what they know."""

from __future__ import annotations

from prime_jennie_operator.app import Factory
from prime_jennie_operator.dependencies import Dependencies
from prime_jennie_operator.strategy.platform_reconciler import PlatformReconciler
from prime_jennie_operator.strategy.reconciler import StrategyReconciler
from prime_jennie_operator.strategy.shared import Shared


def strategy_factories() -> tuple[Factory, Factory]:
    """Return what makes them; one operator calls each once."""
    shared: list[Shared] = []

    def shared_by(deps: Dependencies) -> Shared:
        if not shared:
            shared.append(Shared(deps))
        return shared[0]

    return (
        lambda deps: StrategyReconciler(deps, shared_by(deps)),
        lambda deps: PlatformReconciler(deps, shared_by(deps)),
    )
