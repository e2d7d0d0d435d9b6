"""Requests to the API server: read, server-side apply, patch, delete; every write asks first whether we lead."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp
import orjson
from yarl import URL

from prime_jennie.infra.logging import mask_text
from prime_jennie_operator.kube.connection import Connection
from prime_jennie_operator.kube.errors import NotFound, Unavailable, refusal
from prime_jennie_operator.kube.kinds import LEASE, Kind, kind_of
from prime_jennie_operator.kube.session import CONNECT_SECS, open_session
from prime_jennie_operator.leadership import Leadership
from prime_jennie_operator.manifest import Manifest

FIELD_MANAGER: Final = "prime-jennie-operator"
REQUEST_SECS: Final = 3.5  # below lease duration − renew deadline: no write of ours lives longer than our lease
READ_SECS: Final = 10.0  # a late answer to a question harms nobody
LIST_CHUNK: Final = 250  # objects; a longer answer only costs memory on both sides

_WRITTEN: Final = f"fieldManager={FIELD_MANAGER}&fieldValidation=Ignore"
"""Said with every write. The server would parse each body a second time for warnings of unknown fields, which nobody
reads: what it drops is found when its answer is compared."""
_APPLY: Final = "application/apply-patch+yaml"
_JSON_PATCH: Final = "application/json-patch+json"
_MERGE_PATCH: Final = "application/merge-patch+json"

JsonPatch = list[dict[str, Any]]


class KubeApi:
    """One session to one API server. Raises the errors of `kube.errors` and nothing else of the network."""

    def __init__(self, connection: Connection, leadership: Leadership, *, request_secs: float = REQUEST_SECS) -> None:
        self._server = connection.server
        self._session = open_session(connection)
        self._leadership = leadership
        self._writes: set[asyncio.Task[dict[str, Any]]] = set()
        self._write_secs = request_secs

    async def close(self) -> None:
        await self._session.close()

    async def settle(self) -> None:
        """Wait until no write is under way; none lives longer than a request may."""
        if self._writes:
            await asyncio.wait(self._writes)

    async def serves(self, kind: Kind) -> bool:
        """Tell whether the API server knows a kind: whether its definition is installed."""
        prefix = kind.path().rpartition("/")[0]
        try:
            known = await self._request("GET", prefix)
        except NotFound:
            return False
        return any(resource.get("name") == kind.plural for resource in known.get("resources") or ())

    async def get(self, kind: Kind, namespace: str, name: str) -> Manifest | None:
        """Read one object; None when there is none."""
        try:
            return await self._request("GET", kind.path(namespace, name))
        except NotFound:
            return None

    async def list(self, kind: Kind, namespace: str | None = None, labels: str = "") -> list[Manifest]:
        """Read all objects that a label selector picks, of one namespace or of all; NotFound for an unknown kind."""
        found: list[Manifest] = []
        params = {"limit": str(LIST_CHUNK), **({"labelSelector": labels} if labels else {})}
        while True:
            answer = await self._request("GET", kind.path(namespace), query=urlencode(params))
            about = {"apiVersion": kind.api_version, "kind": kind.name}
            found += [about | item for item in answer.get("items") or ()]
            more = (answer.get("metadata") or {}).get("continue")
            if not more:
                return found
            params["continue"] = more

    async def apply(self, manifest: Manifest, *, force: bool = True) -> Manifest:
        """Apply on the server's side and return what it became; a uid or resourceVersion in it is a condition."""
        return await self._apply(manifest, None, force=force)

    async def apply_status(self, manifest: Manifest) -> Manifest:
        """Apply apiVersion, kind, metadata and status to the status subresource."""
        return await self._apply(manifest, "status", force=True)

    async def create(self, manifest: Manifest) -> Manifest:
        """Make an object; AlreadyExists when there is one of this name."""
        path = kind_of(manifest).path(manifest["metadata"]["namespace"])
        return await self._write("POST", path, body=manifest, query=_WRITTEN)

    async def patch(
        self, kind: Kind, namespace: str, name: str, changes: JsonPatch | Mapping[str, Any], subresource: str = ""
    ) -> Manifest:
        """Change parts: a list is a JSON patch, a mapping a merge patch."""
        content = _JSON_PATCH if isinstance(changes, list) else _MERGE_PATCH
        path = kind.path(namespace, name, subresource)
        return await self._write("PATCH", path, body=changes, content=content, query=_WRITTEN)

    async def delete(
        self, kind: Kind, namespace: str, name: str, *, uid: str | None = None, foreground: bool = False
    ) -> bool:
        """Delete an object, with `uid` only that very one, and what it owns; False when it was gone.

        Its children go later; with `foreground` they go first, and it stays visible until then.
        """
        options: dict[str, Any] = {"propagationPolicy": "Foreground" if foreground else "Background"}
        if uid is not None:
            options["preconditions"] = {"uid": uid}
        try:
            await self._write("DELETE", kind.path(namespace, name), body=options)
        except NotFound:
            return False
        return True

    async def get_lease(self, namespace: str, name: str, within_secs: float) -> Manifest | None:
        """Read a lease within a time of its own."""
        try:
            return await self._request("GET", LEASE.path(namespace, name), within_secs=within_secs)
        except NotFound:
            return None

    async def write_lease(self, lease: Manifest, within_secs: float) -> Manifest:
        """Create a lease, or replace it when it carries a resourceVersion: the one write that needs no leadership."""
        namespace, name = lease["metadata"]["namespace"], lease["metadata"]["name"]
        is_new = not lease["metadata"].get("resourceVersion")
        method, path = ("POST", LEASE.path(namespace)) if is_new else ("PUT", LEASE.path(namespace, name))
        return await self._request(method, path, body=lease, within_secs=within_secs)

    async def _apply(self, manifest: Manifest, subresource: str | None, *, force: bool) -> Manifest:
        metadata = manifest["metadata"]
        path = kind_of(manifest).path(metadata["namespace"], metadata["name"], subresource)
        query = f"{_WRITTEN}&force={str(force).lower()}"
        return await self._write("PATCH", path, body=manifest, content=_APPLY, query=query)

    async def _write(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """Send a write, which goes on to its end even if nobody waits for it any more: `settle` must know of it."""
        self._leadership.require()
        write = asyncio.create_task(self._request(method, path, within_secs=self._write_secs, **more))
        self._writes.add(write)
        write.add_done_callback(self._written)
        return await asyncio.shield(write)

    def _written(self, write: asyncio.Task[dict[str, Any]]) -> None:
        self._writes.discard(write)
        if not write.cancelled():
            write.exception()  # told to whoever waits; nobody may

    async def _request(
        self,
        method: str,
        path: str,
        *,
        body: object = None,
        content: str = "application/json",
        query: str = "",
        within_secs: float = READ_SECS,
    ) -> dict[str, Any]:
        try:
            async with self._session.request(
                method,
                URL(f"{self._server}{path}{query and '?'}{query}", encoded=True),
                data=None if body is None else orjson.dumps(body),
                headers=None if body is None else {"Content-Type": content},
                timeout=aiohttp.ClientTimeout(total=within_secs, sock_connect=min(within_secs, CONNECT_SECS)),
            ) as response:
                answer = await response.read()
                if response.status >= 400:
                    raise refusal(response.status, answer, response.headers.get("Retry-After"))
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            told = mask_text(str(error) or type(error).__name__)
            raise Unavailable(f"the API server did not answer {method} {path}: {told}") from None
        try:
            return dict(orjson.loads(answer))
        except (ValueError, TypeError):
            raise Unavailable(f"the API server answered {method} {path} with something else than an object") from None
