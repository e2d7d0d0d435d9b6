"""What exists of our children and whether it is what was wanted, in as little memory as possible."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Callable, Container, Mapping
from hashlib import blake2b
from typing import Any, Final, NamedTuple

import orjson

from prime_jennie_operator.desired.strategy import MANAGED_BY
from prime_jennie_operator.drift import applied_print, canonical
from prime_jennie_operator.kube.api import FIELD_MANAGER
from prime_jennie_operator.kube.kinds import BACKFILL, SCHEDULE, STRATEGY, Kind
from prime_jennie_operator.manifest import SCHEDULE_LABEL, STRATEGY_LABEL, Manifest
from prime_jennie_operator.resources.meta import GROUP
from prime_jennie_operator.work import Key

MANAGED_BY_LABEL: Final = "app.kubernetes.io/managed-by"
_NO_MARKS: Final[Mapping[str, str]] = {}
_OWN_KINDS: Final = frozenset({STRATEGY.name, SCHEDULE.name, BACKFILL.name})
_NOT_PRINTED: Final = frozenset({"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"})


class ChildKey(NamedTuple):
    """Which child: its kind's name, its namespace, its name."""

    kind: str
    namespace: str
    name: str


class Child:
    """One object that exists."""

    __slots__ = (
        "_facts",
        "applied_for",
        "deleting",
        "fingerprint",
        "listing",
        "marks",
        "owner",
        "print",
        "prunable",
        "pruned",
        "uid",
        "verified_for",
        "version",
    )

    def __init__(self) -> None:
        self.uid = ""
        self.version = ""
        self.fingerprint = b""
        self.verified_for: bytes | None = None
        """Hash of the wanted object that this one was found to be; None until somebody compared them."""
        self.applied_for: bytes | None = None
        """Hash of the wanted object that this one was last; None until then."""
        self.print: bytes | None = None
        """Hash of what we own of it, while it is not verified; see `drift.applied_print`."""
        self.listing = 0
        """Number of the listing of its kind that told of it last."""
        self.owner: Key | None = None
        self.prunable = False
        """Whether no other controller owns it."""
        self.pruned = False
        """Whether it goes because we said so."""
        self.deleting = False
        self._facts = b"{}"
        self.marks: Mapping[str, str] = {}
        """Its annotations of our own group."""

    @property
    def status(self) -> dict[str, Any]:
        """The status as far as it is kept; see `facts_of`."""
        return dict(orjson.loads(self._facts))

    def learn(self, manifest: Manifest) -> bool:
        """Take over what the API server tells; return whether anything but its version is news."""
        metadata = manifest["metadata"]
        owner, prunable = owner_of(manifest)
        deleting, facts, printed = "deletionTimestamp" in metadata, facts_of(manifest), fingerprint(manifest)
        is_news = (deleting, facts, printed, metadata["uid"]) != (
            *(self.deleting, self._facts, self.fingerprint),
            self.uid,
        )
        if printed != self.fingerprint or metadata["uid"] != self.uid:
            self.verified_for = None
        self.pruned = self.pruned and metadata["uid"] == self.uid
        self.uid, self.version = str(metadata["uid"]), str(metadata["resourceVersion"])
        self.owner, self.prunable, self.deleting = owner, prunable, deleting
        self._facts, self.fingerprint, self.marks = facts, printed, marks_of(manifest)
        return is_news

    def verify(self, wanted: bytes) -> None:
        """Note that the object, as it was last learnt, is the wanted one."""
        self.verified_for, self.applied_for, self.print = wanted, wanted, None


class Children:
    """Records of every object that carries our managed-by label, and of what we wrote ourselves."""

    def __init__(
        self, listings: Callable[[str], int] = lambda _: 0, exists: Callable[[Key], bool] = lambda _: True
    ) -> None:
        self._listings = listings
        self._exists = exists
        """Whether an owner is there: without it the garbage collector takes its children, and nobody misses them."""
        self._records: dict[ChildKey, Child] = {}
        self._by_owner: dict[Key, set[ChildKey]] = defaultdict(set)
        self._being_written: set[ChildKey] = set()
        self._lost: dict[ChildKey, Key | None] = {}
        """Owners of children that somebody else deleted, until they are made again or not wanted any more."""

    def __len__(self) -> int:
        return len(self._records)

    def get(self, kind: Kind, namespace: str, name: str) -> Child | None:
        return self._records.get(ChildKey(kind.name, namespace, name))

    def record(self, key: ChildKey) -> Child | None:
        return self._records.get(key)

    def of(self, owner: Key, *kinds: Kind) -> dict[ChildKey, Child]:
        """Return the children of an owner, of all kinds or of these, pods and Jobs of its CronJobs among them."""
        names = {kind.name for kind in kinds}
        keys = self._by_owner.get(owner, ())
        return {key: self._records[key] for key in keys if not names or key.kind in names}

    def saw(self, manifest: Manifest, *, deleted: bool = False) -> Key | None:
        """Learn from a watch; return the owner that should look at it."""
        key, uid = child_key(manifest), str(manifest["metadata"]["uid"])
        child = self._records.get(key)
        if deleted:
            if child is None or child.uid != uid:
                return None  # pruned by us, or replaced already
            self._lose(key, child)
            return child.owner
        if child is not None and child.uid == uid:
            child.listing = self._listings(key.kind)
            if not _is_newer(manifest["metadata"]["resourceVersion"], child):
                return None
        if child is None:
            child = self._records[key] = Child()
        is_news, is_echo = self._learn(key, child, manifest), key in self._being_written
        if child.verified_for is None:  # the answer to a write says more, and it is about to come
            child.print = None if is_echo else applied_print(manifest, FIELD_MANAGER)
        return child.owner if is_news and not is_echo else None

    def begin_write(self, key: ChildKey) -> None:
        """Hold back news of a child that is being written: most of it is the write's own echo."""
        self._being_written.add(key)

    def end_write(self, key: ChildKey) -> None:
        self._being_written.discard(key)

    def wrote(self, manifest: Manifest, wanted: bytes | None) -> bool:
        """Learn from the answer to a write, which is what was wanted unless that is None.

        False when it is to be compared: the watch has told of something newer, or it is not what was wanted.
        """
        key = child_key(manifest)
        self._lost.pop(key, None)
        child = self._records.get(key)
        if child is None:
            child = self._records[key] = Child()
        elif child.uid == manifest["metadata"]["uid"] and not _is_current(manifest, child):
            return wanted is not None and child.verified_for == wanted
        if (child.uid, child.version) != (manifest["metadata"]["uid"], manifest["metadata"]["resourceVersion"]):
            self._learn(key, child, manifest)  # else the watch was faster
        if wanted is None:
            child.verified_for = child.print = None
        else:
            child.verify(wanted)
        return wanted is not None

    def forget(self, key: ChildKey) -> None:
        """Drop the record of an object that is gone."""
        child = self._records.pop(key, None)
        if child is not None and child.owner is not None:
            self._by_owner[child.owner].discard(key)
            if not self._by_owner[child.owner]:
                del self._by_owner[child.owner]

    def unmentioned(self, kinds: Container[str]) -> list[ChildKey]:
        """List the children that the last listing of their kind did not tell of: they may be gone."""
        return [
            key
            for key, child in self._records.items()
            if key.kind in kinds and child.listing < self._listings(key.kind)
        ]

    def lose(self, key: ChildKey) -> Key | None:
        """Note that a child is gone, though no watch has said so; return the owner that should look at it."""
        child = self._records.get(key)
        if child is None:
            return None
        self._lose(key, child)
        return child.owner

    def was_lost(self, key: ChildKey) -> bool:
        """Tell whether somebody deleted this child, not we."""
        return key in self._lost

    def settle(self, owner: Key, wanted: Container[ChildKey]) -> None:
        """Miss no child of an owner that is not wanted any more."""
        for key in [key for key, whose in self._lost.items() if whose == owner and key not in wanted]:
            del self._lost[key]

    def _lose(self, key: ChildKey, child: Child) -> None:
        self.forget(key)
        is_missed = child.owner is None or (child.prunable and self._exists(child.owner))
        if is_missed and not child.pruned:
            self._lost[key] = child.owner

    def _learn(self, key: ChildKey, child: Child, manifest: Manifest) -> bool:
        before = child.owner
        child.listing = self._listings(key.kind)
        is_news = child.learn(manifest)
        if before != child.owner:
            if before is not None:
                self._by_owner[before].discard(key)
            if child.owner is not None:
                self._by_owner[child.owner].add(key)
        return is_news


def child_key(manifest: Manifest) -> ChildKey:
    metadata = manifest["metadata"]
    return ChildKey(sys.intern(manifest["kind"]), sys.intern(metadata["namespace"]), metadata["name"])


def controller_of(manifest: Manifest) -> dict[str, Any] | None:
    """Find the owner reference that controls an object."""
    references = manifest["metadata"].get("ownerReferences") or ()
    return next((reference for reference in references if reference.get("controller")), None)


def owner_of(manifest: Manifest) -> tuple[Key | None, bool]:
    """Return which of our objects a child belongs to, and whether it is that one's own: not a Job of its CronJob."""
    metadata = manifest["metadata"]
    controller = controller_of(manifest)
    if controller and controller["kind"] in _OWN_KINDS and controller["apiVersion"].startswith(f"{GROUP}/"):
        return _owner(controller["kind"], metadata["namespace"], controller["name"]), True
    told = metadata.get("labels") or {}
    if told.get(MANAGED_BY_LABEL) != MANAGED_BY:
        return None, False
    for label, kind in ((STRATEGY_LABEL, STRATEGY), (SCHEDULE_LABEL, SCHEDULE)):
        if label in told:
            return _owner(kind.name, metadata["namespace"], told[label]), controller is None
    return None, False


def _owner(kind: str, namespace: str, name: str) -> Key:
    """Name an owner in words that all its children share in memory."""
    return Key(sys.intern(kind), sys.intern(namespace), sys.intern(name))


def wanted_hash(manifest: Manifest) -> bytes:
    """Hash a wanted object: the same whatever the order of its keys."""
    return blake2b(canonical(manifest), digest_size=16).digest()


def fingerprint(manifest: Manifest) -> bytes:
    """Hash a live object without what changes by itself."""
    metadata = {key: value for key, value in manifest["metadata"].items() if key not in _NOT_PRINTED}
    return wanted_hash({**{k: v for k, v in manifest.items() if k != "status"}, "metadata": metadata})


def facts_of(manifest: Manifest) -> bytes:
    """Keep of the status what reconcilers ask for: the progress of workloads, why a pod does not run."""
    kind = manifest["kind"]
    status = manifest.get("status") or {}
    kept: dict[str, Any] = {}
    if kind == "Pod":
        kept = pod_facts(status)
    elif kind in ("Deployment", "Job", "CronJob"):
        kept = {key: value for key, value in status.items() if not isinstance(value, dict | list)}
        kept["conditions"] = [
            {key: told.get(key) for key in ("type", "status", "reason", "message")}
            for told in status.get("conditions") or ()
        ]
    return canonical(kept)


def marks_of(manifest: Manifest) -> Mapping[str, str]:
    """Pick the annotations of our group."""
    annotations = manifest["metadata"].get("annotations") or {}
    return {sys.intern(key): text for key, text in annotations.items() if key.startswith(f"{GROUP}/")} or _NO_MARKS


def pod_facts(status: Mapping[str, Any]) -> dict[str, Any]:
    """Pick of a pod's status whether it is ready, and why it is not."""
    ready = next((c.get("status") for c in status.get("conditions") or () if c.get("type") == "Ready"), "False")
    containers = []
    for told in status.get("containerStatuses") or ():
        state, before = told.get("state") or {}, told.get("lastState") or {}
        ended = state.get("terminated") or before.get("terminated") or {}
        containers.append(
            {
                "name": told.get("name"),
                "ready": told.get("ready"),
                "restarts": told.get("restartCount"),
                "waiting": state.get("waiting"),
                "ended": {key: ended.get(key) for key in ("reason", "exitCode")} if ended else None,
            }
        )
    kept = {"phase": status.get("phase"), "ready": ready == "True", "containers": containers}
    problems = [
        {key: told.get(key) for key in ("type", "reason", "message")}
        for told in status.get("conditions") or ()
        if told.get("status") == "False" and told.get("reason") not in (None, "PodCompleted", "ContainersNotReady")
    ]
    return kept | ({"problems": problems} if problems else {})


def _is_newer(version: str, child: Child) -> bool:
    if version.isdecimal() and child.version.isdecimal():
        return int(version) > int(child.version)
    return version != child.version


def _is_current(manifest: Manifest, child: Child) -> bool:
    """Tell whether an answer is at least as new as what the watch told last."""
    version = str(manifest["metadata"]["resourceVersion"])
    return version == child.version or _is_newer(version, child)
