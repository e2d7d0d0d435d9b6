"""What the strategies share, as the chart installs it: store, exchange, gateway, analysis, the tables' migration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prime_jennie_operator.desired.closures import CALENDAR, CLOSURES_FILE, MOUNTS, closures_env, closures_volume
from prime_jennie_operator.desired.pods import (
    container,
    env_secret,
    env_value,
    http_probes,
    labels,
    merged_env,
    pod_spec,
    selector,
    service,
    sorted_objects,
    text_of,
)
from prime_jennie_operator.desired.values import PlatformValues, Program
from prime_jennie_operator.manifest import Manifest

RELEASE = "prime-jennie"
MANAGED_BY = "Helm"
GATEWAY = "kis-gateway"  # the object that stands for the broker; strategies name it
STATE_FOLDER = "/var/lib/jennie"
# An upgrade of the chart must not replace the gateway, or a store, in market hours: the operator does it outside them.
ON_DELETE: Mapping[str, Any] = {"updateStrategy": {"type": "OnDelete"}}
# Program, its field in the chart's values, what it is to the trading day.
PROGRAMS = (
    ("scout-job", "scout_job", "scout"),
    ("macro-council", "macro_council", "council"),
    ("data-collector", "data_collector", "data"),
    ("daily-briefing", "daily_briefing", "briefing"),
    ("command-handler", "command_handler", "commands"),
    ("dashboard-api", "dashboard_api", "dashboard"),
)


SERVICES = frozenset(name for name, _, _ in PROGRAMS)


def program_url(values: PlatformValues, name: str) -> str:
    """Address one of the platform's services inside its namespace; KeyError for what the platform does not run."""
    field = {program: field for program, field, _ in PROGRAMS}[name]
    program: Program = getattr(values, field)
    return f"http://{name}:{program.port}"


def platform_objects(values: PlatformValues, namespace: str) -> list[Manifest]:
    """Render the platform for one namespace."""
    objects = [_service_account(values, namespace), _calendar(values, namespace), *_gateway(values, namespace)]
    for name, field, component in PROGRAMS:
        objects += _program(values, namespace, name, component, getattr(values, field))
    if values.redis.enabled:
        objects += _redis(values, namespace)
    if values.migrations.enabled:
        objects.append(_migrations(values, namespace))
    if values.kis_simulator.enabled and values.kis_gateway.environment == "mock":
        objects += _simulator(values, namespace)
    return sorted_objects(objects)


def common_env(values: PlatformValues) -> list[dict[str, Any]]:
    """Give every Python service its store, its log format, the closures and, in a virtual day, the clock's leader."""
    return [
        env_value("HOST", "0.0.0.0"),  # noqa: S104 — inside a pod; NetworkPolicies limit who may call
        redis_env(values, "REDIS_URL"),
        env_secret("DATABASE_URL", values.secrets.database, "url"),
        env_value("LOG_LEVEL", values.logging.level),
        env_value("LOG_JSON", values.logging.json_lines),
        closures_env(),
        *clock_env(values),
    ]


def redis_env(values: PlatformValues, name: str) -> dict[str, Any]:
    """Give a variable the address of Redis; one that holds a password stays in its Secret."""
    if values.redis.existing_secret:
        return env_secret(name, values.redis.existing_secret, "url")
    return env_value(name, values.redis_url)


def clock_env(values: PlatformValues) -> list[dict[str, Any]]:
    """Tell a program of the clock's leader in a virtual day; nothing says that the real clock counts."""
    return [redis_env(values, "JENNIE_CLOCK")] if values.virtual_clock.enabled else []


def pull_secrets(values: PlatformValues) -> dict[str, Any]:
    """Let every pod of a ServiceAccount pull from a private registry, those of later changes too."""
    names = values.global_.image_pull_secrets
    return {"imagePullSecrets": [{"name": name} for name in names]} if names else {}


def slack_env(values: PlatformValues) -> list[dict[str, Any]]:
    """Tell every service of ours where its alarms go; the exchange's stand-in has none."""
    told = values.notifications
    channels = {
        "SLACK_CRITICAL_CHANNEL": told.slack_critical_channel,
        "SLACK_ERROR_CHANNEL": told.slack_error_channel,
        "SLACK_WARNING_CHANNEL": told.slack_warning_channel,
    }
    return [
        env_secret("SLACK_BOT_TOKEN", told.credentials_secret, "slack-bot-token", optional=True),
        *(env_value(name, value) for name, value in channels.items() if value),
    ]


def _metadata(name: str, namespace: str, component: str) -> dict[str, Any]:
    all_labels = labels(name, component=component, instance=RELEASE, managed_by=MANAGED_BY)
    return {"name": name, "namespace": namespace, "labels": all_labels}


def _service_account(values: PlatformValues, namespace: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(RELEASE, namespace, "platform"),
        "automountServiceAccountToken": False,
        **pull_secrets(values),
    }


def _calendar(values: PlatformValues, namespace: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(CALENDAR, namespace, "calendar"),
        "data": {CLOSURES_FILE: values.calendar.text()},
    }


def _workload(
    kind: str,
    metadata: dict[str, Any],
    pod: dict[str, Any],
    *,
    replicas: int = 1,
    annotations: dict[str, str] | None = None,
    **more: Any,
) -> Manifest:
    about_pod = {"labels": metadata["labels"]} | ({"annotations": annotations} if annotations else {})
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": selector(metadata["labels"])},
            "template": {"metadata": about_pod, "spec": pod},
            **more,
        },
    }


def _claim(values: PlatformValues, name: str, storage: str) -> dict[str, Any]:
    storage_class = values.global_.storage_class
    return {
        "metadata": {"name": name},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": storage}},
            **({"storageClassName": storage_class} if storage_class else {}),
        },
    }


def _redis(values: PlatformValues, namespace: str) -> list[Manifest]:
    redis = values.redis
    metadata = _metadata("redis", namespace, "store")
    ping = {"exec": {"command": ["redis-cli", "-p", str(redis.port), "ping"]}}
    main = container(
        "redis",
        image=values.image_named(redis.image),
        pull_policy=values.image.pull_policy,
        command=["redis-server"],
        args=[
            # Without a password Redis 7 answers only its own pod, unless told: the network policy says who may ask.
            *("--port", "$(PORT)", "--bind", "$(HOST)", "--protected-mode", "no", "--dir", "/data"),
            *("--save", "", "--loglevel", "warning"),
            *("--appendonly", "yes", "--appendfsync", redis.appendfsync),
        ],
        env=[env_value("HOST", "0.0.0.0"), env_value("PORT", redis.port)],  # noqa: S104
        ports={"redis": redis.port},
        resources=redis.resources.render(),
        mounts={"data": "/data"},
        probes={
            "livenessProbe": ping | {"periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
            "readinessProbe": ping | {"periodSeconds": 2, "timeoutSeconds": 5},
        },
    )
    pod = pod_spec(main, volumes=[], service_account=RELEASE, **values.pods.render())
    rules: dict[str, Any] = {
        "serviceName": "redis",
        **ON_DELETE,
        "volumeClaimTemplates": [_claim(values, "data", redis.storage)],
    }
    return [
        _workload("StatefulSet", metadata, pod, **rules),
        service("redis", metadata=metadata, selects=selector(metadata["labels"]), ports={"redis": redis.port}),
    ]


def _migrations(values: PlatformValues, namespace: str) -> Manifest:
    metadata = _metadata("migrations", namespace, "store")
    main = container(
        "migrations",
        image=values.image_of("operator"),
        pull_policy=values.image.pull_policy,
        command=["python", "-m", "prime_jennie.infra.database.migrate"],
        env=[
            env_secret("DATABASE_URL", values.secrets.database, "url"),
            env_value("DATABASE_WAIT_SECS", values.migrations.wait_secs),
        ],
        ports={},
        resources=values.migrations.resources.render(),
        mounts={},
        probes={},
    )
    pod = pod_spec(main, volumes=[], service_account=RELEASE, **values.pods.render(), restartPolicy="Never")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {"backoffLimit": 3, "template": {"metadata": {"labels": metadata["labels"]}, "spec": pod}},
    }


def _gateway(values: PlatformValues, namespace: str) -> list[Manifest]:
    gateway, simulator = values.kis_gateway, values.kis_simulator
    metadata = _metadata("kis-gateway", namespace, "gateway")
    is_mock = gateway.environment == "mock"
    rest = gateway.base_url or (f"http://kis-simulator:{simulator.port}" if is_mock else "")
    loss_limit_pct = gateway.account_daily_loss_limit_pct
    web_socket = gateway.web_socket_url or (f"ws://kis-simulator:{simulator.web_socket_port}" if is_mock else "")
    env = [
        env_value("PORT", gateway.port),
        env_value("KIS_ENV", gateway.environment),
        env_secret("KIS_APP_KEY", gateway.credentials_secret, "app-key"),
        env_secret("KIS_APP_SECRET", gateway.credentials_secret, "app-secret"),
        env_secret("KIS_HTS_ID", gateway.credentials_secret, "hts-id", optional=True),
        env_value("KIS_ACCOUNT_NO", gateway.account_no)
        if gateway.account_no
        else env_secret("KIS_ACCOUNT_NO", gateway.credentials_secret, "account-no"),
        *([env_value("KIS_LIVE_CONFIRM", gateway.live_confirmation)] if gateway.live_confirmation else []),
        *([env_value("KIS_BASE_URL", rest)] if rest else []),
        *([env_value("KIS_WS_URL", web_socket)] if web_socket else []),
        env_value("KIS_REST_PER_SEC", gateway.rest_per_second),
        env_value("KIS_LEDGER_PER_SEC", gateway.ledger_per_second),
        env_value("ORDER_MAX_QUANTITY", gateway.order_max_quantity),
        env_value("ORDER_MAX_PER_DAY", gateway.order_max_per_day),
        *([env_value("ACCOUNT_DAILY_LOSS_LIMIT_PCT", loss_limit_pct)] if loss_limit_pct is not None else []),
        env_value("STATE_FOLDER", STATE_FOLDER),
        env_secret("JENNIE_TOKEN_KEY", values.secrets.platform, "token-key"),
        env_secret("JENNIE_READ_TOKEN", values.secrets.platform, "read-token"),
        env_secret("JENNIE_OPERATOR_TOKEN", values.secrets.platform, "operator-token"),
        env_secret("JENNIE_ENCRYPTION_KEY", values.secrets.platform, "encryption-key"),
    ]
    main = container(
        "kis-gateway",
        image=values.image_of("kis-gateway"),
        pull_policy=values.image.pull_policy,
        command=["python", "-m", "kis_gateway"],
        env=merged_env(common_env(values), slack_env(values), env),
        ports={"http": gateway.port},
        resources=gateway.resources.render(),
        mounts={"state": STATE_FOLDER} | MOUNTS,
        probes=http_probes(),
    )
    apart = {
        "podAntiAffinity": {
            "preferredDuringSchedulingIgnoredDuringExecution": [
                {
                    "weight": 100,
                    "podAffinityTerm": {
                        "topologyKey": "kubernetes.io/hostname",
                        "labelSelector": {"matchLabels": selector(metadata["labels"])},
                    },
                }
            ]
        }
    }
    pod = pod_spec(main, volumes=[closures_volume()], service_account=RELEASE, affinity=apart, **values.pods.render())
    rules: dict[str, Any] = {
        "serviceName": "kis-gateway",
        "podManagementPolicy": "Parallel",
        **ON_DELETE,
        "volumeClaimTemplates": [_claim(values, "state", gateway.storage)],
    }
    annotations = values.metrics.annotations(gateway.port) | values.calendar.checksum()
    replicas = 2 if gateway.standby else 1
    return [
        _workload("StatefulSet", metadata, pod, replicas=replicas, annotations=annotations, **rules),
        service("kis-gateway", metadata=metadata, selects=selector(metadata["labels"]), ports={"http": gateway.port}),
    ]


def _simulator(values: PlatformValues, namespace: str) -> list[Manifest]:
    simulator = values.kis_simulator
    metadata = _metadata("kis-simulator", namespace, "exchange")
    ports = {"http": simulator.port, "ws": simulator.web_socket_port, "control": simulator.control_port}
    options: dict[str, Any] = {
        "--host": "$(HOST)",
        "--port": "$(PORT)",
        "--ws-port": "$(WS_PORT)",
        "--control-port": "$(CONTROL_PORT)",
        "--env": simulator.mimics,
        "--layout": simulator.layout,
        "--rest-per-s": simulator.rest_per_second,
        "--ledger-per-s": simulator.ledger_per_second,
        "--token-per-min": simulator.tokens_per_minute,
        "--cash": simulator.cash_krw,
        "--seed": simulator.seed,
        "--day": simulator.day,
        "--at": simulator.start_at,
        "--until": simulator.end_at,
        "--rate": simulator.rate,
        "--tick-secs": simulator.tick_seconds,
        "--data": simulator.data_folder,
        # A day that is asked for has a file of its own: the claim may hold the journal of another one.
        "--journal": f"{STATE_FOLDER}/exchange{f'-{simulator.day}' if simulator.day else ''}.journal",
        "--clock-url": "$(REDIS_URL)" if values.virtual_clock.enabled else None,
        "--log-level": values.logging.level,
        "--log-json": str(values.logging.json_lines).lower(),
    }
    env = [
        env_value("PORT", simulator.port),
        env_value("WS_PORT", simulator.web_socket_port),
        env_value("CONTROL_PORT", simulator.control_port),
        env_secret("DATABASE_URL", values.secrets.database, values.secrets.prices_key),
    ]
    main = container(
        "kis-simulator",
        image=values.image_of("kis-simulator"),
        pull_policy=values.image.pull_policy,
        command=["python", "-m", "kis_simulator"],
        args=[text_of(part) for option in options.items() if option[1] is not None for part in option],
        env=merged_env(common_env(values), env),
        ports=ports,
        resources=simulator.resources.render(),
        mounts={"state": STATE_FOLDER} | MOUNTS,
        probes=http_probes("control"),
    )
    pod = pod_spec(main, volumes=[closures_volume()], service_account=RELEASE, **values.pods.render())
    claims: dict[str, Any] = {"serviceName": "kis-simulator", "volumeClaimTemplates": [_claim(values, "state", "1Gi")]}
    return [
        _workload("StatefulSet", metadata, pod, annotations=values.calendar.checksum(), **claims),
        service("kis-simulator", metadata=metadata, selects=selector(metadata["labels"]), ports=ports),
    ]


def _program(values: PlatformValues, namespace: str, name: str, component: str, program: Program) -> list[Manifest]:
    """Render one service of the platform that needs the stores, the gateway and perhaps a model or an alert channel."""
    metadata = _metadata(name, namespace, component)
    env = [
        env_value("PORT", program.port),
        env_value("JENNIE_NAMESPACE", namespace),
        env_value("KIS_GATEWAY_URL", f"http://kis-gateway:{values.kis_gateway.port}"),
        env_secret("JENNIE_READ_TOKEN", values.secrets.platform, "read-token"),
        env_secret("JENNIE_OPERATOR_TOKEN", values.secrets.platform, "operator-token"),
        *_model_env(values),
        *_telegram_env(values),
        *(_figure_env(values) if name == "data-collector" else []),
        *(_dashboard_env(values) if name == "dashboard-api" else []),
    ]
    main = container(
        name,
        image=values.image_of(name),
        pull_policy=values.image.pull_policy,
        command=["python", "-m", name.replace("-", "_")],
        env=merged_env(common_env(values), slack_env(values), env),
        ports={"http": program.port},
        resources=program.resources.render(),
        mounts=MOUNTS,
        probes=http_probes(),
    )
    pod = pod_spec(main, volumes=[closures_volume()], service_account=RELEASE, **values.pods.render())
    annotations = values.metrics.annotations(program.port) | values.calendar.checksum()
    return [
        _workload("Deployment", metadata, pod, annotations=annotations, strategy={"type": "Recreate"}),
        service(name, metadata=metadata, selects=selector(metadata["labels"]), ports={"http": program.port}),
    ]


def _dashboard_env(values: PlatformValues) -> list[dict[str, Any]]:
    folder = values.dashboard_api.logs_folder
    return [
        env_value("SERVICE_URLS", service_urls(values)),
        *([env_value("LOGS_FOLDER", folder)] if folder else []),
    ]


def service_urls(values: PlatformValues) -> str:
    """Name the platform's services with their addresses, as dashboard-api reads them."""
    ports = {name: getattr(values, field).port for name, field, _ in PROGRAMS if name != "dashboard-api"}
    known = {"kis-gateway": values.kis_gateway.port, **ports}
    return ",".join(f"{name}=http://{name}:{port}" for name, port in known.items())


def _model_env(values: PlatformValues) -> list[dict[str, Any]]:
    return [*_analyst_env(values), *_vector_env(values)]


def _analyst_env(values: PlatformValues) -> list[dict[str, Any]]:
    if not values.llm_base_url:
        return []
    return [
        env_value("LLM_BASE_URL", values.llm_base_url),
        env_value("LLM_MODEL", values.llm_model),
        env_value("LLM_JUDGE_MODEL", values.llm.judge_model or values.llm_model),
        env_secret("LLM_API_KEY", values.llm.credentials_secret, "api-key", optional=True),
    ]


def _vector_env(values: PlatformValues) -> list[dict[str, Any]]:
    return [
        *([env_value("EMBED_BASE_URL", values.embed_base_url)] if values.embed_base_url else []),
        *([env_value("EMBED_MODEL", values.embed_model)] if values.embed_base_url else []),
        *([env_value("QDRANT_URL", values.qdrant_url)] if values.qdrant_url else []),
    ]


def _figure_env(values: PlatformValues) -> list[dict[str, Any]]:
    figures = values.world_figures
    return [
        *([env_value("VIX_URL", figures.vix_url)] if figures.vix_url else []),
        env_secret("ECOS_API_KEY", figures.credentials_secret, "ecos-api-key", optional=True),
    ]


def _telegram_env(values: PlatformValues) -> list[dict[str, Any]]:
    told = values.notifications
    languages = ("BRIEFING_LANGUAGE", "COMMAND_LANGUAGE") if told.language != "ko" else ()
    return [
        env_secret("TELEGRAM_BOT_TOKEN", told.credentials_secret, "telegram-bot-token", optional=True),
        *([env_value("TELEGRAM_CHAT_IDS", told.telegram_chat_ids)] if told.telegram_chat_ids else []),
        *(env_value(name, told.language) for name in languages),
    ]
