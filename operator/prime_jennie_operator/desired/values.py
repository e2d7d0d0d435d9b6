"""The chart's values, typed: `charts/prime-jennie/values.yaml` explains every field to a reader."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

PortNumber = Annotated[int, Field(ge=1, le=65535)]


class Values(BaseModel):
    """Refuse unknown fields, so that a misspelt value is an error and not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Resources(Values):
    """Kubernetes' requests and limits, passed through."""

    requests: dict[str, str] = {}
    limits: dict[str, str] = {}

    def render(self) -> dict[str, Any]:
        return {k: dict(v) for k, v in (("requests", self.requests), ("limits", self.limits)) if v}


class Image(Values):
    registry: str
    tag: str
    pull_policy: Literal["Always", "IfNotPresent", "Never"]

    def of(self, service: str) -> str:
        return f"{self.registry}/{service}:{self.tag}"


class Logging(Values):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    json_lines: bool


class VirtualClock(Values):
    enabled: bool


class SecretNames(Values):
    """Names of Secrets that exist or that the chart makes; values never stand in this file."""

    platform: str
    database: str
    prices_key: str


class Redis(Values):
    enabled: bool
    image: str
    port: PortNumber
    appendfsync: Literal["always", "everysec"]
    storage: str
    resources: Resources


class Migrations(Values):
    enabled: bool
    resources: Resources


class KisGateway(Values):
    port: PortNumber
    environment: Literal["mock", "paper", "live"]
    credentials_secret: str
    account_no: Annotated[str, Field(pattern=r"^[0-9]{8}-[0-9]{2}$")]
    live_confirmation: str
    base_url: str
    web_socket_url: str
    rest_per_second: Annotated[float, Field(ge=0, le=20)]
    ledger_per_second: Annotated[float, Field(gt=0, le=20)]
    order_max_quantity: Annotated[int, Field(gt=0)]
    order_max_per_day: Annotated[int, Field(gt=0)]
    account_daily_loss_limit_pct: Annotated[float, Field(ge=0.1, le=50)] | None
    resources: Resources


class KisSimulator(Values):
    enabled: bool
    port: PortNumber
    web_socket_port: PortNumber
    control_port: PortNumber
    mimics: Literal["live", "paper"]
    layout: Literal["2025", "20260914"]
    rest_per_second: Annotated[int, Field(ge=1)]
    ledger_per_second: Annotated[int, Field(ge=1)]
    tokens_per_minute: Annotated[int, Field(ge=1)]
    cash_krw: Annotated[int, Field(gt=0)]
    seed: Annotated[int, Field(ge=0)]
    day: str | None
    start_at: str | None
    end_at: str | None
    rate: Annotated[float, Field(gt=0)] | None
    tick_seconds: Annotated[int, Field(ge=1, le=60)]
    data_folder: str | None
    resources: Resources


class Llm(Values):
    base_url: str
    model: str
    judge_model: str
    credentials_secret: str


class WorldFigures(Values):
    vix_url: str
    credentials_secret: str


class Notifications(Values):
    credentials_secret: str
    language: Literal["ko", "en"]
    telegram_chat_ids: str
    slack_critical_channel: str
    slack_error_channel: str
    slack_warning_channel: str


class Program(Values):
    """A service that needs no more than a port and resources."""

    port: PortNumber
    resources: Resources


class Slots(Values):
    """The pod that brings one slot to its outcome."""

    resources: Resources


class DashboardProgram(Program):
    """dashboard-api, which may show log files where there are any."""

    logs_folder: str | None


class StrategyPrograms(Values):
    """Defaults of the four services that the operator runs for every TradingStrategy."""

    buy_scanner: Program
    buy_executor: Program
    sell_executor: Program
    price_monitor: Program


class PlatformValues(Values):
    """The whole file."""

    image: Image
    logging: Logging
    virtual_clock: VirtualClock
    secrets: SecretNames
    redis: Redis
    migrations: Migrations
    kis_gateway: KisGateway
    kis_simulator: KisSimulator
    llm: Llm
    world_figures: WorldFigures
    notifications: Notifications
    scout_job: Program
    macro_council: Program
    data_collector: Program
    daily_briefing: Program
    command_handler: Program
    dashboard_api: DashboardProgram
    slots: Slots
    strategy_services: StrategyPrograms

    @property
    def redis_url(self) -> str:
        return f"redis://redis:{self.redis.port}/0"
