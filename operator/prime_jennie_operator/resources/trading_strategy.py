"""TradingStrategy: what to trade, with which money, under which limits, and how its services run."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from prime_jennie.domain.spec import CelRule, Count, Flag, Pct, Spec
from prime_jennie.domain.trading_strategy import LiveConfig, StrategyConfig
from prime_jennie_operator.resources.meta import API_VERSION, NAME_RULE, Conditions, ObjectMeta, keyed_by

# What the operator sets itself; a person's value would give the process another identity or another broker.
RESERVED_ENV = ("JENNIE_STRATEGY", "JENNIE_STRATEGY_FILE", "JENNIE_SERVICE_TOKEN", "KIS_GATEWAY_URL", "HOST", "PORT")


class EnvVar(Spec):
    """One environment variable."""

    name: Annotated[str, Field(pattern=r"^[A-Z_][A-Z0-9_]*$", max_length=100)]
    value: Annotated[str, Field(max_length=4096)]

    @field_validator("name")
    @classmethod
    def _not_ours(cls, name: str) -> str:
        if name in RESERVED_ENV or name.startswith("KIS_"):
            raise ValueError(f"{name} is set by the operator and cannot be overridden")
        return name


class Toleration(Spec):
    """Kubernetes' toleration of a node's taint."""

    key: str | None = None
    operator: Literal["Exists", "Equal"] | None = None
    value: str | None = None
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    toleration_seconds: Count | None = None


class ResourceNeeds(Spec):
    """Kubernetes' requests and limits."""

    requests: dict[str, str] = Field(default_factory=dict, description="reserved amounts, such as cpu: 100m")
    limits: dict[str, str] = Field(default_factory=dict, description="upper bounds, such as memory: 512Mi")

    def render(self) -> dict[str, dict[str, str]]:
        return {key: value for key, value in (("requests", self.requests), ("limits", self.limits)) if value}


class ServiceOverrides(Spec):
    """How one of the strategy's services runs; a change here restarts that service, outside the session."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            rule="!has(self.env) || !self.env.exists(e, e.name.startsWith('KIS_') || e.name in "
            f"{list(RESERVED_ENV)!r})",
            message="env: names that the operator sets (JENNIE_STRATEGY…, KIS_…, HOST, PORT) cannot be overridden",
        ),
    )

    enabled: Flag = Field(default=True, description="false: this service does not run")
    image: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        default=None, description="image to run instead of the platform's"
    )
    resources: ResourceNeeds | None = Field(default=None, description="CPU and memory instead of the chart's")
    env: tuple[EnvVar, ...] = Field(
        default=(), max_length=50, json_schema_extra=keyed_by("name"), description="further environment"
    )
    node_selector: dict[str, str] = Field(default_factory=dict, description="labels of the nodes it may run on")
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=20)] = Field(
        default=(), description="taints of nodes that it accepts"
    )


class StrategyServices(Spec):
    """The four services of a strategy."""

    buy_scanner: ServiceOverrides = Field(default_factory=ServiceOverrides, description="finds entries in the ticks")
    buy_executor: ServiceOverrides = Field(default_factory=ServiceOverrides, description="sizes and places buys")
    sell_executor: ServiceOverrides = Field(default_factory=ServiceOverrides, description="places sells")
    price_monitor: ServiceOverrides = Field(default_factory=ServiceOverrides, description="watches for exits")


class TradingStrategySpec(StrategyConfig):
    """Everything a person decides. All but services.* acts at once and restarts nothing."""

    services: StrategyServices = Field(
        default_factory=StrategyServices, description="how the four services run; the only part that restarts a pod"
    )


class ServiceStatus(Spec):
    """One of the strategy's services."""

    name: str = Field(max_length=63, description="such as buy-scanner")
    ready: Count = Field(default=0, description="pods that are ready")
    desired: Count = Field(default=0, description="pods that should be")
    image: str = Field(default="", max_length=500, description="image that its pod template names")


class StrategyPhase(StrEnum):
    """A strategy's state in one word; the conditions say why."""

    PENDING = "Pending"
    RUNNING = "Running"
    PAUSED = "Paused"
    STOPPED = "Stopped"
    REFUSED = "Refused"


class TradingStrategyStatus(Spec):
    """What the operator knows about a strategy; figures are written at most once a minute."""

    observed_generation: Count | None = Field(default=None, description="the spec's generation that this is about")
    phase: StrategyPhase | None = Field(
        default=None,
        description="Pending until its services run, Running, Paused or Stopped by whoever halted it, "
        "Refused where the spec, the environment or the budget lets nothing start",
    )
    conditions: Conditions = ()
    services: tuple[ServiceStatus, ...] = Field(
        default=(), max_length=10, json_schema_extra=keyed_by("name"), description="the services as they run"
    )
    granted_requests_per_second: Pct | None = Field(
        default=None, description="share of the gateway's rate that is granted; one who holds positions keeps it"
    )
    positions: Count | None = Field(default=None, description="open positions")
    day_pnl_krw: Count | None = Field(
        default=None, description="realised and unrealised since the open, after fees and tax"
    )
    market_regime: str | None = Field(default=None, max_length=40, description="the market's mood, such as BULL")
    last_signal_time: str | None = Field(
        default=None, json_schema_extra={"format": "date-time"}, description="time of the newest buy signal"
    )


class TradingStrategy(Spec):
    """A trading strategy with its own money and limits, run by four services."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (NAME_RULE,)

    api_version: Literal["trading.prime-jennie.io/v1alpha1"] = API_VERSION
    kind: Literal["TradingStrategy"] = "TradingStrategy"
    metadata: ObjectMeta
    spec: TradingStrategySpec
    status: TradingStrategyStatus | None = None

    @property
    def name(self) -> str:
        return self.metadata.name

    def config(self) -> StrategyConfig:
        """Take the live part of the spec: everything but services.*."""
        return StrategyConfig.model_validate(self.spec.model_dump(exclude={"services"}))

    def live_config(self) -> LiveConfig:
        """Make the content of the mounted file and of the Redis key."""
        meta = self.metadata
        return LiveConfig(
            name=meta.name,
            namespace=meta.namespace,
            created_at=meta.creation_timestamp,
            generation=meta.generation,
            spec=self.config(),
        )
