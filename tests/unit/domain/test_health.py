"""Health reports keep the seeds' shape and carry each service's own keys."""

import json

import pytest
from pydantic import ValidationError

from prime_jennie.domain.health import DependencyHealth, DependencyStatus, HealthStatus, ServiceStatus


def test_the_seeds_call_makes_a_report() -> None:
    report = HealthStatus(
        service="buy-executor",
        status="healthy",
        uptime_seconds=12,
        dependencies={"redis": DependencyHealth(status=DependencyStatus.HEALTHY, latency_ms=0.4)},
    )
    assert report.status is ServiceStatus.HEALTHY


def test_a_services_own_keys_stay_in_the_report() -> None:
    body = {"service": "buy-scanner", "status": "degraded", "uptime_seconds": 1, "stock_count": 20}
    assert json.loads(HealthStatus.model_validate(body).model_dump_json())["stock_count"] == 20


@pytest.mark.parametrize(
    "change",
    [{"status": "fine"}, {"uptime_seconds": -1}, {"dependencies": {"redis": {"status": "unhealthy"}}}, {"service": ""}],
)
def test_a_report_in_other_words_is_refused(change: dict[str, object]) -> None:
    body = {"service": "buy-scanner", "status": "healthy", "uptime_seconds": 1}
    with pytest.raises(ValidationError):
        HealthStatus.model_validate(body | change)
