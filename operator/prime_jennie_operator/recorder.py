"""Events that a person sees in `kubectl describe`: each once, counted when it comes again."""

from __future__ import annotations

import time
from collections import OrderedDict
from hashlib import blake2b
from typing import Any, Final, Literal

import structlog

from prime_jennie.domain.ports import Clock
from prime_jennie.infra.logging import mask_text
from prime_jennie_operator.kube.api import FIELD_MANAGER, KubeApi
from prime_jennie_operator.kube.errors import AlreadyExists, KubeError, NotLeading
from prime_jennie_operator.kube.kinds import EVENT
from prime_jennie_operator.manifest import Manifest

log = structlog.get_logger(__name__)

SAME_WITHIN_SECS: Final = 600.0  # the same sentence about the same object is not repeated sooner
REMEMBERED: Final = 4_096
LONGEST_MESSAGE: Final = 1_000  # of 1,024 that an event may have


class Recorder:
    """Writes events. One that cannot be written is logged and given up: no event is worth a failed reconciliation."""

    def __init__(self, api: KubeApi, *, instance: str, clock: Clock) -> None:
        self._api = api
        self._instance = instance
        self._clock = clock
        self._said_at_secs: OrderedDict[str, float] = OrderedDict()

    async def event(self, owner: Manifest, type_: Literal["Normal", "Warning"], reason: str, message: str) -> None:
        """Tell what happened to an object of ours; `reason` is one word for programs, `message` a sentence."""
        message = mask_text(message, LONGEST_MESSAGE)
        metadata = owner["metadata"]
        about = "\0".join((metadata["uid"], type_, reason, message))
        name = f"{metadata['name']}.{blake2b(about.encode(), digest_size=8).hexdigest()}"
        said_at = self._said_at_secs.get(name)
        if said_at is not None and time.monotonic() - said_at < SAME_WITHIN_SECS:
            return
        try:
            await self._write(name, owner, type_, reason, message)
        except NotLeading:
            return
        except KubeError as error:
            log.warning("event not written", reason=reason, object=metadata["name"], why=error.message)
            return
        self._said_at_secs[name] = time.monotonic()
        self._said_at_secs.move_to_end(name)
        while len(self._said_at_secs) > REMEMBERED:
            self._said_at_secs.popitem(last=False)

    async def _write(self, name: str, owner: Manifest, type_: str, reason: str, message: str) -> None:
        metadata, now = owner["metadata"], self._clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
        event: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": metadata["namespace"]},
            "involvedObject": {
                "apiVersion": owner["apiVersion"],
                "kind": owner["kind"],
                "name": metadata["name"],
                "namespace": metadata["namespace"],
                "uid": metadata["uid"],
            },
            "type": type_,
            "reason": reason,
            "message": message,
            "source": {"component": FIELD_MANAGER},
            "reportingComponent": FIELD_MANAGER,
            "reportingInstance": self._instance,
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        try:
            await self._api.create(event)
        except AlreadyExists:  # said before, perhaps by the process before this one
            known = await self._api.get(EVENT, metadata["namespace"], name)
            count = int((known or {}).get("count") or 1) + 1
            again = {"count": count, "lastTimestamp": now}
            await self._api.patch(EVENT, metadata["namespace"], name, again)
