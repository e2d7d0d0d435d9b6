"""Whether a process is ready, asked as a kubelet would ask."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
from redis.exceptions import RedisError

from prime_jennie.infra.redis.connection import connect
from prime_jennie_operator.local.ports import LOOPBACK
from prime_jennie_operator.local.workloads import Probe

PROBE_TIMEOUT_SECS = 2.0


async def is_ready(probe: Probe | None, port: int | None, client: httpx.AsyncClient) -> bool:
    """Ask once; a process without a probe is ready as soon as it runs."""
    if probe is None or port is None:
        return True
    try:
        if probe.kind == "http":
            answer = await client.get(f"http://{LOOPBACK}:{port}{probe.path}", timeout=PROBE_TIMEOUT_SECS)
            return answer.is_success
        if probe.kind == "ping":
            return await _pings(port)
        _, writer = await asyncio.wait_for(asyncio.open_connection(LOOPBACK, port), PROBE_TIMEOUT_SECS)
        writer.close()
    except (httpx.HTTPError, OSError, TimeoutError):
        return False
    return True


async def ask_health(port: int, client: httpx.AsyncClient) -> dict[str, Any]:
    """Read a service's /health; what cannot be read is reported as unhealthy with the reason."""
    try:
        answer = await client.get(f"http://{LOOPBACK}:{port}/health", timeout=PROBE_TIMEOUT_SECS)
        answer.raise_for_status()
        report: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        return {"status": "unhealthy", "message": type(error).__name__}
    return report


async def _pings(port: int) -> bool:
    client = connect(f"redis://{LOOPBACK}:{port}/0")
    try:
        return bool(await client.ping())
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()
