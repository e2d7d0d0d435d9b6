"""Where everything is measured: one API server on one etcd, one Redis, and a bare client of both."""

from __future__ import annotations

import asyncio
import base64
import math
import os
import re
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from redis.asyncio import Redis

from prime_jennie.infra.redis.connection import connect
from prime_jennie_operator.kube.api import KubeApi
from prime_jennie_operator.kube.connection import from_kubeconfig
from prime_jennie_operator.kube.kinds import (
    CONFIG_MAP,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    NETWORK_POLICY,
    SECRET,
    SERVICE,
    SERVICE_ACCOUNT,
    STRATEGY,
    Kind,
)
from prime_jennie_operator.leadership import always
from prime_jennie_operator.loading import laptop_values
from prime_jennie_operator.manifest import Manifest
from tests.support.control_plane import ControlPlane, running_control_plane
from tests.support.redis_server import RedisServer, running_redis
from tests.support.values import REAL_TIME

TOKEN_KEY = "k" * 32
OWN_LABEL = "app.kubernetes.io/managed-by=prime-jennie-operator"
CHILDREN = (SERVICE_ACCOUNT, CONFIG_MAP, DISRUPTION_BUDGET, SECRET, NETWORK_POLICY, DEPLOYMENT, SERVICE)
CALLS_PER_SECOND = 0.01  # of a strategy: the grants of a thousand fit one gateway
AT_ONCE = 8
_WRITING = re.compile(r'verb="(?:POST|PUT|PATCH|APPLY|DELETE|DELETECOLLECTION)"')
_OF_THE_SERVER_ITSELF = re.compile(r'resource="(?:leases|endpoints|endpointslices|apiservices|subjectaccessreviews)"')


@dataclass
class Place:
    """One control plane and one Redis for the whole run."""

    plane: ControlPlane
    server: RedisServer
    api: KubeApi
    redis: Redis
    folder: Path

    @property
    def values(self) -> Path:
        """Write the values of a release whose gateway speaks to our own exchange."""
        path = self.folder / "values.yaml"
        path.write_text(yaml.safe_dump(laptop_values(REAL_TIME).model_dump(mode="json", by_alias=True)))
        return path

    async def namespace(self, name: str) -> str:
        """Make a namespace with the platform's Secrets, without which no pod of a strategy could start."""
        await self.ask("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        for secret, contents in (
            ("prime-jennie", {"token-key": TOKEN_KEY, "read-token": "r" * 24}),
            ("prime-jennie-database", {"url": "mysql+pymysql://jennie@mariadb/jennie"}),
        ):
            data = {key: base64.b64encode(value.encode()).decode() for key, value in contents.items()}
            about = {"name": secret, "namespace": name}
            await self.api.create({"apiVersion": "v1", "kind": "Secret", "metadata": about, "data": data})
        return name

    async def strategies(self, namespace: str, names: Sequence[str], **spec: Any) -> list[Manifest]:
        """Make strategies as a person would, a few at once, and return them as the API server has them."""
        left = iter(names)
        made: list[Manifest] = []

        async def make() -> None:
            for name in left:
                made.append(await self.api.create(strategy(namespace, name, **spec)))

        await asyncio.gather(*(make() for _ in range(AT_ONCE)))
        return made

    async def change(self, namespace: str, name: str, **spec: Any) -> Manifest:
        """Edit a spec."""
        return await self.api.patch(STRATEGY, namespace, name, {"spec": spec})

    async def count(self, kind: Kind, namespace: str) -> int:
        """Count a kind's objects of a namespace, for what one of them costs."""
        answer = await self.api._request("GET", kind.path(namespace), query="limit=1")
        return len(answer.get("items") or ()) + int((answer.get("metadata") or {}).get("remainingItemCount") or 0)

    async def writes(self) -> float:
        """Count what was ever written, as the API server itself counts it; leases do not count."""
        text = str((await self.ask("GET", "/metrics"))["text"])
        lines = (line for line in text.splitlines() if line.startswith("apiserver_request_total{"))
        counted = (line for line in lines if _WRITING.search(line) and not _OF_THE_SERVER_ITSELF.search(line))
        return math.fsum(float(line.rpartition(" ")[2]) for line in counted)

    async def ask(self, method: str, path: str, body: object = None) -> Manifest:
        """Ask as the administrator, for what the client of the operator does not offer."""
        return await asyncio.to_thread(self.plane.request, method, path, body)

    async def acknowledge(self, names: Iterable[str], programs: Iterable[str], generation: int) -> None:
        """Say in Redis what services say once they follow a generation."""
        pipeline = self.redis.pipeline(transaction=False)
        for name in names:
            pipeline.hset(f"{name}:config:ack", mapping=dict.fromkeys(programs, str(generation)))
        await pipeline.execute()


def strategy(namespace: str, name: str, **spec: Any) -> Manifest:
    """Write a strategy whose grant is small."""
    return {
        "apiVersion": STRATEGY.api_version,
        "kind": STRATEGY.name,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"gateway": {"requestsPerSecond": CALLS_PER_SECOND}, "rollout": "Immediate", **spec},
    }


@asynccontextmanager
async def open_place(folder: Path) -> AsyncIterator[Place]:
    """Start everything, and end it with the block."""
    with (
        running_control_plane(folder / "control-plane", controllers=False) as plane,
        running_redis(folder / "redis", fsync="no") as server,
    ):
        plane.install_crds()
        os.environ["KUBECONFIG"] = str(plane.kubeconfig)
        api, redis = KubeApi(from_kubeconfig(), always(), request_secs=30), connect(server.url)
        try:
            yield Place(plane, server, api, redis, folder)
        finally:
            await redis.aclose()
            await api.close()
