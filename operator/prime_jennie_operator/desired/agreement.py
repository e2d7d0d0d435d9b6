"""Whether a strategy and its gateway speak of the same money and the same exchange."""

from __future__ import annotations

from prime_jennie.domain.trading_strategy import TradedMarket
from prime_jennie_operator.desired.values import PlatformValues
from prime_jennie_operator.resources import TradingStrategy


def market_not_served(strategy: TradingStrategy) -> str | None:
    """Say why nothing may run for this market; None when it may.

    The services read Korean prices alone: whatever they did for another market, they would do it to Korean stocks.
    """
    if strategy.spec.market is TradedMarket.KRX:
        return None
    return f"market {strategy.spec.market} gives signals only, and nothing here makes them yet: no pod is started"


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
