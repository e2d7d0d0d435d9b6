"""The chart's values, typed: `charts/prime-jennie/values.yaml` explains every field to a reader."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from prime_jennie_operator.desired.closures import Calendar
from prime_jennie_operator.desired.model_servers import Embeddings, Vllm
from prime_jennie_operator.desired.value_types import (
    ImageName,
    ObjectName,
    PortNumber,
    Quantity,
    Resources,
    Values,
)


class Global(Values):
    """What holds for every image and every volume; an umbrella chart's other globals pass by."""

    model_config = ConfigDict(extra="allow")

    image_registry: str
    image_pull_secrets: tuple[ObjectName, ...]
    storage_class: str


Tag = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$")]
OwnImage = Literal[
    "operator",
    "kis-gateway",
    "kis-simulator",
    "scout-job",
    "macro-council",
    "data-collector",
    "daily-briefing",
    "command-handler",
    "dashboard-api",
    "buy-scanner",
    "buy-executor",
    "sell-executor",
    "price-monitor",
]


class Image(Values):
    registry: Annotated[str, Field(min_length=1)]
    tag: Tag
    tags: dict[OwnImage, Tag]
    pull_policy: Literal["Always", "IfNotPresent", "Never"]


class Logging(Values):
    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    json_lines: bool


class VirtualClock(Values):
    enabled: bool


class SecretNames(Values):
    """Names of Secrets that exist or that the chart makes; values never stand in this file."""

    create: bool
    platform: ObjectName
    database: ObjectName
    prices_key: Annotated[str, Field(min_length=1)]


class Crds(Values):
    enabled: bool
    keep: bool


class Operator(Values):
    """The program that turns our kinds into objects."""

    enabled: bool
    scope: Literal["namespace", "cluster"]
    replicas: Annotated[int, Field(ge=1, le=5)]
    port: PortNumber
    workers: Annotated[int, Field(ge=1, le=64)]
    resources: Resources


class Rbac(Values):
    create: bool
    people: bool


class Metrics(Values):
    """How Prometheus finds the pods: by one way, never by two."""

    scrape: Literal["annotations", "podMonitor", "none"]
    interval: Annotated[str, Field(pattern=r"^[0-9]+(s|m)$")]

    def annotations(self, port: int) -> dict[str, str]:
        """Give the annotations of a pod that tells its figures at this port; none where a PodMonitor finds it."""
        if self.scrape != "annotations":
            return {}
        return {
            "prometheus.io/scrape": "true",
            "prometheus.io/port": str(port),
            "prometheus.io/path": "/metrics",
        }


class NetworkPolicies(Values):
    """Who may call whom; `metrics_from` and `dashboard_from` are NetworkPolicy peers as Kubernetes writes them."""

    enabled: bool
    metrics_from: tuple[dict[str, Any], ...]
    store_ports: tuple[PortNumber, ...]
    dashboard_from: tuple[dict[str, Any], ...]


class Switch(Values):
    """Something that is there or not."""

    enabled: bool


class PodPlacement(Values):
    """Where the platform's pods run."""

    node_selector: dict[str, str]
    tolerations: tuple[dict[str, Any], ...]
    priority_class_name: str

    def render(self) -> dict[str, Any]:
        return {
            "nodeSelector": dict(self.node_selector),
            "tolerations": [dict(toleration) for toleration in self.tolerations],
            "priorityClassName": self.priority_class_name,
        }


class Redis(Values):
    enabled: bool
    url: str
    existing_secret: str
    image: ImageName
    port: PortNumber
    appendfsync: Literal["always", "everysec"]
    storage: Quantity
    resources: Resources

    @model_validator(mode="after")
    def _somewhere(self) -> Self:
        if self.enabled and (self.url or self.existing_secret):
            raise ValueError("enabled must be false where url or existingSecret names another server")
        if not self.enabled and not self.url and not self.existing_secret:
            raise ValueError("enabled is false: name another server by url or existingSecret")
        return self


class MariaDb(Values):
    enabled: bool
    image: ImageName
    port: PortNumber
    database: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]
    user: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=32)]
    storage: Quantity
    buffer_pool: Annotated[str, Field(pattern=r"^[0-9]+[MG]$")]
    resources: Resources


class Qdrant(Values):
    enabled: bool
    url: str
    image: ImageName
    port: PortNumber
    grpc_port: PortNumber
    credentials_secret: ObjectName
    storage: Quantity
    resources: Resources


class Migrations(Values):
    enabled: bool
    wait_secs: Annotated[int, Field(ge=0, le=3600)]
    resources: Resources


class KisGateway(Values):
    port: PortNumber
    environment: Literal["mock", "paper", "live"]
    standby: bool
    credentials_secret: ObjectName
    account_no: Annotated[str, Field(pattern=r"^([0-9]{8}-[0-9]{2})?$")]
    live_confirmation: str
    base_url: str
    web_socket_url: str
    rest_per_second: Annotated[float, Field(ge=0, le=20)]
    ledger_per_second: Annotated[float, Field(gt=0, le=20)]
    platform_share_pct: Annotated[float, Field(ge=0, le=90)]
    order_max_quantity: Annotated[int, Field(gt=0)]
    order_max_per_day: Annotated[int, Field(gt=0)]
    account_daily_loss_limit_pct: Annotated[float, Field(ge=0.1, le=50)] | None = None
    storage: Quantity
    resources: Resources

    @model_validator(mode="after")
    def _live_is_meant(self) -> Self:
        if self.environment == "live" and not self.live_confirmation:
            raise ValueError("liveConfirmation is empty: environment live sends real orders, repeat the account number")
        if self.environment == "live" and self.account_no not in ("", self.live_confirmation):
            raise ValueError("liveConfirmation must repeat accountNo: environment live sends real orders")
        return self


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
    day: str | None = None
    start_at: str | None = None
    end_at: str | None = None
    rate: Annotated[float, Field(gt=0)] | None = None
    tick_seconds: Annotated[int, Field(ge=1, le=60)]
    data_folder: str | None = None
    resources: Resources


class Llm(Values):
    base_url: str
    model: str
    judge_model: str
    credentials_secret: ObjectName


class WorldFigures(Values):
    vix_url: str
    credentials_secret: ObjectName


class Notifications(Values):
    credentials_secret: ObjectName
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

    logs_folder: str | None = None


class StrategyPrograms(Values):
    """Defaults of the four services that the operator runs for every TradingStrategy."""

    buy_scanner: Program
    buy_executor: Program
    sell_executor: Program
    price_monitor: Program


class PlatformValues(Values):
    """The whole file, in its order."""

    global_: Annotated[Global, Field(alias="global")]
    image: Image
    logging: Logging
    virtual_clock: VirtualClock
    calendar: Calendar
    secrets: SecretNames
    crds: Crds
    operator: Operator
    rbac: Rbac
    metrics: Metrics
    network_policies: NetworkPolicies
    pod_disruption_budgets: Switch
    deletion_guard: Switch
    uninstall_guard: Switch
    pods: PodPlacement
    redis: Redis
    mariadb: MariaDb
    qdrant: Qdrant
    migrations: Migrations
    kis_gateway: KisGateway
    kis_simulator: KisSimulator
    llm: Llm
    embeddings: Embeddings
    vllm: Vllm
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

    @model_validator(mode="after")
    def _an_exchange_to_speak_to(self) -> Self:
        gateway = self.kis_gateway
        if gateway.environment == "mock" and not self.kis_simulator.enabled and not gateway.base_url:
            raise ValueError("kisGateway.environment mock needs kisSimulator.enabled or kisGateway.baseUrl")
        if self.virtual_clock.enabled and gateway.environment != "mock":
            raise ValueError("virtualClock.enabled needs kisGateway.environment mock: a real market is led by nobody")
        return self

    def image_of(self, service: str) -> str:
        """Name the image of one of our programs."""
        tag = next((tag for name, tag in self.image.tags.items() if name == service), self.image.tag)
        return f"{self.global_.image_registry or self.image.registry}/{service}:{tag}"

    def image_named(self, image: str) -> str:
        """Name somebody else's image, taken from the global registry where there is one."""
        return f"{self.global_.image_registry}/{image}" if self.global_.image_registry else image

    @property
    def redis_url(self) -> str:
        """Give the address of Redis without a password; one in a Secret is only in the environment."""
        return self.redis.url or f"redis://redis:{self.redis.port}/0"

    @property
    def llm_base_url(self) -> str:
        """Give the analysis model's address: a person's choice, else our own server; empty for the offline analyst."""
        own = f"http://vllm-llm:{self.vllm.llm.port}/v1" if self.vllm.llm.enabled else ""
        return self.llm.base_url or own

    @property
    def llm_model(self) -> str:
        return self.llm.model or (self.vllm.llm.served_name if self.vllm.llm.enabled else "")

    @property
    def embed_base_url(self) -> str:
        own = f"http://vllm-embed:{self.vllm.embed.port}/v1" if self.vllm.embed.enabled else ""
        return self.embeddings.base_url or own

    @property
    def embed_model(self) -> str:
        return self.embeddings.model or (self.vllm.embed.served_name if self.vllm.embed.enabled else "")

    @property
    def qdrant_url(self) -> str:
        own = f"http://qdrant:{self.qdrant.port}" if self.qdrant.enabled else ""
        return self.qdrant.url or own
