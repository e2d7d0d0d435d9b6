"""Our kinds: what a person writes, as typed and immutable models."""

from prime_jennie_operator.resources.meta import API_VERSION, GROUP, VERSION, ObjectMeta
from prime_jennie_operator.resources.scout_schedule import ScoutSchedule
from prime_jennie_operator.resources.trading_strategy import ServiceOverrides, TradingStrategy, TradingStrategySpec

__all__ = [
    "API_VERSION",
    "GROUP",
    "VERSION",
    "ObjectMeta",
    "ScoutSchedule",
    "ServiceOverrides",
    "TradingStrategy",
    "TradingStrategySpec",
]
