"""Who of several operators writes: a Lease of coordination.k8s.io, renewed by its holder, taken over when it is silent.

The API server does not fence: a write of a former leader would be done. So a leader counts its time from before it
asked for the renewal, on a clock that nobody sets, and stops by itself `renew_deadline_secs` later; others wait
`lease_duration_secs` from when they saw the last renewal, which is later still. A write lives for less than the
difference.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import structlog

from prime_jennie_operator.kube.api import KubeApi
from prime_jennie_operator.kube.errors import Conflict, KubeError
from prime_jennie_operator.leadership import Leadership, steady_secs
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.settings import OperatorSettings
from prime_jennie_operator.work import metrics

log = structlog.get_logger(__name__)

RELEASE_SECS: Final = 2.0  # for the request that gives the lease back; who cannot is replaced a lease later
SURPRISED_SECS: Final = 0.05  # until the next look after a conflict
_TIME: Final = "%Y-%m-%dT%H:%M:%S.%fZ"


def utc_now() -> datetime:
    """Read the machine's clock: leases are of this world, whatever day the exchange plays."""
    return datetime.now(UTC)


class Election:
    """Tries to hold one lease until it is told to give it back."""

    def __init__(
        self,
        api: KubeApi,
        leadership: Leadership,
        settings: OperatorSettings,
        namespace: str,
        *,
        now_secs: Callable[[], float] = steady_secs,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._api = api
        self._leadership = leadership
        self._settings = settings
        self._namespace = namespace
        # Not the host's name alone: two processes on one host must never both take themselves for the holder.
        self.identity = f"{settings.instance}_{uuid4().hex[:12]}"
        self._now_secs = now_secs
        self._now = now
        self._lease: Manifest | None = None
        """The lease as it was last seen; None before, and after an answer that says nothing."""
        self._is_surprised = False
        self._renewals = 0
        self._seen: tuple[str, float] = ("", 0.0)
        """Its version, and since when it is unchanged."""

    async def run(self) -> None:
        """Hold the lease whenever it can be had, until cancelled."""
        metrics.LEADER.labels(self._settings.lease_name).set_function(lambda: float(self._leadership.is_leader))
        led = False
        while True:
            await self._try()
            leads = self._leadership.is_leader
            if leads != led:
                log.info("leading" if leads else "not leading any more", lease=self._settings.lease_name)
                led = leads
            await asyncio.sleep(self._pause_secs(leads))

    async def release(self) -> None:
        """Stop writing, and let the next one lead at once; what was being written has ended before."""
        self._leadership.end()
        lease = self._lease
        if lease is None or not self._is_ours(lease):
            return
        try:
            try:
                await self._give_back(lease)
            except Conflict:  # our last renewal was cut off after it was sent
                known = await self._api.get_lease(self._namespace, self._settings.lease_name, RELEASE_SECS)
                if known is not None and self._is_ours(known):
                    await self._give_back(known)
            log.info("lease given back", lease=self._settings.lease_name)
        except KubeError as error:
            log.warning("lease not given back; it ends by itself", why=error.message)

    async def _give_back(self, lease: Manifest) -> None:
        spec = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": self._time()}
        await self._api.write_lease({**lease, "spec": spec}, RELEASE_SECS)

    async def _try(self) -> None:
        """Renew the lease or take it, if it can be had, and lead from then on."""
        began_secs = self._now_secs()
        within_secs = self._settings.request_secs
        try:
            if self._lease is None or not self._is_ours(self._lease):
                self._note(await self._api.get_lease(self._namespace, self._settings.lease_name, within_secs))
                began_secs = self._now_secs()
            if self._lease is not None and not self._is_ours(self._lease) and not self._is_free(self._lease):
                self._leadership.end()  # somebody took it from us, whatever time we thought to have
                return
            self._note(await self._api.write_lease(self._wanted(), within_secs))
        except Conflict:
            self._lease = None  # somebody was faster: look who it is, at once
            self._is_surprised = True
            return
        except KubeError as error:
            self._lease = None
            log.warning("lease not renewed", leads_for_secs=round(self._leadership.left_secs, 1), why=error.message)
            return
        self._leadership.extend(began_secs + self._settings.renew_deadline_secs)

    def _pause_secs(self, leads: bool) -> float:
        """Wait for the next look; who waits for a silent leader's end looks at that very moment."""
        pause_secs = self._settings.retry_period_secs
        if self._is_surprised:
            self._is_surprised = False
            return SURPRISED_SECS
        if leads or self._lease is None:
            return pause_secs
        left_secs = self._seen[1] + self._patience_secs(self._lease) - self._now_secs()
        return min(pause_secs * random.uniform(0.8, 1.2), max(left_secs + 0.01, 0.05))  # noqa: S311

    def _note(self, lease: Manifest | None) -> None:
        self._lease = lease
        version = "" if lease is None else str(lease["metadata"]["resourceVersion"])
        if version != self._seen[0]:
            self._seen = (version, self._now_secs())

    def _is_ours(self, lease: Manifest) -> bool:
        return bool((lease.get("spec") or {}).get("holderIdentity") == self.identity)

    def _is_free(self, lease: Manifest) -> bool:
        """Tell whether nobody holds it, or the holder was silent for longer than it and we agreed to wait."""
        spec = lease.get("spec") or {}
        if not spec.get("holderIdentity"):
            return True
        return self._now_secs() - self._seen[1] > self._patience_secs(lease)

    def _patience_secs(self, lease: Manifest) -> float:
        told_secs = float((lease.get("spec") or {}).get("leaseDurationSeconds") or 0)
        return max(self._settings.lease_duration_secs, told_secs)

    def _wanted(self) -> Manifest:
        now, before = self._time(), self._lease
        spec: dict[str, Any] = dict((before or {}).get("spec") or {})
        if spec.get("holderIdentity") != self.identity:
            spec["acquireTime"] = now
            spec["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + (before is not None)
        spec |= {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": max(1, round(self._settings.lease_duration_secs)),
            "renewTime": now,
        }
        metadata = {"name": self._settings.lease_name, "namespace": self._namespace}
        if before is not None:
            metadata["resourceVersion"] = before["metadata"]["resourceVersion"]
        return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": spec}

    def _time(self) -> str:
        """Write the time, never the same twice: the API server does not store what has not changed, and others wait."""
        self._renewals += 1
        return (self._now() + timedelta(microseconds=self._renewals % 1_000)).strftime(_TIME)
