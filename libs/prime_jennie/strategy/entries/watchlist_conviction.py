"""WATCHLIST_CONVICTION: a stock that the scout itself is sure of, early in the day and before it has run away."""

from typing import Self

from pydantic import Field, model_validator

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.signals import SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.strategy.entries.rule import EntryMatch, EntryParameters, EntryRule
from prime_jennie.strategy.indicators import change_pct
from prime_jennie.strategy.scan_view import ScanView

SEEN_WITHIN_MINUTES = 15
"""A stock first seen later than this may have run away before: its first bar tells no gain."""


class WatchlistConvictionParameters(EntryParameters):
    """Thresholds of WATCHLIST_CONVICTION; scores and percentages as they stand, minutes since the session's open."""

    min_hybrid: float = Field(default=70, ge=0, le=100, description="hybrid score that convinces")
    min_llm: float = Field(default=72, ge=0, le=100, description="analyst's score that convinces as well")
    sideways_min_hybrid: float = Field(default=75, ge=0, le=100, description="hybrid score needed in SIDEWAYS")
    max_age_sessions: int = Field(default=2, ge=0, description="sessions on the watchlist at most")
    from_open_minutes: float = Field(default=15, ge=0, description="first minute after the open")
    to_open_minutes: float = Field(default=90, gt=0, description="last minute after the open")
    max_gain_pct: float = Field(default=3.0, gt=0, description="gain since the first bar's open, below this %")
    max_vwap_deviation_pct: float = Field(default=1.5, gt=0, description="distance from the VWAP at most, %")
    max_rsi: float = Field(default=65, gt=0, le=100, description="RSI, below this")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.from_open_minutes > self.to_open_minutes:
            raise ValueError("fromOpenMinutes must not exceed toOpenMinutes")
        return self


def evaluate(view: ScanView, parameters: WatchlistConvictionParameters) -> EntryMatch | None:
    """Match a fresh, convincing, calm stock between 09:15 and 10:30 of a usual day, outside bear markets."""
    if not _convinces(view, parameters) or not _is_in_its_window(view, parameters):
        return None
    gain_pct = gain_since_open_pct(view)
    if gain_pct is None or gain_pct >= parameters.max_gain_pct:
        return None
    if view.vwap is None or view.rsi is None or view.rsi >= parameters.max_rsi:
        return None
    deviation_pct = change_pct(view.vwap, view.price)
    if abs(deviation_pct) > parameters.max_vwap_deviation_pct:
        return None
    return EntryMatch(
        SignalType.WATCHLIST_CONVICTION,
        f"hybrid {view.entry.hybrid_score:g} and llm {view.entry.llm_score:g}, {view.age_sessions} sessions listed, "
        f"{gain_pct:+.2f} % since the open, {deviation_pct:+.2f} % from VWAP {view.vwap:,.0f}, RSI {view.rsi:.1f}",
    )


def gain_since_open_pct(view: ScanView) -> float | None:
    """Return the gain since the session's first bar opened; None where the stock was not watched from then on."""
    if view.session is None or not view.first_bars:
        return None
    first = view.first_bars[0]
    if view.session.minutes_from_open(first.opens_at) >= SEEN_WITHIN_MINUTES:
        return None
    return change_pct(first.open_price, view.price)


def _convinces(view: ScanView, parameters: WatchlistConvictionParameters) -> bool:
    entry = view.entry
    if entry.trade_tier is TradeTier.BLOCKED or view.regime.is_bear:
        return False
    if view.regime is MarketRegime.SIDEWAYS and entry.hybrid_score < parameters.sideways_min_hybrid:
        return False
    if view.age_sessions > parameters.max_age_sessions:
        return False
    return entry.hybrid_score >= parameters.min_hybrid or entry.llm_score >= parameters.min_llm


def _is_in_its_window(view: ScanView, parameters: WatchlistConvictionParameters) -> bool:
    if view.session is None:
        return False
    passed = view.session.minutes_from_open(view.at)
    return parameters.from_open_minutes <= passed <= parameters.to_open_minutes


RULE = EntryRule(SignalType.WATCHLIST_CONVICTION, WatchlistConvictionParameters, evaluate, by_default=False)
