"""Who is listed, in which order, and why others are not."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from prime_jennie.domain.risk import SectorTier
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.tiers import RiskTag
from prime_jennie.domain.watchlist import HybridScore
from prime_jennie.strategy.hybrid import tier_of
from prime_jennie.strategy.sector_budget import sector_budget
from prime_jennie.strategy.selection import Nominee, Selection, select

AT = datetime(2025, 2, 14, tzinfo=UTC)
HOT = sector_budget(dict.fromkeys(SectorGroup, SectorTier.HOT), {}, council_spoke=False, generated_at=AT)
WARM = sector_budget(dict.fromkeys(SectorGroup, SectorTier.WARM), {}, council_spoke=False, generated_at=AT)
SECTORS = list(SectorGroup)


def nominee(
    code: str,
    score: float,
    *,
    sector: SectorGroup = SectorGroup.FINANCE,
    size: float = 1.0,
    listed: bool = False,
    tag: RiskTag = RiskTag.NEUTRAL,
) -> Nominee:
    tier = tier_of(score, tag)
    scored = HybridScore(
        stock_code=code,
        stock_name=code,
        quant_score=score,
        llm_score=score,
        hybrid_score=score,
        risk_tag=tag,
        trade_tier=tier,
        is_tradable=tier.value != "BLOCKED",
        veto_applied=tag is RiskTag.DISTRIBUTION_RISK,
        scored_at=AT,
    )
    return Nominee(scored, sector, size, listed)


def codes(selection: Selection) -> list[str]:
    return [one.score.stock_code for one in selection.chosen]


def test_a_new_stock_needs_sixty_two_and_a_listed_one_stays_with_fifty_five() -> None:
    found = select(
        [
            nominee("000010", 62.0),
            nominee("000020", 61.9),
            nominee("000030", 55.0, listed=True),
            nominee("000040", 54.9, listed=True),
        ],
        HOT,
    )
    assert codes(found) == ["000010", "000030"]
    assert found.passed_over == {"000020": "score 61.9 below 62", "000040": "score 54.9 below 55"}


def test_within_five_points_the_bigger_stock_comes_first() -> None:
    found = select(
        [nominee("000010", 69.9, size=1), nominee("000020", 65.0, size=9), nominee("000030", 70.0, size=0.5)], HOT
    )
    assert codes(found) == ["000030", "000020", "000010"]


def test_equal_stocks_are_ordered_by_code() -> None:
    found = select([nominee("000020", 66.0), nominee("000010", 66.0)], HOT)
    assert codes(found) == ["000010", "000020"]


def test_blocked_stocks_never_enter() -> None:
    found = select([nominee("000010", 99.0, tag=RiskTag.DISTRIBUTION_RISK, listed=True)], HOT)
    assert found.chosen == ()
    assert found.passed_over == {"000010": "BLOCKED: DISTRIBUTION_RISK"}


def test_a_capped_sector_is_not_filled_up_again() -> None:
    """✗ An ancestor filled the list up with what the cap had left out, which cancelled the cap."""
    finance = [nominee(f"00{number:03}0", 70.0 - number / 10) for number in range(6)]
    found = select([*finance, nominee("900010", 63.0, sector=SectorGroup.CHEMICAL)], WARM)
    assert codes(found) == ["000000", "000010", "000020", "900010"]
    assert found.passed_over["000030"] == "sector cap 3 of 금융"


def test_the_list_is_full_with_twenty() -> None:
    many = [nominee(f"0{number:04}0", 80.0, sector=SECTORS[number % 15]) for number in range(40)]
    found = select(many, HOT)
    assert len(found.chosen) == 20
    assert set(found.passed_over.values()) <= {"the list is full with 20", "sector cap 4 of 반도체/IT"}
    assert len(select(many, HOT, most=3).chosen) == 3


@given(
    st.lists(
        st.tuples(st.floats(0, 100), st.sampled_from(SECTORS), st.floats(0, 1e15), st.booleans(), st.integers(0, 9)),
        max_size=80,
    ),
    st.randoms(),
)
def test_every_stock_is_chosen_or_has_a_reason_and_no_cap_is_broken_in_any_order(
    drawn: list[tuple[float, SectorGroup, float, bool, int]], random: st.DataObject
) -> None:
    stocks = [
        nominee(f"{number:06}", score, sector=sector, size=size, listed=listed)
        for number, (score, sector, size, listed, _) in enumerate(drawn)
    ]
    found = select(stocks, WARM)
    assert {*codes(found), *found.passed_over} == {one.score.stock_code for one in stocks}
    assert not set(codes(found)) & set(found.passed_over)
    for sector in SECTORS:
        assert sum(one.sector is sector for one in found.chosen) <= WARM.effective_cap(sector)
    shuffled = list(stocks)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert select(shuffled, WARM) == found
