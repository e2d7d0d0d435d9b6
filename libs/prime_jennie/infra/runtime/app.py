"""The HTTP edge of a service: health, liveness, readiness, metrics and errors in one shape."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any

from fastapi import FastAPI, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.types import Lifespan

from prime_jennie.domain.health import DependencyHealth, DependencyStatus, HealthStatus, ServiceStatus
from prime_jennie.infra.runtime.body_limit import BodyLimit
from prime_jennie.infra.runtime.errors import add_error_handlers
from prime_jennie.infra.runtime.request_metrics import RequestMetrics
from prime_jennie.infra.runtime.time_of import now_of

DEPENDENCIES_WITHIN_SECS = 3.0  # real; a dependency that does not answer must not hang /health

VERSION = version("prime-jennie")

Dependencies = Callable[[], Awaitable[dict[str, DependencyHealth]]]


def service_app(
    name: str,
    *,
    lifespan: Lifespan[FastAPI] | None = None,
    dependencies: Dependencies,
    extras: Callable[[], Mapping[str, object]],
    ready: Callable[[], bool],
    waits_for: Callable[[], str] = str,
) -> FastAPI:
    """Return the service's application with /health, /livez, /readyz, /metrics and ErrorResponse everywhere.

    While it is not ready, /readyz tells what it `waits_for`, where that is known.
    A lifespan that sets `app.state.clock` dates health reports and errors by it, otherwise by the real clock.
    """
    app = FastAPI(title=name, version=VERSION, lifespan=lifespan, openapi_url=None)
    app.add_middleware(BodyLimit)
    app.add_middleware(RequestMetrics, service=name)
    add_error_handlers(app, name)
    started_at = time.monotonic()

    @app.get("/health")
    async def health() -> dict[str, Any]:
        found = await _reachable(dependencies)
        report = HealthStatus.model_validate(
            {
                **extras(),
                "service": name,
                "status": _overall(found),
                "uptime_seconds": round(time.monotonic() - started_at, 3),
                "version": VERSION,
                "dependencies": found,
                "timestamp": now_of(app),
            }
        )
        return report.model_dump(mode="json")

    @app.get("/livez")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @app.get("/readyz")
    async def readyz(response: Response) -> dict[str, bool | str]:
        if ready():
            return {"ready": True}
        response.status_code = 503
        reason = waits_for()
        return {"ready": False, "reason": reason} if reason else {"ready": False}

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return app


async def _reachable(dependencies: Dependencies) -> dict[str, DependencyHealth]:
    try:
        async with asyncio.timeout(DEPENDENCIES_WITHIN_SECS):
            return await dependencies()
    except Exception as error:  # a health report must come out whatever breaks
        return {"dependencies": DependencyHealth(status=DependencyStatus.DOWN, message=type(error).__name__)}


def _overall(dependencies: Mapping[str, DependencyHealth]) -> ServiceStatus:
    statuses = {dependency.status for dependency in dependencies.values()}
    if DependencyStatus.DOWN in statuses:
        return ServiceStatus.UNHEALTHY
    return ServiceStatus.DEGRADED if DependencyStatus.DEGRADED in statuses else ServiceStatus.HEALTHY
