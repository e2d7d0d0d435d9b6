"""Own the app key: one lease, renewed in time, and work that begins only after its owner knows what happened before."""

import asyncio
import os
import socket
import time
import uuid
from collections.abc import Awaitable, Callable

import structlog

from kis_gateway.metrics import IS_OWNER
from prime_jennie.domain.errors import Unavailable
from prime_jennie.infra.database.repositories.leases import LeaseGrant, LeaseRepository, StaleLease
from prime_jennie.infra.outages import OUTAGES, Backoff

log = structlog.get_logger(__name__)

_MARGIN_SHARE = 3  # an order leaves only while a third of the lease is still to run


class Ownership:
    """The lease of one app key, as this run of this process holds it; all seconds are real."""

    def __init__(self, leases: LeaseRepository, name: str, lease_secs: float) -> None:
        self._leases = leases
        self._name = name
        self._lease_secs = lease_secs
        self.owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
        self._grant: LeaseGrant | None = None
        self._is_ready = False
        self.gained = asyncio.Event()
        self.state = "waiting for the lease"

    @property
    def is_ready(self) -> bool:
        """Tell whether orders are accepted: owner, reconciled, lease in force."""
        return self._is_ready and self._grant is not None and self._grant.is_good()

    @property
    def epoch(self) -> int | None:
        return self._grant.epoch if self._grant is not None else None

    def grant(self) -> LeaseGrant:
        """Return the lease of a ready owner or raise Unavailable."""
        if not self.is_ready:
            raise Unavailable(f"this gateway does not take orders: {self.state}")
        return self.held()

    def held(self) -> LeaseGrant:
        """Return the lease with enough of it left to act on, ready or not, or raise Unavailable."""
        grant = self._grant
        if grant is None or not grant.is_good(margin_secs=self._lease_secs / _MARGIN_SHARE):
            raise Unavailable("this gateway does not hold the lease")
        return grant

    async def run(self, reconcile: Callable[[], Awaitable[None]]) -> None:
        """Take the lease, reconcile, keep it; returns when another owner took it, which ends the process.

        Its successor is then the only one with a session, and this process begins anew as a standby.
        """
        await self._take()
        keeper = asyncio.create_task(self._keep(), name="keep-lease")
        starter = asyncio.create_task(self._start(reconcile), name="reconcile")
        try:
            await asyncio.wait({keeper, starter}, return_when=asyncio.FIRST_COMPLETED)
            if starter.done():
                starter.result()  # a bug in it must end the process
            await keeper
        finally:
            self._is_ready = False
            IS_OWNER.set(0)
            for task in (keeper, starter):
                task.cancel()
            await asyncio.wait({keeper, starter})

    async def work(self, once: Callable[[], Awaitable[None]], every_secs: float) -> None:
        """Repeat some work for ever while this run is the ready owner; raises the outage that interrupts it."""
        while True:
            if self.is_ready:
                await once()
            await asyncio.sleep(every_secs)

    async def release(self) -> None:
        """Let a successor begin at once."""
        grant, self._grant, self._is_ready = self._grant, None, False
        if grant is not None:
            await self._leases.release(grant)

    async def _take(self) -> None:
        self.state = "waiting for the lease"
        backoff = Backoff()
        while True:
            try:
                self._grant = await self._leases.acquire(self._name, self.owner, self._lease_secs)
            except OUTAGES as error:
                log.warning("lease not asked for", error=f"{type(error).__name__}: {error}")
                await backoff.pause()
                continue
            if self._grant is not None:
                break
            await asyncio.sleep(min(1.0, self._lease_secs / 5))
        IS_OWNER.set(1)
        self.gained.set()
        log.info("lease taken", epoch=self._grant.epoch)

    async def _start(self, reconcile: Callable[[], Awaitable[None]]) -> None:
        self.state = "reconciling with the broker"
        backoff = Backoff()
        while True:
            try:
                await reconcile()
                break
            except OUTAGES as error:
                log.warning("not reconciled yet", error=f"{type(error).__name__}: {error}")
                self.state = f"reconciling with the broker: {type(error).__name__}: {error}"
            await backoff.pause()
        self._is_ready = True
        self.state = "owner"
        log.info("reconciled, orders are accepted", epoch=self.epoch)

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(self._lease_secs / 3)
            try:
                grant = self._grant
                if grant is None:
                    return
                self._grant = await self._leases.renew(grant, self._lease_secs)
            except StaleLease:
                log.error("another owner took the lease", epoch=self.epoch)
                self._grant = None
                return
            except OUTAGES as error:
                # Without SQL nothing is sent anyway; the lease may still be ours when it returns.
                log.warning("lease not renewed", error=f"{type(error).__name__}: {error}", left=self._left_secs())

    def _left_secs(self) -> float:
        return round(self._grant.good_until - time.monotonic(), 1) if self._grant is not None else 0.0
