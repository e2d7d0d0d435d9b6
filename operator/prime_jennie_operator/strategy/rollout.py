"""The gate before a trading pod: a changed template waits while the exchange is open, or while a person says so.

What a Deployment was last let through with stands in its annotation. While the gate is shut that template is applied
instead of the new one, so that everything else about the Deployment is still healed.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from prime_jennie.domain.sessions import KST
from prime_jennie.domain.trading_strategy import Rollout
from prime_jennie_operator.desired.strategy import SECRETS_ANNOTATION
from prime_jennie_operator.drift import canonical
from prime_jennie_operator.manifest import Manifest, name_of
from prime_jennie_operator.marks import FREEZE_ROLLOUT, is_set
from prime_jennie_operator.resources.meta import GROUP
from prime_jennie_operator.strategy.exchange_hours import ExchangeHours

APPLIED_TEMPLATE: Final = f"{GROUP}/applied-template"
_LONGEST_MARK_BYTES: Final = 200_000  # of the 262,144 that all annotations of an object may have

Template = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Gate:
    """Whether changed pods may come up now; `reason` is one word, `why` ends a sentence."""

    reason: str = ""
    why: str = ""
    spares_what_works: bool = False
    """It keeps working pods from harm: one that cannot run as it is has nothing to lose by a change."""

    @property
    def is_shut(self) -> bool:
        return bool(self.reason)


@dataclass(frozen=True, slots=True)
class Passed:
    """What to apply now, and what waits: the Deployments by name with what is new about them."""

    objects: list[Manifest]
    waiting: Mapping[str, str]


def gate(annotations: Mapping[str, str], rollout: Rollout, hours: ExchangeHours) -> Gate:
    """Judge by a person's annotation first, then by the exchange."""
    if is_set(annotations, FREEZE_ROLLOUT):
        return Gate("Frozen", f"while the annotation {FREEZE_ROLLOUT} is set")
    if rollout is Rollout.OUTSIDE_SESSION and hours.open_until is not None:
        return Gate(
            "ExchangeOpen", f"until the exchange closes at {clock_of(hours.open_until)}", spares_what_works=True
        )
    return Gate()


def clock_of(at: datetime) -> str:
    return f"{at.astimezone(KST):%Y-%m-%d %H:%M} KST"


def through_gate(
    wanted: Sequence[Manifest], applied: Mapping[str, str], shut: Gate, down: Collection[str] = ()
) -> Passed:
    """Let Deployments through with their wanted template, or with the one that they were last let through with.

    `applied` are the marks by the Deployments' names. One without a legible mark is new, and new ones never wait.
    `down` are those of which nothing can run: a session without a price-monitor has no stops, so its repair waits for
    a person's freeze alone.
    """
    objects: list[Manifest] = []
    waiting: dict[str, str] = {}
    for manifest in wanted:
        if manifest["kind"] != "Deployment":
            objects.append(manifest)
            continue
        name, template = name_of(manifest), manifest["spec"]["template"]
        mark = applied.get(name, "")
        known = template_of(mark)
        is_held = shut.is_shut and not (shut.spares_what_works and name in down)
        if known is not None and known != template and is_held:
            waiting[name] = what_is_new(known, template)
            template = known
        elif known != template:
            mark = mark_of(template)
        objects.append(_stamped(manifest, template, mark))
    return Passed(objects, waiting)


def staying(passed: Passed, every: Sequence[Manifest], applied: Mapping[str, str], shut: Gate) -> Passed:
    """Keep what runs and is not wanted any more, with its Service, until the gate opens: an end is a change, too.

    `every` are the objects with all services enabled, `applied` the marks of all Deployments that exist.
    """
    objects, waiting = list(passed.objects), dict(passed.waiting)
    wanted = {(one["kind"], name_of(one)) for one in objects}
    if not shut.is_shut:
        return passed
    for name, mark in applied.items():
        template = template_of(mark)
        if template is None or ("Deployment", name) in wanted:
            continue
        waiting[name] = "its end"
        for manifest in every:
            if name_of(manifest) == name and (manifest["kind"], name) not in wanted:
                is_pod = manifest["kind"] == "Deployment"
                objects.append(_stamped(manifest, template, mark) if is_pod else manifest)
    return Passed(objects, waiting)


def mark_of(template: Template) -> str:
    """Write a template as an annotation's text."""
    return base64.b64encode(zlib.compress(canonical(template))).decode()


def template_of(mark: str) -> Template | None:
    """Read it back; None for what is none, or was changed by hand."""
    if not mark:
        return None
    try:
        unpacker = zlib.decompressobj()
        text = unpacker.decompress(base64.b64decode(mark, validate=True), _LONGEST_MARK_BYTES)
        found = json.loads(text) if unpacker.eof else None
    except (ValueError, zlib.error):
        return None
    return found if isinstance(found, dict) and "spec" in found else None


def what_is_new(known: Template, wanted: Template) -> str:
    """Name in a few words what a changed template changes."""
    before, after = known["spec"]["containers"][0], wanted["spec"]["containers"][0]
    found = []
    if before.get("image") != after.get("image"):
        found.append(f"image {after.get('image')} instead of {before.get('image')}")
    found += [part for part in ("resources", "env") if before.get(part) != after.get(part)]
    marks = [(one.get("metadata") or {}).get("annotations") or {} for one in (known, wanted)]
    if marks[0].get(SECRETS_ANNOTATION) != marks[1].get(SECRETS_ANNOTATION):
        found.append("a Secret's contents")
    return ", ".join(found) or "its template"


def stale_pod(stateful_set: Manifest, pods: Sequence[Manifest]) -> Manifest | None:
    """Choose a StatefulSet's next pod to replace by hand, as OnDelete leaves that to us; None when none is due.

    The gateway's standby goes before the owner (the one that is ready), and nobody before all others have shown that
    what is new runs: one that ends again and again is Running in between.
    """
    newest = (stateful_set.get("status") or {}).get("updateRevision")
    if not newest or (stateful_set.get("status") or {}).get("observedGeneration") != _generation(stateful_set):
        return None
    if any("deletionTimestamp" in pod["metadata"] or not _has_started(pod) for pod in pods if _revision(pod) == newest):
        return None
    if len(pods) < int(stateful_set["spec"].get("replicas", 1)):
        return None
    stale = [pod for pod in pods if _revision(pod) != newest]
    if any("deletionTimestamp" in pod["metadata"] for pod in stale):
        return None
    return min(stale, key=lambda pod: (_is_ready(pod), name_of(pod)), default=None)


def _stamped(manifest: Manifest, template: Template, mark: str) -> Manifest:
    metadata = manifest["metadata"]
    annotations = {**(metadata.get("annotations") or {}), APPLIED_TEMPLATE: mark}
    return {
        **manifest,
        "metadata": {**metadata, "annotations": annotations},
        "spec": {**manifest["spec"], "template": template},
    }


def _generation(manifest: Manifest) -> int:
    return int(manifest["metadata"].get("generation", 0))


def _revision(pod: Manifest) -> str:
    return str((pod["metadata"].get("labels") or {}).get("controller-revision-hash", ""))


def _has_started(pod: Manifest) -> bool:
    """Tell whether every container has passed its start-up probe; a standby is not ready, and lives all the same."""
    containers = (pod.get("status") or {}).get("containerStatuses") or ()
    return bool(containers) and all(one.get("started") and "running" in (one.get("state") or {}) for one in containers)


def _is_ready(pod: Manifest) -> bool:
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return any(one.get("type") == "Ready" and one.get("status") == "True" for one in conditions)
