"""Desired-like objects for tests of the runner: stand-in services with addresses, and a real Redis."""

import json
from pathlib import Path
from typing import Any

Manifest = dict[str, Any]
PROGRAM = Path(__file__).with_name("stand_in_service.py")


def stand_in(name: str, port: int, *, strategy: str | None = None, **env: str) -> list[Manifest]:
    """Describe a Deployment of the stand-in with its Service; `env` names Services by their cluster addresses."""
    labels = {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": strategy or "test"}
    labels |= {"trading.prime-jennie.io/strategy": strategy} if strategy else {}
    container: Manifest = {
        "name": name,
        "command": ["python", str(PROGRAM), name],
        "env": [{"name": k, "value": v} for k, v in {"PORT": str(port), **env}.items()],
        "ports": [{"name": "http", "containerPort": port}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
    }
    pod: Manifest = {"containers": [container]}
    if strategy:
        container["env"].append({"name": "JENNIE_STRATEGY", "value": strategy})
        container["env"].append({"name": "JENNIE_STRATEGY_FILE", "value": "/etc/jennie/strategy.json"})
        container["volumeMounts"] = [{"name": "config", "mountPath": "/etc/jennie"}]
        pod["volumes"] = [{"name": "config", "configMap": {"name": f"{strategy}-config"}}]
    return [
        {
            "kind": "Deployment",
            "metadata": {"name": name, "labels": labels},
            "spec": {"replicas": 1, "template": {"metadata": {"labels": labels}, "spec": pod}},
        },
        _service(name, labels, "http", port),
    ]


def redis_store(port: int = 6379) -> list[Manifest]:
    labels = {"app.kubernetes.io/name": "redis", "app.kubernetes.io/instance": "test"}
    container = {
        "name": "redis",
        "command": ["redis-server"],
        "args": ["--port", "$(PORT)", "--bind", "$(HOST)", "--dir", "/data", "--appendonly", "yes", "--save", ""],
        "env": [{"name": "HOST", "value": "of-the-pod"}, {"name": "PORT", "value": str(port)}],
        "ports": [{"name": "redis", "containerPort": port}],
        "readinessProbe": {"exec": {"command": ["redis-cli", "ping"]}},
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    return [
        {
            "kind": "StatefulSet",
            "metadata": {"name": "redis", "labels": labels},
            "spec": {
                "replicas": 1,
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            },
        },
        _service("redis", labels, "redis", port),
    ]


def job(name: str, *command: str) -> Manifest:
    labels = {"app.kubernetes.io/name": name}
    container = {"name": name, "command": list(command)}
    return {
        "kind": "Job",
        "metadata": {"name": name, "labels": labels},
        "spec": {"template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}}},
    }


def live_configuration(strategy: str, generation: int, max_positions: int) -> Manifest:
    config = {"name": strategy, "generation": generation, "spec": {"risk": {"maxPositions": max_positions}}}
    return {
        "kind": "ConfigMap",
        "metadata": {"name": f"{strategy}-config", "labels": {"trading.prime-jennie.io/strategy": strategy}},
        "data": {"strategy.json": json.dumps(config)},
    }


def _service(name: str, labels: dict[str, str], port_name: str, port: int) -> Manifest:
    return {
        "kind": "Service",
        "metadata": {"name": name, "labels": labels},
        "spec": {"selector": labels, "ports": [{"name": port_name, "port": port, "targetPort": port_name}]},
    }
