"""Whether a strategy and its gateway speak of the same money and the same exchange."""

from __future__ import annotations

from prime_jennie.domain.trading_strategy import TradedMarket, TradingMode
from prime_jennie_operator.desired.values import KisGateway, PlatformValues
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
    named = strategy.spec.account.secret_ref
    return mismatch(strategy.spec.mode, None if named is None else named.name, values.kis_gateway)


def mismatch(mode: str, secret: str | None, gateway: KisGateway) -> str | None:
    """Judge the two fields alone, of a spec that nobody has checked yet."""
    if (mode == TradingMode.LIVE) != (gateway.environment == "live"):
        return f"mode {mode} cannot trade through a gateway in {gateway.environment}"
    if secret is not None and secret != gateway.credentials_secret:
        return f"account.secretRef {secret} is not the gateway's own Secret {gateway.credentials_secret}"
    return None
