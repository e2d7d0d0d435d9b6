"""What every reconciler is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from prime_jennie.domain.ports import Clock
from prime_jennie_operator.applier import Applier
from prime_jennie_operator.children import Children
from prime_jennie_operator.desired.values import PlatformValues
from prime_jennie_operator.kube.api import KubeApi
from prime_jennie_operator.leadership import Leadership
from prime_jennie_operator.recorder import Recorder
from prime_jennie_operator.settings import OperatorSettings
from prime_jennie_operator.specs import Specs
from prime_jennie_operator.statuses import StatusWriter
from prime_jennie_operator.work import Reconciler, WorkQueue


@dataclass(frozen=True, slots=True)
class Dependencies:
    """The operator's runtime; `StrategyReconciler(deps)` and its like take what they need from it."""

    api: KubeApi
    specs: Specs
    children: Children
    applier: Applier
    statuses: StatusWriter
    recorder: Recorder
    queue: WorkQueue
    leadership: Leadership
    clock: Clock
    settings: OperatorSettings
    values: PlatformValues


Factory = Callable[[Dependencies], Reconciler]
