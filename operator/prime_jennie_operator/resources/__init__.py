"""Our kinds: what a person writes, as typed and immutable models."""

from prime_jennie_operator.resources.backfill import Backfill, BackfillStatus
from prime_jennie_operator.resources.meta import API_VERSION, GROUP, VERSION, Condition, ConditionType, ObjectMeta
from prime_jennie_operator.resources.overrides import ServiceOverrides
from prime_jennie_operator.resources.scout_schedule import ScoutSchedule, ScoutScheduleStatus
from prime_jennie_operator.resources.trading_strategy import (
    TradingStrategy,
    TradingStrategySpec,
    TradingStrategyStatus,
)

__all__ = [
    "API_VERSION",
    "GROUP",
    "VERSION",
    "Backfill",
    "BackfillStatus",
    "Condition",
    "ConditionType",
    "ObjectMeta",
    "ScoutSchedule",
    "ScoutScheduleStatus",
    "ServiceOverrides",
    "TradingStrategy",
    "TradingStrategySpec",
    "TradingStrategyStatus",
]
