"""The pods that every strategy needs, the gateway's and the stores': when may one be replaced, and when be evicted."""

from __future__ import annotations

from typing import Final

import structlog

from prime_jennie.domain.trading_strategy import Rollout
from prime_jennie_operator.children import pod_facts
from prime_jennie_operator.dependencies import Dependencies
from prime_jennie_operator.desired.disruption import platform_budget
from prime_jennie_operator.desired.platform import GATEWAY
from prime_jennie_operator.desired.pods import PART_OF, PART_OF_LABEL
from prime_jennie_operator.desired.strategy import MANAGED_BY
from prime_jennie_operator.kube.errors import Conflict, Forbidden
from prime_jennie_operator.kube.kinds import DISRUPTION_BUDGET, POD, STATEFUL_SET
from prime_jennie_operator.manifest import Manifest, name_of
from prime_jennie_operator.marks import PAUSE_RECONCILIATION, is_set
from prime_jennie_operator.strategy.conditions import GatewayStanding
from prime_jennie_operator.strategy.exchange_hours import ExchangeHours
from prime_jennie_operator.strategy.rollout import gate, stale_pod
from prime_jennie_operator.strategy.standing import cannot_run

log = structlog.get_logger(__name__)

STORES: Final = ("mariadb", "redis")  # as the chart names them, where it runs them


class PodKeeper:
    """Keeps nodes from evicting these pods in the session, and replaces stale ones outside of it.

    Their StatefulSets leave that to us by `updateStrategy: OnDelete`.
    """

    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps
        self._told: dict[tuple[str, str], str] = {}
        """Of each StatefulSet, by namespace and name, the revision whose waiting was told."""

    async def look(self, namespace: str, hours: ExchangeHours) -> GatewayStanding:
        """Say how the gateway stands; protect all pods, and replace one stale pod of each where that is due."""
        found = await self._deps.api.get(STATEFUL_SET, namespace, GATEWAY)
        if found is not None:
            await self._keep(found, hours)
        for name in STORES:
            await self._keep_store(namespace, name, hours)
        if found is None:
            return GatewayStanding(False, f"there is no StatefulSet {GATEWAY} in this namespace")
        ready = int((found.get("status") or {}).get("readyReplicas") or 0)
        return GatewayStanding(ready > 0, f"{GATEWAY} is ready" if ready else f"{GATEWAY} is not ready")

    async def _keep_store(self, namespace: str, name: str, hours: ExchangeHours) -> None:
        """Keep a store of ours; whoever gave the operator rights of his own may have left the stores out."""
        try:
            found = await self._deps.api.get(STATEFUL_SET, namespace, name)
            if found is not None and (found["metadata"].get("labels") or {}).get(PART_OF_LABEL) == PART_OF:
                await self._keep(found, hours)
        except Forbidden as error:
            log.warning("store not kept", store=name, why=error.message)

    async def _keep(self, stateful_set: Manifest, hours: ExchangeHours) -> None:
        if (stateful_set["spec"].get("updateStrategy") or {}).get("type") == "OnDelete":
            await self._protect(stateful_set, hours)
            await self._replace_stale(stateful_set, hours)

    async def _protect(self, stateful_set: Manifest, hours: ExchangeHours) -> None:
        """Keep the budget of its pods as the hour wants it; the StatefulSet owns it and takes it along."""
        metadata = stateful_set["metadata"]
        if "deletionTimestamp" in metadata or is_set(metadata.get("annotations") or {}, PAUSE_RECONCILIATION):
            return
        selects = stateful_set["spec"]["selector"]["matchLabels"]
        wanted = platform_budget(metadata["name"], metadata["namespace"], selects, MANAGED_BY, is_open=hours.is_open)
        try:
            changes = await self._deps.applier.converge(_owner(stateful_set), [wanted], prunes=(DISRUPTION_BUDGET,))
        except Conflict as error:  # it is looked at again soon, and whether the gateway answers must be known
            log.warning("disruption budget not written", why=error.message)
            return
        for refusal in changes.refused:
            await self._deps.recorder.event(_owner(stateful_set), "Warning", refusal.reason, str(refusal))
        for told in changes.healed.values():
            await self._deps.recorder.event(_owner(stateful_set), "Warning", "Healed", told)

    async def _replace_stale(self, stateful_set: Manifest, hours: ExchangeHours) -> None:
        metadata, status = stateful_set["metadata"], stateful_set.get("status") or {}
        namespace, name = metadata["namespace"], metadata["name"]
        newest = str(status.get("updateRevision") or "")
        if not newest or int(status.get("updatedReplicas") or 0) >= int(status.get("replicas") or 0):
            return
        labels = stateful_set["spec"]["selector"]["matchLabels"]
        pods = await self._deps.api.list(POD, namespace, ",".join(f"{k}={v}" for k, v in sorted(labels.items())))
        pod = stale_pod(stateful_set, pods)
        if pod is None:
            return
        shut = gate(metadata.get("annotations") or {}, Rollout.OUTSIDE_SESSION, hours)
        is_down = all(cannot_run(pod_facts(one.get("status") or {})) for one in pods)
        if shut.is_shut and not (shut.spares_what_works and is_down):
            if self._told.get((namespace, name)) != newest:
                self._told[namespace, name] = newest
                await self._tell(stateful_set, "RolloutHeld", f"a new revision of {name} waits {shut.why}")
            return
        if await self._deps.api.delete(POD, namespace, name_of(pod), uid=pod["metadata"]["uid"]):
            await self._tell(stateful_set, "RolledOut", f"pod {name_of(pod)} is replaced by one of revision {newest}")

    async def _tell(self, stateful_set: Manifest, reason: str, message: str) -> None:
        await self._deps.recorder.event(_owner(stateful_set), "Normal", reason, message)


def _owner(stateful_set: Manifest) -> Manifest:
    return {"apiVersion": STATEFUL_SET.api_version, "kind": STATEFUL_SET.name, **stateful_set}
