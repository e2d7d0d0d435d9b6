"""What Prometheus reads of every strategy; told by the leader alone."""

from __future__ import annotations

from typing import Final

from prometheus_client import Gauge

from prime_jennie_operator.resources.meta import ConditionType
from prime_jennie_operator.strategy.conditions import Findings
from prime_jennie_operator.strategy.status import StatusFigures
from prime_jennie_operator.verdicts import Verdict
from prime_jennie_operator.work import Key

_LABELS: Final = ["namespace", "strategy"]
READY: Final = Gauge("jennie_strategy_ready", "1 while every service runs as it should", _LABELS)
BUYS_ENABLED: Final = Gauge("jennie_strategy_buys_enabled", "1 while nothing keeps it from buying", _LABELS)
ACKNOWLEDGED: Final = Gauge(
    "jennie_strategy_generation_acknowledged", "1 once every service follows the newest generation", _LABELS
)
GENERATION: Final = Gauge("jennie_strategy_generation", "Newest generation of the spec", _LABELS)
GRANTED: Final = Gauge("jennie_strategy_granted_requests_per_second", "Share of the gateway's rate", _LABELS)
ROLLOUT_PENDING: Final = Gauge("jennie_strategy_rollout_pending", "1 while a changed pod waits", _LABELS)
POSITIONS: Final = Gauge("jennie_strategy_positions", "Open positions; absent while unknown", _LABELS)
DAY_PNL_KRW: Final = Gauge("jennie_strategy_day_pnl_krw", "Result of the day, KRW; absent while unknown", _LABELS)
INFO: Final = Gauge("jennie_strategy_info", "Always 1", [*_LABELS, "mode", "trading", "regime"])
_EVERY: Final = (*(READY, BUYS_ENABLED, ACKNOWLEDGED, GENERATION, GRANTED, ROLLOUT_PENDING, POSITIONS, DAY_PNL_KRW),)


class Gauges:
    """Shows strategies as they are, and forgets those that are no more."""

    def __init__(self) -> None:
        self._info: dict[Key, tuple[str, ...]] = {}

    def show(self, key: Key, found: Findings, verdicts: dict[ConditionType, Verdict], figures: StatusFigures) -> None:
        """Set every gauge of a strategy."""
        names = (key.namespace, key.name)
        READY.labels(*names).set(_is_true(verdicts, ConditionType.READY))
        BUYS_ENABLED.labels(*names).set(_is_true(verdicts, ConditionType.TRADING_ENABLED))
        ACKNOWLEDGED.labels(*names).set(found.acknowledged is not None and not found.behind)
        GENERATION.labels(*names).set(found.strategy.metadata.generation)
        GRANTED.labels(*names).set(found.grant.share)
        ROLLOUT_PENDING.labels(*names).set(_is_true(verdicts, ConditionType.ROLLOUT_PENDING))
        for gauge, value in ((POSITIONS, figures.positions), (DAY_PNL_KRW, figures.day_pnl_krw)):
            if value is None:
                _remove(gauge, names)
            else:
                gauge.labels(*names).set(value)
        info = (*names, found.strategy.spec.mode.value, found.trading.value, figures.market_regime or "unknown")
        if self._info.get(key) != info:
            if self._info.get(key):
                _remove(INFO, self._info[key])
            self._info[key] = info
            INFO.labels(*info).set(1)

    def refuse(self, key: Key) -> None:
        """Show a strategy whose spec cannot be read; what is known of its figures stays."""
        READY.labels(key.namespace, key.name).set(0)
        self._info.setdefault(key, ())

    def forget(self, key: Key) -> None:
        """Remove what a strategy that is no more has shown."""
        for gauge in _EVERY:
            _remove(gauge, (key.namespace, key.name))
        if info := self._info.pop(key, ()):
            _remove(INFO, info)

    def forget_all(self) -> None:
        for key in list(self._info):
            self.forget(key)


def _is_true(verdicts: dict[ConditionType, Verdict], kind: ConditionType) -> bool:
    return kind in verdicts and verdicts[kind].status == "True"


def _remove(gauge: Gauge, names: tuple[str, ...]) -> None:
    try:
        gauge.remove(*names)
    except KeyError:
        return
