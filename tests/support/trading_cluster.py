"""A desk in pods: the chart installed on a real node, a strategy that trades, and a person's hands."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
from sqlalchemy.exc import OperationalError

from jennie.demo import DAY_OF_A_MADE_MARKET
from jennie.evidence import Evidence, read_database, read_exchange
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.calendar import load_sessions
from scripts.cluster.demo import SMALL, database_url, make_room
from scripts.cluster.installation import CHART, REACHED_WITHIN_SECS, Installation, why_not_ready
from tests.support import web

T = TypeVar("T")
NAMESPACE = "jennie-test"
STRATEGY = "krx-core"
ACCOUNT = "50012345-01"
DAY = DAY_OF_A_MADE_MARKET
SESSION = load_sessions().get(DAY)
assert SESSION is not None
STARTS = f"{(SESSION.opening_auction_at - timedelta(minutes=15)).astimezone(KST):%H:%M}"
PODS_WITHIN_SECS = 600.0
HEALED_WITHIN_SECS = 180.0
TRADED_WITHIN_SECS = 420.0
LOOK_SECS = 0.5


@dataclass
class TradingDesk:
    """The installation with its exchange in reach; whatever a test looks at is asked anew."""

    installation: Installation
    values: tuple[Path, ...]
    control_url: str
    dashboard_url: str
    database: str
    """Where MariaDB is reached, HOST:PORT."""
    settings: dict[str, Any] = field(default_factory=dict)

    def pace(self, rate: float) -> None:
        """Cap the virtual day in times of real time; 0: as fast as everybody follows."""
        url = f"{self.control_url}/control/clock"
        patiently(lambda: web.post(url, json={"rate": rate}, timeout=20).raise_for_status())

    def clock(self) -> Mapping[str, Any]:
        return self._ask("/control/clock")

    def ledger(self) -> Mapping[str, Any]:
        return self._ask(f"/control/ledger/{ACCOUNT}")

    def stats(self) -> Mapping[str, Any]:
        return self._ask("/control/stats")

    def _ask(self, path: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = ask(f"{self.control_url}{path}")
        return found

    def evidence(self) -> Evidence:
        """Read what the exchange and the tables say, as the judge of a day does."""
        here = database_url(self.installation, self.database)

        def read() -> Evidence:
            ledger, stats = read_exchange(self.control_url, ACCOUNT)
            return Evidence(ledger=ledger, stats=stats, **read_database(here, ACCOUNT))

        return patiently(read)

    def dashboard(self, path: str) -> Any:
        token = self.installation.secret("prime-jennie")["read-token"]
        return ask(f"{self.dashboard_url}{path}", Authorization=f"Bearer {token}")

    def conditions(self, strategy: str = STRATEGY) -> dict[str, Mapping[str, Any]]:
        status = self.installation.get("tradingstrategy", strategy).get("status", {})
        return {one["type"]: one for one in status.get("conditions", ())}

    def until_ready(self, strategy: str = STRATEGY, within_secs: float = HEALED_WITHIN_SECS) -> None:
        def ready() -> bool:
            return self.conditions(strategy).get("Ready", {}).get("status") == "True"

        until(ready, within_secs, lambda: told(self.conditions(strategy)))

    def pods(self, selector: str = "") -> dict[str, dict[str, Any]]:
        found = self.installation.get("pods", *(("--selector", selector) if selector else ()))["items"]
        return {pod["metadata"]["name"]: pod for pod in found}

    def uid_of(self, workload: str) -> set[str]:
        """Return the uids of a workload's live pods."""
        pods = self.pods(f"app.kubernetes.io/name={workload}")
        return {one["metadata"]["uid"] for one in pods.values() if "deletionTimestamp" not in one["metadata"]}

    def replace_pods(self, workload: str) -> None:
        """Delete a workload's pods and wait until as many new ones are ready."""
        selector = f"app.kubernetes.io/name={workload}"
        before = self.uid_of(workload)
        assert before, f"no pod of {workload}"
        self.installation.kubectl("delete", "pod", "--selector", selector, "--wait=false")

        def healed() -> bool:
            pods = self.pods(selector)
            fresh = {pod["metadata"]["uid"] for pod in pods.values() if not why_not_ready(pod)}
            return not before & {pod["metadata"]["uid"] for pod in pods.values()} and len(fresh) == len(before)

        until(healed, HEALED_WITHIN_SECS, lambda: [why_not_ready(pod) for pod in self.pods(selector).values()])

    def logs(self, workload: str) -> str:
        """Return what the pods of a workload have said."""
        selector = f"app.kubernetes.io/name={workload}"
        return self.installation.kubectl("logs", "--selector", selector, "--tail=-1", "--prefix")

    def left(self) -> set[str]:
        """Name everything in the namespace, of whatever kind."""
        kinds = self.installation.kubectl("api-resources", "--verbs=list", "--namespaced", "-o", "name").split()
        listed = self.installation.kubectl(
            "get", ",".join(sorted(set(kinds) - NOT_OURS)), "-o", "name", "--ignore-not-found"
        )
        return {name for name in listed.split() if name not in OF_EVERY_NAMESPACE}


# Of a namespace itself, and what only tells of the past.
NOT_OURS = {"events", "events.events.k8s.io", "pods.metrics.k8s.io"}
OF_EVERY_NAMESPACE = {"configmap/kube-root-ca.crt", "serviceaccount/default"}


def ask(url: str, **headers: str) -> Any:
    """Return a JSON answer."""
    return patiently(lambda: web.get(url, headers=headers, timeout=20).raise_for_status().json())


def patiently(question: Callable[[], T]) -> T:
    """Ask again for a while: a way to a pod that was replaced ends with the first question, and begins anew."""
    deadline = time.monotonic() + REACHED_WITHIN_SECS
    while True:
        try:
            return question()
        except (httpx.TransportError, OperationalError):
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_SECS)


def until(holds: Callable[[], bool], within_secs: float, why: Callable[[], object] = lambda: "") -> None:
    """Ask until it holds; a service that restarts is asked again."""
    deadline = time.monotonic() + within_secs
    while True:
        try:
            if holds():
                return
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline, f"not within {within_secs:.0f} s: {why()}"
        time.sleep(LOOK_SECS)


def told(conditions: Mapping[str, Mapping[str, Any]]) -> str:
    return json.dumps({kind: (one["status"], one["reason"], one.get("message")) for kind, one in conditions.items()})


@contextmanager
def running_desk(images: Path, kubeconfig: Path, *, keep: bool) -> Iterator[TradingDesk]:
    """Install the chart with an exchange of its own whose day begins at real speed, shortly before the auction."""
    installation = Installation(NAMESPACE, kubeconfig)
    make_room(installation)
    settings = {"kisSimulator": {"day": DAY.isoformat(), "startAt": STARTS, "rate": 1}}
    files = (CHART / "presets" / "simulator.yaml", SMALL, images)
    installation.install(*files, values=settings)
    installation.wait_for_pods(PODS_WITHIN_SECS)
    with installation.reached(("kis-simulator", 9444), ("dashboard-api", 8090), ("mariadb", 3307)) as at:
        yield TradingDesk(
            installation,
            files,
            control_url=f"http://{at['kis-simulator']}",
            dashboard_url=f"http://{at['dashboard-api']}",
            database=at["mariadb"],
            settings=settings,
        )
    if not keep:
        installation.remove()
