"""Report how a service and what it leans on are doing."""

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from prime_jennie.domain.model import Record, Timestamp


class ServiceStatus(StrEnum):
    """A service's own state."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"


class DependencyStatus(StrEnum):
    """The state of something a service needs."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    DOWN = "down"


class DependencyHealth(Record):
    """One dependency as last seen."""

    status: DependencyStatus
    latency_ms: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    message: str | None = None


class HealthStatus(BaseModel):
    """The seeds' /health report; every service adds keys of its own."""

    model_config = ConfigDict(frozen=True, extra="allow")

    service: str = Field(min_length=1)
    status: ServiceStatus
    uptime_seconds: float = Field(ge=0, allow_inf_nan=False)
    version: str = "unknown"
    dependencies: dict[str, DependencyHealth] = Field(default_factory=dict)
    timestamp: Timestamp | None = None
