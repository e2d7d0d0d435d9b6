"""What Prometheus reads of every strategy; told by the leader alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from prometheus_client import REGISTRY
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from prime_jennie_operator.resources.meta import ConditionType
from prime_jennie_operator.strategy.conditions import Findings
from prime_jennie_operator.strategy.status import StatusFigures
from prime_jennie_operator.verdicts import Verdict
from prime_jennie_operator.work import Key

_LABELS: Final = ("namespace", "strategy")
_HELP: Final = {
    "ready": "1 while every service runs as it should",
    "buys_enabled": "1 while nothing keeps it from buying",
    "generation_acknowledged": "1 once every service follows the newest generation",
    "generation": "Newest generation of the spec",
    "granted_requests_per_second": "Share of the gateway's rate",
    "rollout_pending": "1 while a changed pod waits",
    "positions": "Open positions; absent while unknown",
    "day_pnl_krw": "Result of the day, KRW; absent while unknown",
}


class Shown(NamedTuple):
    """One strategy's numbers, None for what is unknown; `info` is its mode, its halt and its regime."""

    ready: bool = False
    buys_enabled: bool | None = None
    generation_acknowledged: bool | None = None
    generation: int | None = None
    granted_requests_per_second: float | None = None
    rollout_pending: bool | None = None
    positions: int | None = None
    day_pnl_krw: int | None = None
    info: tuple[str, str, str] | None = None


class _Strategies(Collector):
    """Makes the samples when somebody scrapes: a gauge object for each would be 6 kB a strategy."""

    def __init__(self) -> None:
        self.shown: dict[Key, Shown] = {}

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Write every gauge."""
        rows = [((key.namespace, key.name), one) for key, one in list(self.shown.items())]
        for name, told in _HELP.items():
            family = GaugeMetricFamily(f"jennie_strategy_{name}", told, labels=_LABELS)
            for names, one in rows:
                value = getattr(one, name)
                if value is not None:
                    family.add_metric(names, float(value))
            yield family
        info = GaugeMetricFamily("jennie_strategy_info", "Always 1", labels=(*_LABELS, "mode", "trading", "regime"))
        for names, one in rows:
            if one.info is not None:
                info.add_metric((*names, *one.info), 1.0)
        yield info


_STRATEGIES: Final = _Strategies()
REGISTRY.register(_STRATEGIES)


class Gauges:
    """Shows strategies as they are, and forgets those that are no more."""

    def __init__(self) -> None:
        self._own: set[Key] = set()

    def show(self, key: Key, found: Findings, verdicts: dict[ConditionType, Verdict], figures: StatusFigures) -> None:
        """Set every gauge of a strategy."""
        self._put(
            key,
            Shown(
                ready=_is_true(verdicts, ConditionType.READY),
                buys_enabled=_is_true(verdicts, ConditionType.TRADING_ENABLED),
                generation_acknowledged=found.acknowledged is not None and not found.behind,
                generation=found.strategy.metadata.generation,
                granted_requests_per_second=found.grant.share,
                rollout_pending=_is_true(verdicts, ConditionType.ROLLOUT_PENDING),
                positions=figures.positions,
                day_pnl_krw=figures.day_pnl_krw,
                info=(found.strategy.spec.mode.value, found.trading.value, figures.market_regime or "unknown"),
            ),
        )

    def refuse(self, key: Key) -> None:
        """Show a strategy whose spec cannot be read; what is known of its figures stays."""
        self._put(key, _STRATEGIES.shown.get(key, Shown())._replace(ready=False))

    def forget(self, key: Key) -> None:
        """Remove what a strategy that is no more has shown."""
        self._own.discard(key)
        _STRATEGIES.shown.pop(key, None)

    def forget_all(self) -> None:
        for key in list(self._own):
            self.forget(key)

    def _put(self, key: Key, shown: Shown) -> None:
        self._own.add(key)
        _STRATEGIES.shown[key] = shown


def _is_true(verdicts: dict[ConditionType, Verdict], kind: ConditionType) -> bool:
    return kind in verdicts and verdicts[kind].status == "True"
