"""Regimes: the table of rulebook §3.5, the council's mapping of §7.3 and the index fallback."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prime_jennie.domain.market import MarketRegime
from prime_jennie.strategy.regime import (
    REGIME_PARAMETERS,
    ScaleOutLevel,
    parameters_of,
    read_index,
    regime_of_score,
    regime_scores,
)

STRONG_BULL, BULL, SIDEWAYS, BEAR, STRONG_BEAR = MarketRegime


@pytest.mark.parametrize(
    ("regime", "row"),
    [
        (STRONG_BULL, (5, 85, 3.0, 15, 50, 25)),
        (BULL, (10, 85, 3.0, 15, 30, 15)),
        (SIDEWAYS, (15, 75, 3.5, 10, 30, 15)),
        (BEAR, (25, 75, 3.5, 10, 30, 15)),
        (STRONG_BEAR, (25, 75, 4.0, 10, 30, 15)),
    ],
)
def test_every_regime_brings_its_row_of_the_table(regime: MarketRegime, row: tuple[float, ...]) -> None:
    limits = parameters_of(regime)
    assert row == (
        limits.cash_floor_pct,
        limits.rsi_guard,
        limits.trailing_drop_pct,
        limits.tightening_start_day,
        limits.sector_cap_pct,
        limits.stock_cap_pct,
    )


@pytest.mark.parametrize(
    ("regimes", "pairs"),
    [
        ((STRONG_BULL, BULL), [(7, 25), (15, 25), (25, 15)]),
        ((SIDEWAYS,), [(3, 25), (7, 25), (12, 25), (18, 15)]),
        ((BEAR, STRONG_BEAR), [(2, 25), (5, 25), (8, 25), (12, 15)]),
    ],
)
def test_every_regime_brings_its_scale_out_set(regimes: tuple[MarketRegime, ...], pairs: list[tuple[int, int]]) -> None:
    for regime in regimes:
        assert parameters_of(regime).scale_out == tuple(ScaleOutLevel(profit, share) for profit, share in pairs)


def test_the_table_knows_every_regime_and_cannot_be_changed() -> None:
    assert set(REGIME_PARAMETERS) == set(MarketRegime)
    with pytest.raises(TypeError):
        REGIME_PARAMETERS[BULL] = REGIME_PARAMETERS[BEAR]  # type: ignore[index]


@pytest.mark.parametrize(
    ("score", "regime"),
    [
        (100, STRONG_BULL),
        (70, STRONG_BULL),
        (69.9, BULL),
        (60, BULL),
        (59.9, SIDEWAYS),
        (40, SIDEWAYS),
        (39.9, BEAR),
        (25, BEAR),
        (24.9, STRONG_BEAR),
        (0, STRONG_BEAR),
    ],
)
def test_a_sentiment_score_maps_to_its_regime(score: float, regime: MarketRegime) -> None:
    assert regime_of_score(score) is regime


@pytest.mark.parametrize("score", [-0.1, 100.1, float("nan")])
def test_a_score_off_the_scale_is_refused(score: float) -> None:
    with pytest.raises(ValueError, match="0–100"):
        regime_of_score(score)


def test_above_the_mean_both_bull_scores_speak() -> None:
    # r1 1 % → 25; r5 3 % → 37.5; strong bull 62.5. Bull 30 + min(40, 30) + min(30, 8) = 68. |distance| 4: no sideways.
    assert regime_scores(4.0, 1.0, 3.0) == {STRONG_BULL: 62.5, BULL: 68.0}


def test_bull_terms_are_capped() -> None:
    # Strong bull min(50, 75) + min(50, 125) = 100; bull 30 + 40 + 30 = 100.
    assert regime_scores(20.0, 3.0, 10.0) == {STRONG_BULL: 100, BULL: 100}


def test_below_the_mean_the_bear_score_speaks() -> None:
    # 40 + min(40, 20) + min(20, 8) = 68; with both capped 40 + 40 + 20 = 100.
    assert regime_scores(-4.0, -1.0, -2.0) == {BEAR: 68}
    assert regime_scores(-12.0, -1.0, -5.0) == {BEAR: 100}


@pytest.mark.parametrize(
    ("distance", "day", "week", "score"),
    [
        (1.99, 0.49, 0.99, 100),
        (2.0, 0.49, 0.99, 70),
        (1.99, 0.5, 0.99, 60),
        (1.99, 0.49, 1.0, 70),
        (-2.99, -0.5, -1.0, 0),
    ],
)
def test_sideways_adds_up_its_three_calms(distance: float, day: float, week: float, score: float) -> None:
    assert regime_scores(distance, day, week)[SIDEWAYS] == score


@pytest.mark.parametrize("distance", [3.0, -3.0])
def test_three_percent_from_the_mean_is_no_sideways(distance: float) -> None:
    assert SIDEWAYS not in regime_scores(distance, 0.0, 0.0)


def test_a_flat_index_reads_sideways() -> None:
    reading = read_index([2_500.0] * 20)
    assert reading is not None
    assert (reading.regime, reading.scores[SIDEWAYS]) == (SIDEWAYS, 100)


def test_a_steadily_rising_index_reads_bull() -> None:
    # 1 % a day for 20 days: distance to the mean of 20 closes ≈ 9.7 %, r5 = 5.1 %, r1 = 1 %.
    # Bull 30 + 40 + 19.4 ≈ 89.4; strong bull 25 + 50 = 75.
    reading = read_index([2_500 * 1.01**day for day in range(20)])
    assert reading is not None
    assert reading.regime is BULL
    assert reading.scores[STRONG_BULL] == pytest.approx(75, abs=0.01)
    assert reading.return_5d_pct == pytest.approx(5.101, abs=0.001)


def test_a_leaping_index_reads_strong_bull() -> None:
    # 19 flat days, then +2 %: distance 1.9 %, r1 = r5 = 2. Strong bull 50 + 25 = 75; bull 30 + 20 + 3.8 = 53.8.
    reading = read_index([2_500.0] * 19 + [2_550.0])
    assert reading is not None
    assert reading.regime is STRONG_BULL


def test_a_falling_index_reads_bear_never_strong_bear() -> None:
    reading = read_index([2_500 * 0.97**day for day in range(20)])
    assert reading is not None
    assert reading.regime is BEAR
    assert STRONG_BEAR not in reading.scores


def test_of_equal_scores_the_more_cautious_regime_wins() -> None:
    # 14 closes of 100, then 120 five times and 132: distance ≈ 22 %, r1 = 10 %, r5 = 10 %: both bulls score 100.
    reading = read_index([100.0] * 14 + [120.0] * 5 + [132.0])
    assert reading is not None
    assert reading.scores == {STRONG_BULL: 100, BULL: 100}
    assert reading.regime is BULL


def test_scores_below_zero_speak_for_nothing() -> None:
    # Far above the mean after a sharp five-day fall: bull 30 − 60 or so + 30 < 0, and no sideways beyond 3 %.
    reading = read_index([100.0] * 14 + [200.0, 190.0, 180.0, 170.0, 160.0, 150.0])
    assert reading is not None
    assert max(reading.scores.values()) < 0
    assert reading.regime is SIDEWAYS


def test_fewer_than_twenty_closes_say_nothing() -> None:
    assert read_index([2_500.0] * 19) is None


@given(st.lists(st.floats(500, 9_000), min_size=20, max_size=60))
def test_an_index_always_reads_as_one_of_four_regimes(closes: list[float]) -> None:
    reading = read_index(closes)
    assert reading is not None
    assert reading.regime in {STRONG_BULL, BULL, SIDEWAYS, BEAR}
    assert all(score <= 100 for score in reading.scores.values())
