"""The gateway's pods: do they answer, and when may one be replaced, as OnDelete leaves that to us."""

from __future__ import annotations

from prime_jennie.domain.trading_strategy import Rollout
from prime_jennie_operator.dependencies import Dependencies
from prime_jennie_operator.desired.platform import GATEWAY
from prime_jennie_operator.kube.kinds import POD, STATEFUL_SET
from prime_jennie_operator.manifest import Manifest, name_of
from prime_jennie_operator.strategy.conditions import GatewayStanding
from prime_jennie_operator.strategy.exchange_hours import ExchangeHours
from prime_jennie_operator.strategy.rollout import gate, stale_gateway_pod


class GatewayKeeper:
    """Looks at a namespace's gateway; replaces its pods one by one, outside the session."""

    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps
        self._told: dict[str, str] = {}
        """Of each namespace the revision whose waiting was told."""

    async def look(self, namespace: str, hours: ExchangeHours) -> GatewayStanding:
        """Say how it stands, and replace one stale pod where that is due."""
        found = await self._deps.api.get(STATEFUL_SET, namespace, GATEWAY)
        if found is None:
            return GatewayStanding(False, f"there is no StatefulSet {GATEWAY} in this namespace")
        await self._replace_stale(found, hours)
        ready = int((found.get("status") or {}).get("readyReplicas") or 0)
        return GatewayStanding(ready > 0, f"{GATEWAY} is ready" if ready else f"{GATEWAY} is not ready")

    async def _replace_stale(self, stateful_set: Manifest, hours: ExchangeHours) -> None:
        status, namespace = stateful_set.get("status") or {}, stateful_set["metadata"]["namespace"]
        newest = str(status.get("updateRevision") or "")
        if not newest or int(status.get("updatedReplicas") or 0) >= int(status.get("replicas") or 0):
            return
        labels = stateful_set["spec"]["selector"]["matchLabels"]
        pods = await self._deps.api.list(POD, namespace, ",".join(f"{k}={v}" for k, v in sorted(labels.items())))
        pod = stale_gateway_pod(stateful_set, pods)
        if pod is None:
            return
        shut = gate(stateful_set["metadata"].get("annotations") or {}, Rollout.OUTSIDE_SESSION, hours)
        if shut.is_shut:
            if self._told.get(namespace) != newest:
                self._told[namespace] = newest
                await self._tell(stateful_set, "RolloutHeld", f"a new revision of {GATEWAY} waits {shut.why}")
            return
        if await self._deps.api.delete(POD, namespace, name_of(pod), uid=pod["metadata"]["uid"]):
            await self._tell(stateful_set, "RolledOut", f"pod {name_of(pod)} is replaced by one of revision {newest}")

    async def _tell(self, stateful_set: Manifest, reason: str, message: str) -> None:
        owner = {"apiVersion": STATEFUL_SET.api_version, "kind": STATEFUL_SET.name, **stateful_set}
        await self._deps.recorder.event(owner, "Normal", reason, message)
