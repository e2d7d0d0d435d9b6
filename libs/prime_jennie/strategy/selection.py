"""Choose the watchlist: thresholds that hold on to what is listed, score buckets, size, sector caps (rulebook §3.3)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from prime_jennie.domain.risk import SectorBudget
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.watchlist import HybridScore

ENTER_SCORE: Final = 62.0
STAY_SCORE: Final = 55.0
BUCKET_POINTS: Final = 5.0
MOST_STOCKS: Final = 20


@dataclass(frozen=True, slots=True)
class Nominee:
    """A scored stock that may be chosen; all sizes are of one kind: market cap, or turnover where caps are unknown."""

    score: HybridScore
    sector: SectorGroup
    size_krw: float
    listed: bool
    """On the list before this run."""


@dataclass(frozen=True)
class Selection:
    """Who was chosen, best first, and why the others were not."""

    chosen: tuple[Nominee, ...]
    passed_over: dict[str, str] = field(default_factory=dict)


def select(nominees: Iterable[Nominee], budget: SectorBudget, *, most: int = MOST_STOCKS) -> Selection:
    """Return the list, at most `most` stocks; a sector's cap is never filled up again from what it left out.

    Within a bucket of five points the bigger stock comes first: a point more or less says nothing, a thin book does.
    """
    chosen: list[Nominee] = []
    passed_over: dict[str, str] = {}
    listed: dict[SectorGroup, int] = {}
    for nominee in sorted(nominees, key=_order):
        reason = _refusal(nominee)
        cap = budget.effective_cap(nominee.sector)
        if reason is None and listed.get(nominee.sector, 0) >= cap:
            reason = f"sector cap {cap} of {nominee.sector.value}"
        if reason is None and len(chosen) >= most:
            reason = f"the list is full with {most}"
        if reason is not None:
            passed_over[nominee.score.stock_code] = reason
            continue
        listed[nominee.sector] = listed.get(nominee.sector, 0) + 1
        chosen.append(nominee)
    return Selection(tuple(chosen), passed_over)


def _order(nominee: Nominee) -> tuple[int, float, str]:
    return -int(nominee.score.hybrid_score // BUCKET_POINTS), -nominee.size_krw, nominee.score.stock_code


def _refusal(nominee: Nominee) -> str | None:
    score = nominee.score
    if not score.is_tradable:
        return f"{score.trade_tier.value}: {score.risk_tag.value}"
    least = STAY_SCORE if nominee.listed else ENTER_SCORE
    return f"score {score.hybrid_score:.1f} below {least:.0f}" if score.hybrid_score < least else None
