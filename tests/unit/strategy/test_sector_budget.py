"""Sectors' tiers and caps, by hand."""

from datetime import UTC, datetime

import pytest

from prime_jennie.domain.risk import SectorTier
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.strategy.sector_budget import analyse_sectors, sector_budget, sector_tiers

AT = datetime(2025, 2, 14, tzinfo=UTC)
CHEMICAL, FINANCE, TELECOM, UTILITY, CARS = (
    SectorGroup.CHEMICAL,
    SectorGroup.FINANCE,
    SectorGroup.TELECOM,
    SectorGroup.UTILITY,
    SectorGroup.AUTOMOBILE,
)


def tiers_of(changes: dict[SectorGroup, float], **council: tuple[SectorGroup, ...]) -> dict[SectorGroup, SectorTier]:
    return sector_tiers(analyse_sectors({group: [change] for group, change in changes.items()}), **council)


def test_a_sectors_day_is_the_mean_of_its_stocks() -> None:
    found = analyse_sectors({FINANCE: [1.0, 2.0, -6.0], CHEMICAL: [-5.0, 5.0], TELECOM: []})
    assert [(one.sector_group, one.avg_return_pct, one.stock_count) for one in found] == [
        (FINANCE, -1.0, 3),
        (CHEMICAL, 0.0, 2),
    ]


def test_a_third_of_a_sector_in_free_fall_is_a_falling_knife() -> None:
    three_of_ten = analyse_sectors({FINANCE: [-5.1] * 3 + [9.0] * 7})[0]
    two_of_ten = analyse_sectors({FINANCE: [-5.1] * 2 + [-5.0] * 8})[0]
    assert (three_of_ten.is_falling_knife, two_of_ten.is_falling_knife) == (True, False)
    assert sector_tiers([three_of_ten])[FINANCE] is SectorTier.COOL


def test_the_best_quarter_is_hot_if_it_rose_and_the_worst_cool_if_it_fell() -> None:
    found = tiers_of({CHEMICAL: -2.0, FINANCE: -1.0, TELECOM: 0.0, UTILITY: 1.0, CARS: 2.0})
    # Quartiles of five by interpolation: −1 and +1.
    assert found[CHEMICAL] is found[FINANCE] is SectorTier.COOL
    assert found[TELECOM] is SectorTier.WARM
    assert found[UTILITY] is found[CARS] is SectorTier.HOT


def test_quartiles_are_interpolated() -> None:
    # −4, −2, 0, 6: the lower quartile lies at −2.5, the upper at 1.5.
    found = tiers_of({CHEMICAL: -4.0, FINANCE: -2.0, TELECOM: 0.0, UTILITY: 6.0})
    assert found[FINANCE] is SectorTier.WARM
    assert found[UTILITY] is SectorTier.HOT


def test_a_day_on_which_everything_falls_has_no_hot_sector_and_a_rising_one_no_cool_one() -> None:
    falling = tiers_of({CHEMICAL: -4.0, FINANCE: -3.0, TELECOM: -2.0})
    assert SectorTier.HOT not in falling.values()
    rising = tiers_of({CHEMICAL: 4.0, FINANCE: 3.0, TELECOM: 2.0})
    assert SectorTier.COOL not in rising.values()


def test_a_sector_without_stocks_and_a_market_without_any_are_warm() -> None:
    assert tiers_of({CHEMICAL: 1.0})[FINANCE] is SectorTier.WARM
    assert set(sector_tiers([]).values()) == {SectorTier.WARM}
    assert set(sector_tiers([])) == set(SectorGroup)


def test_the_councils_no_is_final_and_its_yes_lifts_one_step() -> None:
    day = {CHEMICAL: -2.0, FINANCE: -1.0, TELECOM: 0.0, UTILITY: 1.0, CARS: 2.0}
    assert tiers_of(day, favour=(CHEMICAL, TELECOM))[CHEMICAL] is SectorTier.WARM
    assert tiers_of(day, favour=(TELECOM,))[TELECOM] is SectorTier.WARM
    assert tiers_of(day, favour=(CARS,))[CARS] is SectorTier.HOT
    assert tiers_of(day, avoid=(CARS,))[CARS] is SectorTier.COOL
    assert tiers_of(day, favour=(CARS,), avoid=(CARS,))[CARS] is SectorTier.COOL


@pytest.mark.parametrize(
    ("tier", "held", "caps"),
    [
        (SectorTier.HOT, 0, (5, 5, 5)),
        (SectorTier.HOT, 3, (5, 5, 3)),
        (SectorTier.WARM, 0, (3, 3, 3)),
        (SectorTier.WARM, 3, (3, 3, 1)),
        (SectorTier.WARM, 9, (3, 3, 1)),
        (SectorTier.COOL, 0, (3, 2, 3)),
        (SectorTier.COOL, 1, (3, 2, 2)),
    ],
)
def test_caps_shrink_with_what_is_held_and_never_below_one(
    tier: SectorTier, held: int, caps: tuple[int, int, int]
) -> None:
    entry = sector_budget({FINANCE: tier}, {FINANCE: held}, council_spoke=False, generated_at=AT).entries[FINANCE]
    assert (entry.watchlist_cap, entry.portfolio_cap, entry.effective_cap) == caps
    assert entry.held_count == held


def test_semiconductors_are_capped_at_four() -> None:
    chips = SectorGroup.SEMICONDUCTOR_IT
    budget = sector_budget({chips: SectorTier.HOT}, {}, council_spoke=True, generated_at=AT)
    assert (budget.entries[chips].watchlist_cap, budget.effective_cap(chips)) == (4, 4)
    assert budget.council_overrides_applied
