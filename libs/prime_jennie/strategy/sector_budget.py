"""How many stocks of a sector may be listed and held today (rulebook §3.3)."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from math import fsum
from typing import Final

from prime_jennie.domain.risk import SectorAnalysis, SectorBudget, SectorBudgetEntry, SectorTier
from prime_jennie.domain.sectors import SectorGroup

WATCHLIST_CAPS: Final = {SectorTier.HOT: 5, SectorTier.WARM: 3, SectorTier.COOL: 3}
PORTFOLIO_CAPS: Final = {SectorTier.HOT: 5, SectorTier.WARM: 3, SectorTier.COOL: 2}
WATCHLIST_CAP_OVERRIDES: Final = {SectorGroup.SEMICONDUCTOR_IT: 4}
FALLING_PCT: Final = -5.0
KNIFE_SHARE: Final = 0.3


def analyse_sectors(changes_pct: Mapping[SectorGroup, Sequence[float]]) -> tuple[SectorAnalysis, ...]:
    """Return how each sector did in a day, in the order of SectorGroup; a sector without stocks is left out."""
    return tuple(
        SectorAnalysis(
            sector_group=group,
            avg_return_pct=fsum(changes) / len(changes),
            stock_count=len(changes),
            is_falling_knife=sum(change < FALLING_PCT for change in changes) >= KNIFE_SHARE * len(changes),
        )
        for group in SectorGroup
        if (changes := changes_pct.get(group, ()))
    )


def sector_tiers(
    analyses: Sequence[SectorAnalysis],
    *,
    favour: Collection[SectorGroup] = (),
    avoid: Collection[SectorGroup] = (),
) -> dict[SectorGroup, SectorTier]:
    """Return every sector's tier: by its place among the sectors, then by the council's word, whose no is final."""
    means = sorted(analysis.avg_return_pct for analysis in analyses)
    low, high = (_percentile(means, 0.25), _percentile(means, 0.75)) if means else (0.0, 0.0)
    tiers = dict.fromkeys(SectorGroup, SectorTier.WARM)
    for analysis in analyses:
        mean = analysis.avg_return_pct
        if analysis.is_falling_knife or (mean <= low and mean < 0):
            tiers[analysis.sector_group] = SectorTier.COOL
        elif mean >= high and mean > 0:
            tiers[analysis.sector_group] = SectorTier.HOT
    for group in favour:
        if tiers[group] is SectorTier.COOL:
            tiers[group] = SectorTier.WARM
    for group in avoid:
        tiers[group] = SectorTier.COOL
    return tiers


def sector_budget(
    tiers: Mapping[SectorGroup, SectorTier],
    held: Mapping[SectorGroup, int],
    *,
    council_spoke: bool,
    generated_at: datetime,
) -> SectorBudget:
    """Return the caps of all sectors; what is held already leaves one place more than the portfolio has room for."""
    return SectorBudget(
        entries={group: _entry(group, tier, held.get(group, 0)) for group, tier in tiers.items()},
        generated_at=generated_at,
        council_overrides_applied=council_spoke,
    )


def _entry(group: SectorGroup, tier: SectorTier, held: int) -> SectorBudgetEntry:
    watchlist_cap = WATCHLIST_CAP_OVERRIDES.get(group, WATCHLIST_CAPS[tier])
    portfolio_cap = PORTFOLIO_CAPS[tier]
    return SectorBudgetEntry(
        sector_group=group,
        tier=tier,
        watchlist_cap=watchlist_cap,
        portfolio_cap=portfolio_cap,
        effective_cap=max(1, min(watchlist_cap, max(0, portfolio_cap - held) + 1)),
        held_count=held,
    )


def _percentile(ordered: Sequence[float], share: float) -> float:
    """Return a percentile by linear interpolation between the two nearest values, as numpy does."""
    place = share * (len(ordered) - 1)
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)
