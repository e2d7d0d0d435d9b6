"""Whether a strategy and its gateway speak of the same money."""

from __future__ import annotations

from prime_jennie_operator.desired.values import PlatformValues
from prime_jennie_operator.resources import TradingStrategy


def environment_mismatch(strategy: TradingStrategy, values: PlatformValues) -> str | None:
    """Say why a strategy must not trade through this gateway; None when it may.

    A live strategy needs a live gateway with the very Secret that it names, a paper one mock or paper.
    """
    gateway, config = values.kis_gateway, strategy.spec
    if (config.mode == "live") != (gateway.environment == "live"):
        return f"mode {config.mode} cannot trade through a gateway in {gateway.environment}"
    named = config.account.secret_ref
    if named is not None and named.name != gateway.credentials_secret:
        return f"account.secretRef {named.name} is not the gateway's own Secret {gateway.credentials_secret}"
    return None
