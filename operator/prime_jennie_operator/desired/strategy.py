"""One TradingStrategy as objects: four services, their addresses, their identity, their live configuration."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Any, Final

from prime_jennie_operator.desired.closures import MOUNTS, closures_volume
from prime_jennie_operator.desired.disruption import disruption_budget
from prime_jennie_operator.desired.network import strategy_network_policy
from prime_jennie_operator.desired.platform import common_env, pull_secrets, slack_env
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
)
from prime_jennie_operator.desired.values import PlatformValues, Program
from prime_jennie_operator.manifest import STRATEGY_LABEL, Manifest
from prime_jennie_operator.resources import ServiceOverrides, TradingStrategy

MANAGED_BY = "prime-jennie-operator"
CONFIG_FOLDER = "/etc/jennie"
CONFIG_FILE = "strategy.json"
TOKEN_SUFFIX: Final = "-token"  # noqa: S105 — of a Secret's name
TOKEN_KEY: Final = "token"  # noqa: S105 — a key's name
SECRETS_ANNOTATION: Final = "trading.prime-jennie.io/secrets"
"""Of a pod: changes when a Secret that it reads has other contents, and with it the pod."""
# Program, its field in spec.services and in the chart's values, what it is to the trading day.
PROGRAMS = (
    ("buy-scanner", "buy_scanner", "signals"),
    ("buy-executor", "buy_executor", "orders"),
    ("sell-executor", "sell_executor", "orders"),
    ("price-monitor", "price_monitor", "exits"),
)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a cluster adds to a spec; a laptop knows none of it."""

    share: float | None = None
    """Calls a second that the gateway's budget grants; None leaves what was asked for."""
    token: str | None = field(default=None, repr=False)
    """The strategy's service token; None makes no Secret."""
    secrets_print: str | None = None
    """Fingerprint of the contents of the Secrets that the pods read."""
    is_open: bool = False
    """Whether the exchange is open, so that no node may drain trading pods."""


def strategy_objects(
    strategy: TradingStrategy, values: PlatformValues, found: Circumstances = Circumstances()
) -> list[Manifest]:
    """Render one strategy. Only `spec.services` reaches a pod template: all else is live configuration."""
    objects = [_service_account(strategy, values), _config_map(strategy, found.share), _disruption(strategy, found)]
    if found.token is not None:
        objects.append(_token_secret(strategy, found.token))
    if values.network_policies.enabled:
        metadata = _metadata(strategy, strategy.name, strategy.name, "network")
        objects.append(strategy_network_policy(metadata, strategy, values))
    for program, name, component in PROGRAMS:
        overrides: ServiceOverrides = getattr(strategy.spec.services, name)
        if overrides.enabled:
            defaults: Program = getattr(values.strategy_services, name)
            objects += _program(strategy, values, program, component, overrides, defaults, found)
    return sorted_objects(objects)


def config_text(strategy: TradingStrategy, share: float | None = None) -> str:
    """Write the live configuration as the mounted file and the key in Redis have it."""
    return strategy.live_config(share).model_dump_json(by_alias=True, exclude_none=True, indent=2)


def token_secret(strategy: str) -> str:
    """Name the Secret of a strategy's service token."""
    return f"{strategy}{TOKEN_SUFFIX}"


def _program(
    strategy: TradingStrategy,
    values: PlatformValues,
    program: str,
    component: str,
    overrides: ServiceOverrides,
    defaults: Program,
    found: Circumstances,
) -> list[Manifest]:
    name = f"{strategy.name}-{program}"
    metadata = _metadata(strategy, name, program, component)
    ports = {"http": defaults.port}
    identity = [
        env_value("PORT", defaults.port),
        env_value("JENNIE_STRATEGY", strategy.name),
        env_value("JENNIE_STRATEGY_FILE", f"{CONFIG_FOLDER}/{CONFIG_FILE}"),
        env_value("KIS_GATEWAY_URL", f"http://{strategy.spec.gateway.name}:{values.kis_gateway.port}"),
        env_secret("JENNIE_SERVICE_TOKEN", token_secret(strategy.name), TOKEN_KEY),
    ]
    own = [entry.model_dump(by_alias=True) for entry in overrides.env]
    resources = overrides.resources or defaults.resources
    main = container(
        program,
        image=overrides.image or values.image_of(program),
        pull_policy=values.image.pull_policy,
        command=["python", "-m", program.replace("-", "_")],
        env=merged_env(common_env(values), slack_env(values), identity, own),
        ports=ports,
        resources=resources.render(),
        mounts={"live-configuration": CONFIG_FOLDER} | MOUNTS,
        probes=http_probes(),
    )
    # A folder, not one file by subPath: only a folder's contents follow the ConfigMap without a restart.
    volume = {"name": "live-configuration", "configMap": {"name": f"{strategy.name}-config"}}
    pod = pod_spec(
        main,
        volumes=[volume, closures_volume()],
        service_account=strategy.name,
        nodeSelector=dict(overrides.node_selector),
        tolerations=[t.model_dump(by_alias=True, exclude_none=True) for t in overrides.tolerations],
        priorityClassName=values.pods.priority_class_name,
    )
    annotations = values.metrics.annotations(defaults.port) | values.calendar.checksum()
    if found.secrets_print is not None:
        annotations[SECRETS_ANNOTATION] = found.secrets_print
    about = {"labels": metadata["labels"], **({"annotations": annotations} if annotations else {})}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": 1,
            # Never two of them at once, not even while one replaces the other: they would trade twice.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": selector(metadata["labels"])},
            "template": {"metadata": about, "spec": pod},
        },
    }
    return [deployment, service(name, metadata=metadata, selects=selector(metadata["labels"]), ports=ports)]


def _config_map(strategy: TradingStrategy, share: float | None) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(strategy, f"{strategy.name}-config", strategy.name, "configuration"),
        "data": {CONFIG_FILE: config_text(strategy, share)},
    }


def _token_secret(strategy: TradingStrategy, token: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": _metadata(strategy, token_secret(strategy.name), strategy.name, "identity"),
        "type": "Opaque",
        "data": {TOKEN_KEY: base64.b64encode(token.encode()).decode()},
    }


def _service_account(strategy: TradingStrategy, values: PlatformValues) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(strategy, strategy.name, strategy.name, "identity"),
        "automountServiceAccountToken": False,
        **pull_secrets(values),
    }


def _disruption(strategy: TradingStrategy, found: Circumstances) -> Manifest:
    metadata = _metadata(strategy, strategy.name, strategy.name, "protection")
    return disruption_budget(metadata, {STRATEGY_LABEL: strategy.name}, is_open=found.is_open)


def _metadata(strategy: TradingStrategy, name: str, program: str, component: str) -> dict[str, Any]:
    meta = strategy.metadata
    owner = {
        "apiVersion": strategy.api_version,
        "kind": strategy.kind,
        "name": strategy.name,
        "uid": meta.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    return {
        "name": name,
        "namespace": meta.namespace,
        "labels": labels(
            program, component=component, instance=strategy.name, managed_by=MANAGED_BY, strategy=strategy.name
        ),
        **({"ownerReferences": [owner]} if meta.uid else {}),
    }
