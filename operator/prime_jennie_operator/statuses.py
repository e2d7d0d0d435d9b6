"""The status of our own objects, written only when it differs."""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

from prime_jennie_operator.drift import canonical
from prime_jennie_operator.kube.api import KubeApi
from prime_jennie_operator.kube.errors import NotFound
from prime_jennie_operator.manifest import Manifest


class StatusWriter:
    """Applies whole statuses: a field that is not given any more is removed."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self._last: dict[str, tuple[int, bytes]] = {}
        """Of each uid the version that our last write made, and what it said: the watch tells it later."""

    async def write(self, owner: Manifest, status: dict[str, Any]) -> bool:
        """Write a status unless the object has it; False when there was nothing to write, or nobody to write it to."""
        metadata = owner["metadata"]
        asked = blake2b(canonical(status), digest_size=16).digest()
        version, said = self._last.get(metadata["uid"], (0, b""))
        if version > _number(metadata["resourceVersion"]):  # the watch has not told of our own write yet
            if said == asked:
                return False
        elif (owner.get("status") or {}) == status:
            return False
        try:
            answer = await self._api.apply_status(
                {
                    "apiVersion": owner["apiVersion"],
                    "kind": owner["kind"],
                    "metadata": {key: metadata[key] for key in ("name", "namespace", "uid")},
                    "status": status,
                }
            )
        except NotFound:
            return False
        self._last[metadata["uid"]] = (_number(answer["metadata"]["resourceVersion"]), asked)
        return True

    def forget(self, uid: str) -> None:
        self._last.pop(uid, None)


def _number(version: object) -> int:
    return int(str(version)) if str(version).isdecimal() else 0
