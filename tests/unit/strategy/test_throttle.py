"""The intraday throttle: worse at once, better one step at a time, and never on what is unknown."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prime_jennie.domain.macro import RiskLevel, ThrottleState
from prime_jennie.strategy.throttle import RULES, carried, level_of, throttled

DAY = date(2025, 3, 18)
OPEN = datetime(2025, 3, 18, 0, 0, tzinfo=UTC)  # 09:00 in Seoul
MORNING_COUNCIL = OPEN - timedelta(minutes=90)
NORMAL, CAUTION, WARNING, DANGER, CRITICAL = RiskLevel


def walk(
    changes: list[float | None],
    state: ThrottleState | None = None,
    *,
    vix: float | None = None,
    council_at: datetime | None = MORNING_COUNCIL,
    start: datetime = OPEN,
    day: date = DAY,
) -> list[ThrottleState]:
    """Judge one slot every five minutes."""
    states = []
    for slot, change in enumerate(changes):
        at = start + timedelta(minutes=5 * slot)
        state = throttled(state, at=at, day=day, kospi_change_pct=change, vix=vix, council_at=council_at)
        states.append(state)
    return states


def levels(states: list[ThrottleState]) -> list[RiskLevel]:
    return [state.level for state in states]


@pytest.mark.parametrize(
    ("change", "vix", "level"),
    [
        (0.0, None, NORMAL),
        (-0.99, 29.9, NORMAL),
        (-1.0, None, CAUTION),
        (-1.99, None, CAUTION),
        (0.0, 30.0, CAUTION),
        (-2.0, None, WARNING),
        (2.0, 35.0, WARNING),
        (-3.0, None, DANGER),
        (-1.0, 40.0, DANGER),
        (-4.0, None, CRITICAL),
        (0.0, 90.0, DANGER),
        (-4.0, 30.0, CRITICAL),
        (None, 35.0, WARNING),
        (None, None, NORMAL),
    ],
)
def test_the_worst_match_of_the_rulebooks_table_wins(change: float | None, vix: float | None, level: RiskLevel) -> None:
    assert level_of(change, vix) is level


def test_the_factors_are_the_rulebooks() -> None:
    assert [RULES[level].factor for level in (CAUTION, WARNING, DANGER, CRITICAL)] == [0.8, 0.6, 0.3, 0.0]


def test_worsening_is_immediate_over_several_levels() -> None:
    first, second = walk([-0.5, -4.2])
    assert (first.level, second.level) == (NORMAL, CRITICAL)
    assert (second.previous_level, second.changed_at, second.raised_at) == (NORMAL, second.at, second.at)


def test_recovery_takes_one_level_per_wait_and_stops_at_caution() -> None:
    # 30 minutes on CRITICAL, 20 on DANGER, 10 on WARNING; then the morning's council is too old to end CAUTION.
    states = walk([-4.0] + [0.5] * 30)
    steps = [(state.at - OPEN) // timedelta(minutes=1) for state in states if state.changed_at == state.at]
    assert steps == [0, 35, 55, 65]
    assert levels(states)[-1] is CAUTION


def test_a_relapse_during_the_wait_starts_the_wait_anew() -> None:
    states = walk([-2.0, -1.5, -2.1, -1.5, -1.5, -1.5])
    assert levels(states) == [WARNING, WARNING, WARNING, WARNING, WARNING, CAUTION]


def test_a_new_council_lets_caution_end_after_its_wait() -> None:
    last = walk([-1.0, 0.0, 0.0, 0.0])[-1]
    assert last.level is CAUTION
    noon = OPEN + timedelta(minutes=170)
    states = walk([0.0], last, council_at=noon, start=noon + timedelta(minutes=5))
    assert levels(states) == [NORMAL]


def test_a_council_before_the_fall_ends_nothing() -> None:
    noon = OPEN + timedelta(minutes=170)
    fallen = walk([-1.2], council_at=noon, start=noon + timedelta(minutes=10))[-1]
    states = walk([0.0] * 12, fallen, council_at=noon, start=noon + timedelta(minutes=15))
    assert set(levels(states)) == {CAUTION}


def test_an_unknown_index_loosens_nothing_and_starts_the_wait_anew() -> None:
    states = walk([-2.0, 0.0, None, 0.0, 0.0, 0.0])
    assert levels(states) == [WARNING, WARNING, WARNING, WARNING, WARNING, CAUTION]
    assert [state.misses for state in states] == [0, 0, 1, 0, 0, 0]


def test_blindness_tightens_after_a_quarter_and_after_half_an_hour() -> None:
    states = walk([0.0, *[None] * 7])
    assert levels(states) == [NORMAL, NORMAL, NORMAL, CAUTION, CAUTION, CAUTION, WARNING, WARNING]
    assert states[-1].kospi_change_pct is None


def test_blindness_loosens_no_worse_level() -> None:
    assert set(levels(walk([-3.5, *[None] * 20]))) == {DANGER}


def test_a_fearful_vix_tightens_even_a_blind_throttle() -> None:
    assert levels(walk([None], vix=36)) == [WARNING]


def test_the_same_slot_judged_again_changes_nothing() -> None:
    once = walk([-2.0, 0.0, 0.0, 0.0])[-1]
    again = throttled(once, at=once.at, day=DAY, kospi_change_pct=0.0, vix=None, council_at=MORNING_COUNCIL)
    assert again == once


def test_a_new_day_begins_normal_once_a_council_has_spoken_and_with_caution_before() -> None:
    bad = walk([-4.5])[-1]
    tomorrow, at = DAY + timedelta(days=1), OPEN + timedelta(days=1)
    spoken = walk([0.0], bad, council_at=at - timedelta(minutes=90), start=at, day=tomorrow)[-1]
    assert (spoken.level, spoken.previous_level, spoken.changed_at) == (NORMAL, CRITICAL, at)
    silent = walk([0.0] * 6, bad, start=at, day=tomorrow)
    assert set(levels(silent)) == {CAUTION}
    still = walk([0.0], silent[-1], start=at + timedelta(days=1), day=tomorrow + timedelta(days=1))[-1]
    assert (still.level, still.changed_at, still.raised_at) == (CAUTION, None, bad.raised_at)
    assert carried(bad, tomorrow, None) is CAUTION
    assert carried(bad, DAY, at) is CRITICAL
    assert carried(None, DAY, None) is NORMAL


CHANGES = st.lists(st.none() | st.floats(-6, 3), min_size=1, max_size=60)
FEAR = st.none() | st.floats(5, 60)


@given(CHANGES, FEAR)
def test_the_level_is_never_better_than_the_market_and_gives_one_step_at_most(
    changes: list[float | None], vix: float | None
) -> None:
    before = NORMAL
    for change, state in zip(changes, walk(changes, vix=vix), strict=True):
        assert state.level.severity >= level_of(change, vix).severity
        assert state.level.severity >= before.severity - 1
        if change is None or before is CAUTION:
            assert state.level.severity >= before.severity
        before = state.level


@given(CHANGES, st.floats(0, 3), FEAR)
def test_a_deeper_fall_is_never_a_looser_level(changes: list[float | None], deeper: float, vix: float | None) -> None:
    worse = [None if change is None else change - deeper for change in changes]
    pairs = zip(walk(changes, vix=vix), walk(worse, vix=vix), strict=True)
    assert all(deep.level.severity >= shallow.level.severity for shallow, deep in pairs)
