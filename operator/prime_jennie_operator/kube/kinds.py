"""The kinds that the operator reads and writes, as the API's paths know them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.resources.meta import GROUP, VERSION


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind; every one that is named here lives in a namespace."""

    group: str
    version: str
    name: str
    plural: str

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str | None = None, subresource: str | None = None) -> str:
        """Build the address; without a namespace that of all namespaces."""
        parts = ["/apis", self.group, self.version] if self.group else ["/api", self.version]
        parts += ["namespaces", namespace] if namespace is not None else []
        return "/".join([*parts, self.plural, *(part for part in (name, subresource) if part)])


POD: Final = Kind("", "v1", "Pod", "pods")
SECRET: Final = Kind("", "v1", "Secret", "secrets")
SERVICE: Final = Kind("", "v1", "Service", "services")
CONFIG_MAP: Final = Kind("", "v1", "ConfigMap", "configmaps")
SERVICE_ACCOUNT: Final = Kind("", "v1", "ServiceAccount", "serviceaccounts")
EVENT: Final = Kind("", "v1", "Event", "events")
DEPLOYMENT: Final = Kind("apps", "v1", "Deployment", "deployments")
STATEFUL_SET: Final = Kind("apps", "v1", "StatefulSet", "statefulsets")
JOB: Final = Kind("batch", "v1", "Job", "jobs")
CRON_JOB: Final = Kind("batch", "v1", "CronJob", "cronjobs")
DISRUPTION_BUDGET: Final = Kind("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets")
NETWORK_POLICY: Final = Kind("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies")
POD_MONITOR: Final = Kind("monitoring.coreos.com", "v1", "PodMonitor", "podmonitors")
LEASE: Final = Kind("coordination.k8s.io", "v1", "Lease", "leases")
STRATEGY: Final = Kind(GROUP, VERSION, "TradingStrategy", "tradingstrategies")
SCHEDULE: Final = Kind(GROUP, VERSION, "ScoutSchedule", "scoutschedules")
BACKFILL: Final = Kind(GROUP, VERSION, "Backfill", "backfills")

_ALL: Final = (
    *(POD, SECRET, SERVICE, CONFIG_MAP, SERVICE_ACCOUNT, EVENT, DEPLOYMENT, STATEFUL_SET, JOB, CRON_JOB),
    *(DISRUPTION_BUDGET, NETWORK_POLICY, POD_MONITOR, LEASE, STRATEGY, SCHEDULE, BACKFILL),
)
_BY_NAME: Final = {(kind.api_version, kind.name): kind for kind in _ALL}


def kind_of(manifest: Manifest) -> Kind:
    """Find a manifest's kind; KeyError for one that the operator does not know."""
    return _BY_NAME[manifest["apiVersion"], manifest["kind"]]
