"""The status of a strategy: written whole, only when it differs, its figures at most once a minute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.strategy_report import StrategyReport
from prime_jennie_operator.resources import TradingStrategyStatus
from prime_jennie_operator.resources.meta import Condition, ConditionType
from prime_jennie_operator.resources.trading_strategy import ServiceStatus, StrategyPhase
from prime_jennie_operator.strategy.conditions import Findings
from prime_jennie_operator.strategy.standing import Standing

FIGURES_EVERY_SECS: Final = 60.0  # real; a price moves every second, and etcd is no place for ticks


@dataclass(frozen=True, slots=True)
class StatusFigures:
    """The figures of a status."""

    positions: int | None = None
    open_orders: int | None = None
    day_pnl_krw: int | None = None
    market_regime: str | None = None
    last_signal_time: str | None = None

    @classmethod
    def told(cls, report: StrategyReport) -> StatusFigures:
        """Take what dashboard-api tells; an unknown figure is none."""
        at = report.last_signal_at
        return cls(
            positions=len(report.positions),
            open_orders=report.open_orders + report.unresolved_orders,
            day_pnl_krw=report.day_pnl_krw,
            market_regime=report.regime,
            last_signal_time=None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        )

    @classmethod
    def written(cls, status: TradingStrategyStatus | None) -> StatusFigures:
        """Take what stands in the object."""
        if status is None:
            return cls()
        return cls(
            status.positions, status.open_orders, status.day_pnl_krw, status.market_regime, status.last_signal_time
        )

    @property
    def held(self) -> tuple[int | None, bool]:
        """What decides whether the strategy may be deleted."""
        return self.positions, bool(self.open_orders)


def due_figures(told: StatusFigures | None, written: StatusFigures, secs_since: float | None) -> StatusFigures:
    """Choose the figures to write: the newest once a minute, at once when a position, or the first or last
    open order, comes or goes.

    Who deletes a strategy is judged by them, and without an answer what was known stays.
    """
    if told is None or told == written:
        return written
    is_due = secs_since is None or secs_since >= FIGURES_EVERY_SECS or told.held != written.held
    return told if is_due else written


def phase_of(found: Findings) -> StrategyPhase:
    """Say it in one word."""
    if found.barred is not None or not found.grant.is_granted:
        return StrategyPhase.REFUSED
    if found.trading is HaltState.STOPPED:
        return StrategyPhase.STOPPED
    if found.trading is HaltState.PAUSED:
        return StrategyPhase.PAUSED
    if found.missing or any(not one.is_ready for one in found.services):
        return StrategyPhase.PENDING
    return StrategyPhase.RUNNING


def status_of(found: Findings, conditions: Sequence[Condition], figures: StatusFigures) -> dict[str, Any]:
    """Write the status as the API server keeps it."""
    status = TradingStrategyStatus(
        observed_generation=found.strategy.metadata.generation,
        phase=phase_of(found),
        conditions=tuple(conditions),
        services=tuple(map(_service, found.services)),
        granted_requests_per_second=found.grant.share if found.grant.is_granted else None,
        positions=figures.positions,
        open_orders=figures.open_orders,
        day_pnl_krw=figures.day_pnl_krw,
        market_regime=figures.market_regime,
        last_signal_time=figures.last_signal_time,
    )
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)


def refused_status(
    before: TradingStrategyStatus | None, conditions: Sequence[Condition], generation: int
) -> dict[str, Any]:
    """Write the status of a spec that cannot be read: what is known of it stays, the conditions say why."""
    kept = {one.type: one for one in (before.conditions if before is not None else ())}
    kept |= {one.type: one for one in conditions}
    known = before or TradingStrategyStatus()
    status = known.model_copy(
        update={
            "observed_generation": generation,
            "phase": StrategyPhase.REFUSED,
            "conditions": tuple(kept[kind.value] for kind in ConditionType if kind.value in kept),
        }
    )
    return status.model_dump(mode="json", by_alias=True, exclude_none=True)


def _service(standing: Standing) -> ServiceStatus:
    return ServiceStatus(
        name=standing.program, ready=standing.ready, desired=standing.desired, image=standing.image[:500]
    )
