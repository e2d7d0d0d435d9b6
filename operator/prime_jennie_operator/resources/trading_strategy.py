"""TradingStrategy: what to trade, with which money, under which limits, and how its services run."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, field_validator

from prime_jennie.domain.spec import CelRule, Spec
from prime_jennie.domain.trading_strategy import LiveConfig, StrategyConfig
from prime_jennie_operator.resources.meta import API_VERSION, Condition, ObjectMeta

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
    toleration_seconds: int | None = None


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

    enabled: bool = Field(default=True, description="false: this service does not run")
    image: Annotated[str, Field(min_length=1, max_length=500)] | None = Field(
        default=None, description="image to run instead of the platform's"
    )
    resources: ResourceNeeds | None = Field(default=None, description="CPU and memory instead of the chart's")
    env: Annotated[tuple[EnvVar, ...], Field(max_length=50)] = Field(default=(), description="further environment")
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
    name: str
    ready: int = 0
    desired: int = 0
    image: str = ""


class TradingStrategyStatus(Spec):
    """What the operator knows about a strategy; figures are written at most once a minute."""

    observed_generation: int | None = None
    phase: str | None = None
    conditions: Annotated[tuple[Condition, ...], Field(max_length=20)] = ()
    services: Annotated[tuple[ServiceStatus, ...], Field(max_length=10)] = ()
    positions: int | None = Field(default=None, description="open positions")
    day_pnl_krw: int | None = Field(
        default=None, description="realised and unrealised since the open, after fees and tax"
    )
    market_regime: str | None = None
    last_signal_time: str | None = Field(default=None, description="time of the newest buy signal (RFC 3339)")


class TradingStrategy(Spec):
    """A trading strategy with its own money and limits, run by four services."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            rule="self.metadata.name.matches('^[a-z]([-a-z0-9]*[a-z0-9])?$') && size(self.metadata.name) <= 40",
            message="metadata.name: at most 40 of a-z, 0-9 and -, beginning with a letter",
        ),
    )

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
        return LiveConfig(name=meta.name, namespace=meta.namespace, generation=meta.generation, spec=self.config())
