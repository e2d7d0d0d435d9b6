"""Who may speak with a strategy's pods, and with whom they speak: as the services' code does, and nothing else."""

from __future__ import annotations

from typing import Any, Final

from prime_jennie_operator.desired.values import PlatformValues
from prime_jennie_operator.manifest import NAME_LABEL, STRATEGY_LABEL, Manifest
from prime_jennie_operator.resources import TradingStrategy

Rule = dict[str, Any]
DNS_PORT: Final = 53
HTTPS_PORT: Final = 443


def strategy_network_policy(metadata: dict[str, Any], strategy: TradingStrategy, values: PlatformValues) -> Manifest:
    """Describe the policy of one strategy's pods; the kubelet's probes need no rule."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata,
        "spec": {
            "podSelector": {"matchLabels": {STRATEGY_LABEL: strategy.name}},
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [_rule("from", [_pods("dashboard-api")], "http"), *_scraped(values)],
            "egress": [
                {"ports": [{"protocol": protocol, "port": DNS_PORT} for protocol in ("UDP", "TCP")]},
                _rule("to", [_pods(strategy.spec.gateway.name)], values.kis_gateway.port),
                *_stores(values),
                *_alarms(values),
            ],
        },
    }


def _scraped(values: PlatformValues) -> list[Rule]:
    peers = [dict(peer) for peer in values.network_policies.metrics_from]
    if values.metrics.scrape == "none" or not peers:  # a rule without peers would be for everybody
        return []
    return [_rule("from", peers, "http")]


def _stores(values: PlatformValues) -> list[Rule]:
    """Let pods reach Redis and the database: the release's own ones, and others at the ports where such servers are."""
    rules = []
    if values.redis.enabled:
        rules.append(_rule("to", [_pods("redis")], values.redis.port))
    if values.mariadb.enabled:
        rules.append(_rule("to", [_pods("mariadb")], values.mariadb.port))
    if not (values.redis.enabled and values.mariadb.enabled):
        rules.append(_rule("to", [], *values.network_policies.store_ports))
    return rules


def _alarms(values: PlatformValues) -> list[Rule]:
    """Let alarms reach Slack, whose addresses nobody can list."""
    told = values.notifications
    channels = (told.slack_critical_channel, told.slack_error_channel, told.slack_warning_channel)
    return [_rule("to", [], HTTPS_PORT)] if any(channels) else []


def _pods(name: str) -> dict[str, Any]:
    return {"podSelector": {"matchLabels": {NAME_LABEL: name}}}


def _rule(side: str, peers: list[dict[str, Any]], *ports: int | str) -> Rule:
    """Write one rule; without peers it is for everybody."""
    return {
        **({side: peers} if peers else {}),
        "ports": [{"protocol": "TCP", "port": port} for port in ports],
    }
