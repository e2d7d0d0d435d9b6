"""Make the children what is wanted: apply what differs, remove what nobody wanted, touch nothing that is not ours."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import deque
from collections.abc import Awaitable, Collection, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

import structlog

from prime_jennie.infra.tasks import end_tasks
from prime_jennie_operator.children import (
    MANAGED_BY_LABEL,
    Child,
    ChildKey,
    Children,
    child_key,
    controller_of,
    wanted_hash,
)
from prime_jennie_operator.desired.strategy import MANAGED_BY
from prime_jennie_operator.drift import difference, taken_over, wanted_print
from prime_jennie_operator.kube.api import FIELD_MANAGER, JsonPatch, KubeApi
from prime_jennie_operator.kube.errors import Conflict, Forbidden, Invalid
from prime_jennie_operator.kube.kinds import (
    CONFIG_MAP,
    CRON_JOB,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    NETWORK_POLICY,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    Kind,
    kind_of,
)
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.work import Key, metrics

log = structlog.get_logger(__name__)

PRUNED_KINDS: Final = (
    *(DEPLOYMENT, SERVICE, CONFIG_MAP, SERVICE_ACCOUNT, DISRUPTION_BUDGET, NETWORK_POLICY, CRON_JOB),
)
"""Kinds of which an owner has nothing but what it wants. Not Jobs: a slot's Job ends by itself."""
RETRY_REFUSED_SECS: Final = 30.0
REFUSED_FOR_SECS: Final = 600.0  # what was called wrong is asked again now and then: the cluster's rules may change
LOOK_AGAIN_SECS: Final = 300.0  # at children that no watch tells of
ATTEMPTS: Final = 6
NO_VERSION: Final = "1"  # which no object has: with it, apply makes an object or fails with a conflict, in one request
CONTESTED_HEALS: Final = 5
CONTESTED_WITHIN_SECS: Final = 60.0  # who is changed back so often has an own will: a person must decide

Reason = Literal[
    "ForeignOwner", "Immutable", "Invalid", "Contested",
    "QuotaExceeded", "AdmissionDenied", "Forbidden", "NamespaceTerminating",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Refusal:
    """A child that is not as wanted and will not be without somebody's help."""

    child: ChildKey
    reason: Reason
    message: str
    """The server's sentence, fit for a condition."""

    @property
    def is_lasting(self) -> bool:
        """Whether only another spec or another object can help."""
        return self.reason in ("Immutable", "Invalid", "NamespaceTerminating")

    def __str__(self) -> str:
        return f"{self.child.kind} {self.child.name}: {self.message}"


@dataclass(slots=True)
class Changes:
    """What a convergence did."""

    created: list[ChildKey] = field(default_factory=list)
    updated: list[ChildKey] = field(default_factory=list)
    deleted: list[ChildKey] = field(default_factory=list)
    healed: dict[ChildKey, str] = field(default_factory=dict)
    """Children that others had changed or deleted, with a sentence for a person."""
    refused: list[Refusal] = field(default_factory=list)
    waiting: list[ChildKey] = field(default_factory=list)
    """Children that are being deleted and will be made anew."""

    def add(self, more: Changes) -> None:
        """Take over what was done to another child."""
        self.created += more.created
        self.updated += more.updated
        self.deleted += more.deleted
        self.healed |= more.healed
        self.refused += more.refused
        self.waiting += more.waiting

    @property
    def wrote(self) -> bool:
        return bool(self.created or self.updated or self.deleted)

    @property
    def retry_secs(self) -> float | None:
        """After how many seconds to try again what may be let through by then; None when only a change can help."""
        return RETRY_REFUSED_SECS if any(not refusal.is_lasting for refusal in self.refused) else None


class Applier:
    """Applies wanted objects for an owner. Raises Unavailable, Conflict and NotLeading for the queue to retry."""

    def __init__(
        self, api: KubeApi, children: Children, *, unwatched: Collection[Kind] = (SECRET,), at_once: int = 16
    ) -> None:
        self._api = api
        self._at_once, self._lanes = at_once, 0
        """Of children that are written or looked at at the same time: each convergence has one lane, more are lent."""
        self._children = children
        self._unwatched = frozenset(unwatched)
        """Kinds of which no watch tells: read again after a while."""
        self._looked_at_secs: dict[ChildKey, float] = {}
        self._refused: dict[ChildKey, _Refused] = {}
        self._heals: dict[ChildKey, deque[float]] = {}

    async def converge(
        self, owner: Manifest, wanted: Sequence[Manifest], *, prunes: Collection[Kind] = PRUNED_KINDS
    ) -> Changes:
        """Bring the owner's children to what is wanted; not a single request when they are already.

        What one child is refused does not stop the others: it stands in `refused`.
        """
        changes = Changes()
        for wave in _waves(wanted):
            await self._converge_each(owner, [stamped(owner, manifest) for manifest in wave], changes)
        kept = {child_key(manifest) for manifest in wanted}
        for key, child in self._children.of(owner_key(owner), *prunes).items():
            if key not in kept and child.prunable and not child.deleting:
                await self._prune(key, child, changes)
        self._children.settle(owner_key(owner), kept)
        return changes

    async def _converge_each(self, owner: Manifest, wanted: Sequence[Manifest], changes: Changes) -> None:
        """Bring children to what is wanted, side by side as far as others leave room; the first error ends it.

        What they say comes in the order in which they are wanted.
        """
        todo, told = deque[tuple[ChildKey, Manifest, bytes]](), dict[ChildKey, Changes]()
        for manifest in wanted:
            key, asked = child_key(manifest), wanted_hash(manifest)
            if not self._is_done(key, asked):
                todo.append((key, manifest, asked))
                told[key] = Changes()
        errors: list[Exception] = []
        lanes: list[asyncio.Task[None]] = []

        async def lane(*, is_own: bool) -> None:
            try:
                while todo and not errors and (is_own or self._lanes <= self._at_once):
                    key, manifest, asked = todo.popleft()
                    if todo and self._lanes < self._at_once:
                        self._lanes += 1
                        lanes.append(asyncio.create_task(lane(is_own=False)))
                        lanes[-1].add_done_callback(self._give_back)
                    await self._bring(owner, key, manifest, asked, told[key])
            except Exception as error:
                errors.append(error)

        self._lanes += 1
        try:
            await lane(is_own=True)
            await asyncio.gather(*lanes)
        finally:
            self._give_back()
            await end_tasks(lanes)
        if errors:  # a conflict is the least of them: others say how long to wait, or are defects
            raise next((error for error in errors if not isinstance(error, Conflict)), errors[0])
        for more in told.values():
            changes.add(more)

    def _give_back(self, _: object = None) -> None:
        self._lanes -= 1

    async def _bring(self, owner: Manifest, key: ChildKey, wanted: Manifest, asked: bytes, changes: Changes) -> None:
        held = self._refused.get(key)
        if held is not None:
            if held.stands(asked, self._children.record(key)):
                changes.refused.append(held.refusal)
                return
            del self._refused[key]
        for attempt in range(ATTEMPTS):
            try:
                if await self._step(owner, key, wanted, asked, changes):
                    return
            except Conflict as error:
                log.debug("child changed meanwhile", kind=key.kind, child=key.name, why=error.message)
                await asyncio.sleep(random.uniform(0, 0.02) * 2**attempt)  # noqa: S311 — spreads load
                await self._look(key, wanted)
            except Invalid as error:
                if "metadata.uid" in error.causes:  # another object has its name by now
                    await self._look(key, wanted)
                    continue
                self._refuse(key, asked, "Immutable" if error.is_immutable else "Invalid", error.message, changes)
                return
            except Forbidden as error:
                self._refuse(key, asked, error.because, error.message, changes)
                return
        raise Conflict(f"{key.kind} {key.name} keeps changing while it is written")

    def _is_done(self, key: ChildKey, asked: bytes) -> bool:
        child = self._children.record(key)
        if child is None or child.verified_for != asked:
            return False
        if not self._is_unwatched(key):
            return True
        if time.monotonic() - self._looked_at_secs.get(key, -math.inf) < LOOK_AGAIN_SECS:
            return True
        child.verified_for = None
        return False

    def _is_unwatched(self, key: ChildKey) -> bool:
        return any(kind.name == key.kind for kind in self._unwatched)

    def _note_look(self, key: ChildKey) -> None:
        if self._is_unwatched(key):
            self._looked_at_secs[key] = time.monotonic()

    def _may_be_unseen(self, owner: Manifest, key: ChildKey) -> bool:
        """Tell whether a process before this one may have made a child of which no watch tells."""
        return self._is_unwatched(key) and key not in self._looked_at_secs and bool(owner.get("status"))

    async def _step(self, owner: Manifest, key: ChildKey, wanted: Manifest, asked: bytes, changes: Changes) -> bool:
        """Do one thing towards the wanted child; True when no more is to be done now."""
        child = self._children.record(key)
        if child is None:
            if self._may_be_unseen(owner, key) and await self._look(key, wanted) is not None:
                return False
            return await self._create(key, wanted, asked, changes)
        if child.verified_for == asked:
            return True
        if child.deleting:
            changes.waiting.append(key)
            return True
        if child.verified_for is not None:  # it is what was wanted before: no need to look
            return await self._apply(key, wanted, asked, child, changes)
        if child.print is not None and child.print == wanted_print(wanted) and child.prunable:
            child.verify(asked)
            return True
        live = await self._look(key, wanted)
        child = self._children.record(key)
        if live is None or child is None:
            return False
        if (whose := foreign_owner(owner, live)) is not None:
            self._children.forget(key)
            self._refuse(key, asked, "ForeignOwner", whose, changes)
            return True
        return await self._mend(key, wanted, asked, child, live, changes)

    async def _create(self, key: ChildKey, wanted: Manifest, asked: bytes, changes: Changes) -> bool:
        """Make a child that no watch knows; whatever has its name already stays untouched and is looked at."""
        was_lost = self._children.was_lost(key)
        this_one = {**wanted, "metadata": {**wanted["metadata"], "resourceVersion": NO_VERSION}}
        is_current = await self._write(key, asked, self._api.apply(this_one), "create")
        changes.created.append(key)
        if was_lost:
            self._healed(key, "was deleted and has been made again", changes)
        return is_current

    async def _apply(self, key: ChildKey, wanted: Manifest, asked: bytes, child: Child, changes: Changes) -> bool:
        this_one = {**wanted, "metadata": {**wanted["metadata"], "uid": child.uid}}
        again = key in changes.updated
        is_current = await self._write(key, asked, self._api.apply(this_one), "apply", None if again else wanted)
        if not again:
            changes.updated.append(key)
        return is_current

    async def _mend(
        self, key: ChildKey, wanted: Manifest, asked: bytes, child: Child, live: Manifest, changes: Changes
    ) -> bool:
        """Compare a child with what is wanted, and write what differs."""
        found = difference(wanted, live, FIELD_MANAGER)
        if found is None:
            child.verify(asked)
            return True
        by = " and ".join(found.added_by)
        # Nothing new was wanted; what has lost our label is gone for the watch, and is here all the same.
        is_drift = (child.applied_for == asked or self._children.was_lost(key)) and key not in changes.updated
        if is_drift and self._is_contested(key):
            self._refuse(key, asked, "Contested", f"{by or 'somebody'} keeps changing {found.where}", changes)
            return True
        if found.added_by:
            await self._take_over(key, wanted, live)
        is_done = await self._apply(key, wanted, asked, child, changes)
        if is_drift:
            told = f"{found.where} was changed{f' by {by}' if by else ''} and has been restored"
            self._healed(key, told, changes)
        return is_done

    async def _take_over(self, key: ChildKey, wanted: Manifest, live: Manifest) -> None:
        """Become the owner of what others have added, so that the next apply removes it."""
        patch: JsonPatch = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": live["metadata"]["resourceVersion"]},
            {"op": "add", "path": "/metadata/managedFields", "value": taken_over(wanted, live, FIELD_MANAGER)},
        ]
        metrics.CHILD_WRITES.labels(key.kind, "patch").inc()
        self._children.begin_write(key)
        try:
            self._children.saw(await self._api.patch(kind_of(live), key.namespace, key.name, patch))
        finally:
            self._children.end_write(key)

    async def _write(
        self, key: ChildKey, asked: bytes, write: Awaitable[Manifest], verb: str, wanted: Manifest | None = None
    ) -> bool:
        """Write and learn from the answer, which is compared if `wanted` is given; True when no more is to be done.

        What still differs after a second time is somebody's in the cluster, a webhook's say, and is let be.
        """
        metrics.CHILD_WRITES.labels(key.kind, verb).inc()
        self._children.begin_write(key)
        try:
            answer = await write
            self._note_look(key)
            is_done = wanted is None or difference(wanted, answer, FIELD_MANAGER) is None
            return self._children.wrote(answer, asked if is_done else None)
        finally:
            self._children.end_write(key)

    async def _look(self, key: ChildKey, wanted: Manifest) -> Manifest | None:
        """Read the child and learn what it is."""
        live = await self._api.get(kind_of(wanted), key.namespace, key.name)
        self._note_look(key)
        if live is None:
            self._children.forget(key)
        else:
            self._children.saw(live)
        return live

    async def _prune(self, key: ChildKey, child: Child, changes: Changes) -> None:
        metrics.CHILD_WRITES.labels(key.kind, "delete").inc()
        kind = next(kind for kind in PRUNED_KINDS if kind.name == key.kind)
        self._children.begin_write(key)
        child.pruned = True
        try:
            await self._api.delete(kind, key.namespace, key.name, uid=child.uid)
            child.deleting = True
        except Conflict:
            child.pruned = False
            return  # another object has its name by now; its own event will tell of it
        except Forbidden as error:
            child.pruned = False
            changes.refused.append(Refusal(key, error.because, error.message))
            return
        finally:
            self._children.end_write(key)
        changes.deleted.append(key)

    def _refuse(self, key: ChildKey, asked: bytes, reason: Reason, message: str, changes: Changes) -> None:
        refusal = Refusal(key, reason, message)
        self._refused[key] = _Refused(asked, _print_of(self._children.record(key)), refusal, time.monotonic())
        changes.refused.append(refusal)

    def _healed(self, key: ChildKey, sentence: str, changes: Changes) -> None:
        self._heals.setdefault(key, deque(maxlen=CONTESTED_HEALS)).append(time.monotonic())
        metrics.DRIFTS.labels(key.kind).inc()
        changes.healed[key] = f"{key.kind} {key.name}: {sentence}"

    def _is_contested(self, key: ChildKey) -> bool:
        heals = self._heals.get(key, deque())
        return len(heals) == CONTESTED_HEALS and time.monotonic() - heals[0] < CONTESTED_WITHIN_SECS


def _waves(wanted: Sequence[Manifest]) -> tuple[list[Manifest], list[Manifest]]:
    """Part what makes pods from what its pods need before they start."""
    makers = (DEPLOYMENT.name, CRON_JOB.name)
    return [one for one in wanted if one["kind"] not in makers], [one for one in wanted if one["kind"] in makers]


@dataclass(frozen=True, slots=True)
class _Refused:
    asked: bytes
    fingerprint: bytes
    refusal: Refusal
    at_secs: float

    def stands(self, asked: bytes, child: Child | None) -> bool:
        """Tell whether asking again is pointless: wish and object are the same, and it was not long ago."""
        patience = REFUSED_FOR_SECS if self.refusal.is_lasting else RETRY_REFUSED_SECS - 1
        same = self.asked == asked and self.fingerprint == _print_of(child)
        return same and time.monotonic() - self.at_secs < patience


def stamped(owner: Manifest, manifest: Manifest) -> Manifest:
    """Say on a wanted object whose it is: our label, and its owner as the one controller."""
    metadata = owner["metadata"]
    reference = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": metadata["name"],
        "uid": metadata["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    labels = {**(manifest["metadata"].get("labels") or {}), MANAGED_BY_LABEL: MANAGED_BY}
    return {**manifest, "metadata": {**manifest["metadata"], "labels": labels, "ownerReferences": [reference]}}


def owner_key(owner: Manifest) -> Key:
    return Key(owner["kind"], owner["metadata"]["namespace"], owner["metadata"]["name"])


def foreign_owner(owner: Manifest, live: Manifest) -> str | None:
    """Say whose an existing object is; None when it is the owner's: by reference, or by our label if it has none."""
    controller, told = controller_of(live), live["metadata"].get("labels") or {}
    if controller is not None:
        ours = (owner["kind"], owner["metadata"]["name"])
        is_ours = (controller["kind"], controller["name"]) == ours and controller["apiVersion"] == owner["apiVersion"]
        return None if is_ours else f"belongs to {controller['kind']} {controller['name']}"
    by = told.get(MANAGED_BY_LABEL)
    if by == MANAGED_BY:
        return None
    if by is not None:
        return f"is managed by {by}"
    managers = {entry.get("manager") for entry in live["metadata"].get("managedFields") or ()}
    return None if FIELD_MANAGER in managers else "exists already and was not made for this object"


def _print_of(child: Child | None) -> bytes:
    return b"" if child is None else child.fingerprint
