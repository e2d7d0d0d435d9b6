"""Every service answers alike: health, readiness, metrics and errors."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, Field
from redis.exceptions import ConnectionError as RedisConnectionError

from prime_jennie.domain.errors import (
    BadInput,
    BrokerRefused,
    Conflict,
    ErrorResponse,
    NotFound,
    OutcomeUnknown,
    RateLimited,
    Unavailable,
)
from prime_jennie.domain.health import DependencyHealth, DependencyStatus, HealthStatus
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.runtime import app as app_module
from prime_jennie.infra.runtime import service_app

NOW = datetime(2025, 3, 4, 1, 0, tzinfo=UTC)


class World:
    """What the app under test reports."""

    def __init__(self) -> None:
        self.ready = False
        self.dependencies = {"redis": DependencyHealth(status=DependencyStatus.HEALTHY, latency_ms=0.4)}


class Order(BaseModel):
    """A request body."""

    quantity: int = Field(gt=0)


def app_of(world: World) -> FastAPI:
    async def dependencies() -> dict[str, DependencyHealth]:
        return world.dependencies

    app = service_app(
        "buy-scanner",
        dependencies=dependencies,
        extras=lambda: {"watchlist_loaded": True, "stock_count": 20},
        ready=lambda: world.ready,
    )
    app.state.clock = ManualClock(NOW)

    @app.post("/order")
    async def order(body: Order) -> None:
        return None

    @app.get("/fail/{kind}")
    async def fail(kind: str) -> None:
        raise {
            "bad": BadInput("order", "price", "is missing"),
            "lost": NotFound("no order 1"),
            "twice": Conflict("already held"),
            "fast": RateLimited("slow down"),
            "gone": Unavailable("breaker is open"),
            "refused": BrokerRefused("APBK0918", "no"),
            "unknown": OutcomeUnknown("maybe"),
            "redis": RedisConnectionError("Error 111 connecting to 10.0.0.1"),
            "bug": ValueError("appsecret=hunter2"),
            "secret": Conflict("Bearer hunter2"),
            "echo": NotFound(f"no slot {'a-' * 32_768}"),
            "http": HTTPException(404, "nothing here"),
        }[kind]

    return app


@pytest.fixture
def world() -> World:
    return World()


async def ask(world: World, path: str, **request: Any) -> httpx.Response:
    transport = httpx.ASGITransport(app=app_of(world), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return await client.request(request.pop("method", "GET"), path, **request)


async def test_health_is_the_seeds_report_with_the_services_own_keys(world: World) -> None:
    response = await ask(world, "/health")
    report = HealthStatus.model_validate(response.json())
    assert response.status_code == 200
    assert (report.service, report.status, report.timestamp) == ("buy-scanner", "healthy", NOW)
    assert report.model_extra == {"watchlist_loaded": True, "stock_count": 20}


@pytest.mark.parametrize(
    ("dependency", "overall"), [("healthy", "healthy"), ("degraded", "degraded"), ("down", "unhealthy")]
)
async def test_a_service_is_as_well_as_its_worst_dependency(world: World, dependency: str, overall: str) -> None:
    world.dependencies["sql"] = DependencyHealth(status=DependencyStatus(dependency))
    assert (await ask(world, "/health")).json()["status"] == overall


async def test_a_dependency_that_hangs_does_not_hang_the_report(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_module, "DEPENDENCIES_WITHIN_SECS", 0.05)

    async def never() -> dict[str, DependencyHealth]:
        await asyncio.sleep(60)
        return {}

    app = service_app("x", dependencies=never, extras=dict, ready=lambda: True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://service") as client:
        report = (await client.get("/health")).json()
    assert report["status"] == "unhealthy"
    assert report["dependencies"]["dependencies"]["message"] == "TimeoutError"


async def test_liveness_asks_nobody_and_readiness_asks_the_service(world: World) -> None:
    world.dependencies["redis"] = DependencyHealth(status=DependencyStatus.DOWN)
    assert (await ask(world, "/livez")).status_code == 200
    assert (await ask(world, "/readyz")).status_code == 503
    world.ready = True
    assert (await ask(world, "/readyz")).status_code == 200


async def test_an_invalid_body_is_400_and_never_422_and_does_not_repeat_the_value(world: World) -> None:
    for body in (b'{"quantity":-7}', b'{"quantity":"hunter2"}', b"{not json", b"[]", b""):
        response = await ask(world, "/order", method="POST", content=body, headers={"content-type": "application/json"})
        error = ErrorResponse.model_validate(response.json())
        assert (response.status_code, error.service, error.timestamp) == (400, "buy-scanner", NOW)
        assert "hunter2" not in response.text
    response = await ask(world, "/order", method="POST", json={"quantity": -7})
    assert response.json()["detail"].startswith("body.quantity: ")


@pytest.mark.parametrize(
    ("kind", "status", "error"),
    [
        ("bad", 400, "BadInput"),
        ("lost", 404, "NotFound"),
        ("twice", 409, "Conflict"),
        ("fast", 429, "RateLimited"),
        ("gone", 503, "Unavailable"),
        ("refused", 503, "BrokerRefused"),
        ("unknown", 503, "OutcomeUnknown"),
        ("redis", 503, "Unavailable"),
        ("bug", 500, "InternalError"),
        ("http", 404, "HTTPError"),
    ],
)
async def test_each_error_has_its_status_and_one_shape(world: World, kind: str, status: int, error: str) -> None:
    response = await ask(world, f"/fail/{kind}")
    assert response.status_code == status
    assert ErrorResponse.model_validate(response.json()).error == error
    assert "hunter2" not in response.text
    assert "10.0.0.1" not in response.text


async def test_an_unknown_path_and_a_secret_in_an_error_keep_the_shape_and_the_secret(world: World) -> None:
    unknown = await ask(world, "/nowhere")
    assert (unknown.status_code, ErrorResponse.model_validate(unknown.json()).service) == (404, "buy-scanner")
    assert "hunter2" not in (await ask(world, "/fail/secret")).text


async def test_an_error_that_repeats_what_a_stranger_sent_is_short_and_soon_answered(world: World) -> None:
    began_at = time.process_time()
    answer = await ask(world, "/fail/echo")
    assert time.process_time() - began_at < 1
    assert answer.status_code == 404
    assert len(answer.content) < 5_000


async def test_requests_are_counted_by_route_and_hostile_paths_add_no_series(world: World) -> None:
    await ask(world, "/fail/lost")
    await ask(world, "/etc/passwd-7f3a")
    text = (await ask(world, "/metrics")).text
    assert 'path="/fail/{kind}"' in text
    assert "passwd-7f3a" not in text


async def _in_pieces(size: int) -> AsyncIterator[bytes]:
    for _ in range(size // 100_000):
        yield b" " * 100_000


@pytest.mark.parametrize("is_declared", [True, False])
async def test_a_body_that_is_too_big_is_refused_unread(world: World, is_declared: bool) -> None:
    body: Any = b" " * 2_000_000 if is_declared else _in_pieces(2_000_000)
    response = await ask(world, "/order", method="POST", content=body)
    assert response.status_code == 413
    assert ErrorResponse.model_validate(response.json()).detail == "the body is larger than 1,000,000 bytes"
    assert (await ask(world, "/order", method="POST", json={"quantity": 1})).status_code == 200
