"""The status of our own objects, written only when it differs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError

from prime_jennie_operator.drift import canonical
from prime_jennie_operator.kube.api import KubeApi
from prime_jennie_operator.kube.errors import NotFound
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.work import Key

M = TypeVar("M", bound=BaseModel)


@dataclass(slots=True)
class _Written:
    """What our last write of an object's status said."""

    uid: str
    version: int
    text: bytes
    """As JSON, until the watch has told of it."""


class StatusWriter:
    """Applies whole statuses: a field that is not given any more is removed."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api
        self._written: dict[Key, _Written] = {}

    def newest(self, owner: Manifest, model: type[M]) -> M | None:
        """Return the newest status, our own while the watch has not told of it yet.

        None without one, or where another version of us wrote what this one cannot read: it is written anew.
        """
        newest = self._newest(owner)
        try:
            return model.model_validate(newest) if newest else None
        except ValidationError:
            return None

    async def write(self, owner: Manifest, status: dict[str, Any]) -> bool:
        """Write a status unless the object has it; False when there was nothing to write, or nobody to write it to."""
        metadata = owner["metadata"]
        if self._newest(owner) == status:
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
        version = _number(answer["metadata"]["resourceVersion"])
        self._written[_key_of(owner)] = _Written(metadata["uid"], version, canonical(status))
        return True

    def forget(self, key: Key) -> None:
        """Forget an object that is gone."""
        self._written.pop(key, None)

    def _newest(self, owner: Manifest) -> dict[str, Any]:
        key, metadata = _key_of(owner), owner["metadata"]
        written = self._written.get(key)
        if written is not None:
            if written.uid == metadata["uid"] and written.version > _number(metadata["resourceVersion"]):
                return dict(orjson.loads(written.text))
            del self._written[key]
        return dict(owner.get("status") or {})


def _key_of(owner: Manifest) -> Key:
    metadata = owner["metadata"]
    return Key(owner["kind"], metadata["namespace"], metadata["name"])


def _number(version: object) -> int:
    return int(str(version)) if str(version).isdecimal() else 0
