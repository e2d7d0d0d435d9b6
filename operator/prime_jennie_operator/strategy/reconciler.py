"""Bring the cluster to what a TradingStrategy says, and say in its status how that went."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from prime_jennie.domain.errors import BadInput
from prime_jennie.infra.tokens import mint
from prime_jennie_operator.applier import Changes
from prime_jennie_operator.children import ChildKey
from prime_jennie_operator.dependencies import Dependencies
from prime_jennie_operator.desired.agreement import environment_mismatch, market_not_served
from prime_jennie_operator.desired.strategy import Circumstances, config_text, strategy_objects
from prime_jennie_operator.kube.kinds import DEPLOYMENT, POD, STRATEGY
from prime_jennie_operator.live_config import Announced
from prime_jennie_operator.loading import load_object
from prime_jennie_operator.manifest import NAME_LABEL, Manifest, labels_of, name_of, of_kind
from prime_jennie_operator.marks import PAUSE_RECONCILIATION, is_set
from prime_jennie_operator.news import news
from prime_jennie_operator.resources import TradingStrategy, TradingStrategyStatus
from prime_jennie_operator.strategy.budget import Grant
from prime_jennie_operator.strategy.conditions import Findings, invalid_spec, verdicts
from prime_jennie_operator.strategy.gauges import Gauges
from prime_jennie_operator.strategy.platform import Platform
from prime_jennie_operator.strategy.rollout import APPLIED_TEMPLATE, Gate, gate, staying, template_of, through_gate
from prime_jennie_operator.strategy.secrets import SecretsFound
from prime_jennie_operator.strategy.shared import Shared
from prime_jennie_operator.strategy.standing import Standing, Trouble, Workload, is_down, standing_of
from prime_jennie_operator.strategy.status import (
    FIGURES_EVERY_SECS,
    StatusFigures,
    due_figures,
    refused_status,
    status_of,
)
from prime_jennie_operator.verdicts import settled
from prime_jennie_operator.work import Again, Key

LATER_SECS: Final = 10.0  # until Redis, which does not answer, is asked again


@dataclass(slots=True)
class _Memory:
    """What this process knows of a strategy beyond its object; all of it may be lost."""

    identity: Manifest
    marks: dict[str, str] = field(default_factory=dict)
    """Of each Deployment what it was last let through with: it outlives the Deployment."""
    figures_at_secs: float | None = None
    figures_due_in_secs: float | None = None
    """When newer figures may be written; None while there are none."""


@dataclass(frozen=True, slots=True)
class _Applied:
    """What was wanted of the children, and what came of it."""

    deployments: Sequence[Manifest]
    waiting: dict[str, str]
    gate: Gate
    changes: Changes = field(default_factory=Changes)
    goes_on: bool = False


class StrategyReconciler:
    """One look at one strategy: announce, apply, judge, tell."""

    kind = STRATEGY.name

    def __init__(self, deps: Dependencies, shared: Shared) -> None:
        self._deps = deps
        self._shared = shared
        self._gauges = Gauges()
        self._memories: dict[Key, _Memory] = {}

    async def close(self) -> None:
        self._gauges.forget_all()

    async def reconcile(self, key: Key) -> Again | None:
        """Look at a strategy."""
        owner = self._deps.specs.get(key)
        if owner is None or "deletionTimestamp" in owner["metadata"]:
            await self._let_go(key)
            return None
        memory = self._memory_of(key, owner)
        before = self._deps.statuses.newest(owner, TradingStrategyStatus)
        try:
            strategy = load_object(owner, TradingStrategy)
        except BadInput as error:
            await self._refuse(key, owner, memory, before, f"{error.field}: {error.reason}")
            return None
        platform = self._shared.platforms.of(key.namespace)
        secrets = await platform.secrets()
        grant = self._shared.shares.grant_of(key)
        taken, acknowledged = await self._announce(strategy, grant, platform)
        barred = self._barred(strategy, taken)
        is_paused = is_set(strategy.metadata.annotations, PAUSE_RECONCILIATION)
        applied = await self._apply(key, owner, strategy, memory, secrets, grant, barred, is_paused)
        found = Findings(
            strategy=strategy,
            grant=grant,
            gate=applied.gate,
            gateway=platform.gateway,
            figures=platform.told.figures(strategy.name),
            barred=barred,
            missing=secrets.missing,
            refusals=applied.changes.refused,
            services=self._standings(key, applied.deployments),
            waiting=applied.waiting,
            acknowledged=acknowledged,
            is_paused=is_paused,
            goes_on=applied.goes_on,
        )
        await self._tell(key, owner, found, memory, before, applied.changes)
        self._expect(found, platform)
        return self._again(found, memory, applied.changes)

    async def _let_go(self, key: Key) -> None:
        """Forget a strategy that is no more; the garbage collector has its children."""
        memory = self._memories.pop(key, None)
        self._deps.statuses.forget(key)
        self._deps.children.settle(key, ())
        self._gauges.forget(key)
        self._shared.shares.settle(key.namespace)
        if memory is None:
            return
        platform = self._shared.platforms.of(key.namespace)
        platform.forget(key.name)
        report = platform.told.reports.get(key.name)
        if report is not None and report.positions:
            held = ", ".join(f"{stock.name} {stock.code}" for stock in report.positions)
            why = f"deleted while it holds {len(report.positions)} positions, which nobody sells now: {held}"
            await self._deps.recorder.event(memory.identity, "Warning", "DeletedWithPositions", why)

    def _memory_of(self, key: Key, owner: Manifest) -> _Memory:
        memory, metadata = self._memories.get(key), owner["metadata"]
        if memory is None or memory.identity["metadata"]["uid"] != metadata["uid"]:
            about = {name: metadata[name] for name in ("name", "namespace", "uid")}
            identity = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "metadata": about}
            memory = self._memories[key] = _Memory(identity)
        return memory

    def _barred(self, strategy: TradingStrategy, taken: str | None) -> Trouble | None:
        """Say why nothing of it may run, whatever the budget says."""
        if (foreign := market_not_served(strategy)) is not None:
            return Trouble("MarketNotServed", foreign)
        if (mismatch := environment_mismatch(strategy, self._deps.values)) is not None:
            return Trouble("EnvironmentMismatch", mismatch)
        if taken is not None:
            return Trouble("NameTaken", f"namespace {taken} has a strategy {strategy.name} on the same Redis already")
        return None

    async def _announce(
        self, strategy: TradingStrategy, grant: Grant, platform: Platform
    ) -> tuple[str | None, dict[str, int] | None]:
        """Tell the services before anything else, as a halt must act at once, whatever becomes of the children."""
        self._deps.leadership.require()
        share = grant.share if grant.is_granted else None
        generation, text = strategy.metadata.generation, config_text(strategy, share)
        return await platform.desk.announce(Announced(strategy.name, generation, text))

    async def _apply(
        self,
        key: Key,
        owner: Manifest,
        strategy: TradingStrategy,
        memory: _Memory,
        secrets: SecretsFound,
        grant: Grant,
        barred: Trouble | None,
        is_paused: bool,
    ) -> _Applied:
        """Bring the children to what is wanted, as far as they may change now."""
        hours = self._shared.hours(strategy.spec.market)
        found = Circumstances(
            share=grant.share if grant.is_granted else None,
            token=None if secrets.token_key is None else mint(strategy.name, secrets.token_key),
            secrets_print=secrets.contents_print,
            is_open=hours.is_open,
        )
        existing = {
            child.name: record
            for child, record in self._deps.children.of(key, DEPLOYMENT).items()
            if not record.deleting and record.prunable
        }
        live_marks = {name: record.marks.get(APPLIED_TEMPLATE, "") for name, record in existing.items()}
        memory.marks |= {name: mark for name, mark in live_marks.items() if template_of(mark) is not None}
        shut = gate(strategy.metadata.annotations, strategy.spec.rollout, hours)
        wanted = strategy_objects(strategy, self._deps.values, found)
        stands_down = barred is not None or not grant.is_granted
        if is_paused or (stands_down and existing and self._shared.may_hold(key) is not False):
            kept = [one for one in of_kind(wanted, "Deployment") if name_of(one) in existing or is_paused]
            as_they_run = through_gate(kept, memory.marks, Gate("Untouched", "")).objects
            return _Applied(as_they_run, {}, shut, goes_on=stands_down)
        if stands_down:
            wanted = [one for one in wanted if one["kind"] not in ("Deployment", "Service")]
            changes = await self._deps.applier.converge(owner, wanted)
            memory.marks.clear()
            return _Applied((), {}, shut, changes)
        if secrets.missing:  # what runs goes on with what it read once; nothing new could start
            shut = Gate("SecretMissing", "until its Secrets are there")
            wanted = [one for one in wanted if one["kind"] != "Deployment" or name_of(one) in existing]
        passed = through_gate(wanted, memory.marks, shut, self._down(key, wanted))
        if shut.is_shut and len(existing) > len(of_kind(wanted, "Deployment")):
            every = strategy_objects(_with_all_services(strategy), self._deps.values, found)
            passed = staying(passed, every, {name: memory.marks.get(name, "") for name in existing}, shut)
        changes = await self._deps.applier.converge(owner, passed.objects)
        deployments = of_kind(passed.objects, "Deployment")
        memory.marks = {name_of(one): self._mark(one) for one in deployments}
        return _Applied(deployments, dict(passed.waiting), shut, changes)

    def _mark(self, deployment: Manifest) -> str:
        """Return what a Deployment was let through with: a long text, of which one copy is enough."""
        mark = str(deployment["metadata"]["annotations"][APPLIED_TEMPLATE])
        record = self._deps.children.get(DEPLOYMENT, deployment["metadata"]["namespace"], name_of(deployment))
        known = "" if record is None else record.marks.get(APPLIED_TEMPLATE, "")
        return known if known == mark else mark

    def _standings(self, key: Key, deployments: Sequence[Manifest]) -> tuple[Standing, ...]:
        pods = {child: one for child, one in self._deps.children.of(key, POD).items() if not one.deleting}
        return tuple(standing_of(self._workload(key, one, pods)) for one in deployments)

    def _down(self, key: Key, wanted: Sequence[Manifest]) -> frozenset[str]:
        """Name the Deployments of which no pod can run as it is."""
        pods = {child: one for child, one in self._deps.children.of(key, POD).items() if not one.deleting}
        deployments = of_kind(wanted, "Deployment")
        return frozenset(name_of(one) for one in deployments if is_down(self._workload(key, one, pods)))

    def _workload(self, key: Key, deployment: Manifest, pods: dict[ChildKey, Any]) -> Workload:
        name = name_of(deployment)
        record = self._deps.children.get(DEPLOYMENT, key.namespace, name)
        return Workload(
            program=labels_of(deployment)[NAME_LABEL],
            image=deployment["spec"]["template"]["spec"]["containers"][0]["image"],
            status=None if record is None else record.status,
            pods=[pod.status for child, pod in pods.items() if child.name.startswith(f"{name}-")],
        )

    async def _refuse(
        self, key: Key, owner: Manifest, memory: _Memory, before: TradingStrategyStatus | None, message: str
    ) -> None:
        """Say what is wrong with a spec; its children stay as they are until it changes."""
        told = invalid_spec(message)
        known = before.conditions if before is not None else ()
        generation = int(owner["metadata"].get("generation", 1))
        conditions = settled(told, known, generation, self._shared.wall.now())
        await self._deps.statuses.write(owner, refused_status(before, conditions, generation))
        for one in news(known, told):
            await self._deps.recorder.event(owner, one.type, one.reason, one.message)
        self._gauges.refuse(key)

    async def _tell(
        self,
        key: Key,
        owner: Manifest,
        found: Findings,
        memory: _Memory,
        before: TradingStrategyStatus | None,
        changes: Changes,
    ) -> None:
        """Write the status where it differs, then the events and gauges."""
        told = verdicts(found)
        known = before.conditions if before is not None else ()
        conditions = settled(told, known, found.strategy.metadata.generation, self._shared.wall.now())
        figures = self._figures(found, memory, before)
        await self._deps.statuses.write(owner, status_of(found, conditions, figures))
        for one in news(known, told):
            await self._deps.recorder.event(owner, one.type, one.reason, one.message)
        for sentence in changes.healed.values():
            await self._deps.recorder.event(owner, "Warning", "Healed", sentence)
        self._gauges.show(key, found, told, figures)

    def _figures(self, found: Findings, memory: _Memory, before: TradingStrategyStatus | None) -> StatusFigures:
        written, now = StatusFigures.written(before), time.monotonic()
        report = found.figures.report if found.figures.is_current else None
        since = None if memory.figures_at_secs is None else now - memory.figures_at_secs
        told = None if report is None else StatusFigures.told(report)
        figures = due_figures(told, written, since)
        memory.figures_due_in_secs = None
        if figures != written:
            memory.figures_at_secs = now
        elif told is not None and told != written and since is not None:
            memory.figures_due_in_secs = FIGURES_EVERY_SECS - since
        return figures

    def _expect(self, found: Findings, platform: Platform) -> None:
        """Hear of services that follow later; to look at every strategy again and again would cost far more."""
        if found.acknowledged is not None and found.services and found.behind:
            platform.desk.expect(found.strategy.name, dict(found.acknowledged))
        else:
            platform.desk.expect_no_more(found.strategy.name)

    def _again(self, found: Findings, memory: _Memory, changes: Changes) -> Again | None:
        """Look again soon where something is on its way of which no watch tells."""
        waits: list[float] = [] if changes.retry_secs is None else [changes.retry_secs]
        if found.acknowledged is None:
            waits.append(LATER_SECS)
        if memory.figures_due_in_secs is not None:
            waits.append(memory.figures_due_in_secs)
        return Again(min(waits)) if waits else None


def _with_all_services(strategy: TradingStrategy) -> TradingStrategy:
    services = strategy.spec.services
    every = {name: getattr(services, name).model_copy(update={"enabled": True}) for name in type(services).model_fields}
    spec = strategy.spec.model_copy(update={"services": services.model_copy(update=every)})
    return strategy.model_copy(update={"spec": spec})
