"""TradingStrategy: what to trade, with which money, under which limits, and how its services run."""

from __future__ import annotations

from enum import StrEnum
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from prime_jennie.domain.spec import CelRule, Count, Pct, Spec
from prime_jennie.domain.trading_strategy import LiveConfig, StrategyConfig
from prime_jennie_operator.resources.meta import API_VERSION, NAME_RULE, Conditions, ObjectMeta, keyed_by
from prime_jennie_operator.resources.overrides import ServiceOverrides


def _is_off(service: str) -> str:
    return f"(has(self.{service}) && has(self.{service}.enabled) && !self.{service}.enabled)"


class StrategyServices(Spec):
    """The four services of a strategy."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            f"{_is_off('buyScanner')} || {_is_off('buyExecutor')} || "
            f"!({_is_off('sellExecutor')} || {_is_off('priceMonitor')})",
            "services: what buys must be able to sell: while buyScanner and buyExecutor are enabled, sellExecutor and "
            "priceMonitor must be",
        ),
    )

    buy_scanner: ServiceOverrides = Field(default_factory=ServiceOverrides, description="finds entries in the ticks")
    buy_executor: ServiceOverrides = Field(default_factory=ServiceOverrides, description="sizes and places buys")
    sell_executor: ServiceOverrides = Field(default_factory=ServiceOverrides, description="places sells")
    price_monitor: ServiceOverrides = Field(default_factory=ServiceOverrides, description="watches for exits")

    @model_validator(mode="after")
    def _sells_what_it_buys(self) -> Self:
        buys = self.buy_scanner.enabled and self.buy_executor.enabled
        if buys and not (self.sell_executor.enabled and self.price_monitor.enabled):
            raise ValueError(self.CEL_RULES[0].message)
        return self


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
    open_orders: Count | None = Field(
        default=None, description="orders that work at the exchange, or of which nobody knows yet how they ended"
    )
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
        fields = StrategyConfig.model_fields
        return StrategyConfig.model_construct(**{name: getattr(self.spec, name) for name in fields})

    def live_config(self, share: float | None = None) -> LiveConfig:
        """Make the content of the mounted file and of the Redis key; `share` of the rate is what was granted."""
        meta = self.metadata
        config = self.config()
        if share is not None:
            gateway = config.gateway.model_copy(update={"requests_per_second": share})
            config = config.model_copy(update={"gateway": gateway})
        return LiveConfig(
            name=meta.name,
            namespace=meta.namespace,
            created_at=meta.creation_timestamp,
            generation=meta.generation,
            spec=config,
        )
