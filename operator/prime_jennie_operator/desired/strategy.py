"""One TradingStrategy as objects: four services, their addresses, their identity, their live configuration."""

from __future__ import annotations

from typing import Any

from prime_jennie_operator.desired.platform import common_env, slack_env
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
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.resources import ServiceOverrides, TradingStrategy

MANAGED_BY = "prime-jennie-operator"
CONFIG_FOLDER = "/etc/jennie"
CONFIG_FILE = "strategy.json"
# Program, its field in spec.services and in the chart's values, what it is to the trading day.
PROGRAMS = (
    ("buy-scanner", "buy_scanner", "signals"),
    ("buy-executor", "buy_executor", "orders"),
    ("sell-executor", "sell_executor", "orders"),
    ("price-monitor", "price_monitor", "exits"),
)


def strategy_objects(strategy: TradingStrategy, values: PlatformValues) -> list[Manifest]:
    """Render one strategy. Only `spec.services` reaches a pod template: all else is live configuration."""
    objects = [_service_account(strategy), _config_map(strategy)]
    for program, field, component in PROGRAMS:
        overrides: ServiceOverrides = getattr(strategy.spec.services, field)
        if overrides.enabled:
            defaults: Program = getattr(values.strategy_services, field)
            objects += _program(strategy, values, program, component, overrides, defaults)
    return sorted_objects(objects)


def _program(
    strategy: TradingStrategy,
    values: PlatformValues,
    program: str,
    component: str,
    overrides: ServiceOverrides,
    defaults: Program,
) -> list[Manifest]:
    name = f"{strategy.name}-{program}"
    metadata = _metadata(strategy, name, program, component)
    ports = {"http": defaults.port}
    identity = [
        env_value("PORT", defaults.port),
        env_value("JENNIE_STRATEGY", strategy.name),
        env_value("JENNIE_STRATEGY_FILE", f"{CONFIG_FOLDER}/{CONFIG_FILE}"),
        env_value("KIS_GATEWAY_URL", f"http://{strategy.spec.gateway.name}:{values.kis_gateway.port}"),
        env_secret("JENNIE_SERVICE_TOKEN", f"{strategy.name}-token", "token"),
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
        mounts={"live-configuration": CONFIG_FOLDER},
        probes=http_probes(),
    )
    # A folder, not one file by subPath: only a folder's contents follow the ConfigMap without a restart.
    volume = {"name": "live-configuration", "configMap": {"name": f"{strategy.name}-config"}}
    pod = pod_spec(
        main,
        volumes=[volume],
        service_account=strategy.name,
        nodeSelector=dict(overrides.node_selector),
        tolerations=[t.model_dump(by_alias=True, exclude_none=True) for t in overrides.tolerations],
    )
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {
            "replicas": 1,
            # Never two of them at once, not even while one replaces the other: they would trade twice.
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": selector(metadata["labels"])},
            "template": {"metadata": {"labels": metadata["labels"]}, "spec": pod},
        },
    }
    return [deployment, service(name, metadata=metadata, selects=selector(metadata["labels"]), ports=ports)]


def _config_map(strategy: TradingStrategy) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(strategy, f"{strategy.name}-config", strategy.name, "configuration"),
        "data": {CONFIG_FILE: strategy.live_config().model_dump_json(by_alias=True, exclude_none=True, indent=2)},
    }


def _service_account(strategy: TradingStrategy) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _metadata(strategy, strategy.name, strategy.name, "identity"),
        "automountServiceAccountToken": False,
    }


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
