"""Rank how far a stock may be traded; watchlist, scores and signals share the rule."""

from enum import StrEnum


class TradeTier(StrEnum):
    """How much of a full position a stock earns; BLOCKED earns none."""

    TIER1 = "TIER1"
    TIER2 = "TIER2"
    BLOCKED = "BLOCKED"


class RiskTag(StrEnum):
    """What the numbers (never the language model) say about a stock's risk."""

    BULLISH = "BULLISH"
    NEUTRAL = "NEUTRAL"
    CAUTION = "CAUTION"
    DISTRIBUTION_RISK = "DISTRIBUTION_RISK"


def refuse_tradable_blocked(tier: TradeTier, *, is_tradable: bool) -> None:
    """Raise ValueError for a blocked stock that claims to be tradable."""
    if tier is TradeTier.BLOCKED and is_tradable:
        raise ValueError("trade_tier BLOCKED demands is_tradable=false")


def refuse_unvetoed_distribution(tag: RiskTag, *, veto_applied: bool) -> None:
    """Raise ValueError for distribution risk without a veto."""
    if tag is RiskTag.DISTRIBUTION_RISK and not veto_applied:
        raise ValueError("risk_tag DISTRIBUTION_RISK demands veto_applied=true")
