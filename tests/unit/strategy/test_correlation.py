from datetime import timedelta
from math import sin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prime_jennie.strategy.correlation import correlation_refusal, return_correlation
from tests.support.candles import FIRST_DAY, candles

WAVE = [round(50_000 + 3_000 * sin(day)) for day in range(61)]
OTHER_WAVE = [round(20_000 + 900 * sin(2.3 * day)) for day in range(61)]


def test_a_hand_worked_correlation() -> None:
    # 20 returns of ±ln 2: one stock doubles and halves by turns (x = ±1, mean 0, spread 20); the other does the same
    # except that every second fall is a rise (15 rises, 5 falls: mean 0.5, spread 20 − 20 × 0.5² = 15).
    # Σ x·y = 15 agreeing − 5 differing = 10, and r = 10 ÷ √(20 × 15) = 0.57735
    one, other = [2**12], [2**12]
    for index in range(20):
        one.append(one[-1] * 2 if index % 2 == 0 else one[-1] // 2)
        other.append(other[-1] * 2 if index % 2 == 0 or index % 4 == 3 else other[-1] // 2)
    assert return_correlation(candles(one), candles(other, code="000660")) == pytest.approx(0.57735, abs=1e-5)


def test_opposite_moves_around_a_trend_correlate_by_their_deviations() -> None:
    # returns in ln 2: x alternates 0 and 2 (mean 1), y alternates 2 and 0 (mean 1): Σ (x − 1)(y − 1) = −20, r = −1
    one, other = [1], [1]
    for index in range(20):
        one.append(one[-1] * (1 if index % 2 == 0 else 4))
        other.append(other[-1] * (4 if index % 2 == 0 else 1))
    assert return_correlation(candles(one), candles(other, code="000660")) == pytest.approx(-1.0)


def test_the_same_moves_at_another_price_correlate_fully() -> None:
    assert return_correlation(candles(WAVE), candles([2 * close for close in WAVE])) == pytest.approx(1.0)


def test_twenty_shared_returns_are_enough_and_nineteen_are_not() -> None:
    assert return_correlation(candles(WAVE[:21]), candles(WAVE[:21])) is not None
    assert return_correlation(candles(WAVE[:20]), candles(WAVE[:20])) is None


def test_closes_are_joined_by_date_and_not_by_position() -> None:
    # the other stock's list starts ten days later; by position the waves would be shifted against each other
    late = candles(WAVE[10:], code="000660", first=FIRST_DAY + timedelta(days=10))
    assert return_correlation(candles(WAVE), late) == pytest.approx(1.0)


def test_only_the_last_sixty_closes_count() -> None:
    # 40 days of unlike moves lie before 60 days of equal ones
    one = candles([*OTHER_WAVE[:40], *WAVE[:60]])
    other = candles([*[round(close * (1 + 0.3 * (day % 2))) for day, close in enumerate(WAVE[:40])], *WAVE[:60]])
    assert return_correlation(one, other) == pytest.approx(1.0)


def test_halted_days_of_either_stock_are_left_out() -> None:
    halted = [0 if 20 <= day < 25 else close for day, close in enumerate(WAVE)]
    assert return_correlation(candles(WAVE), candles(halted, code="000660")) == pytest.approx(1.0)


def test_a_stock_that_never_moves_correlates_with_nothing() -> None:
    assert return_correlation(candles(WAVE), candles([10_000] * 61)) is None
    assert return_correlation(candles([10_000] * 61), candles(WAVE)) is None


def test_candles_newest_first_are_refused() -> None:
    with pytest.raises(ValueError, match="oldest first"):
        return_correlation(list(reversed(candles(WAVE))), candles(WAVE))


def test_a_stock_like_any_holding_is_refused_by_name() -> None:
    holdings = {"000660": candles(OTHER_WAVE, code="000660"), "005935": candles(WAVE, code="005935")}
    refusal = correlation_refusal(candles(WAVE), holdings)
    assert refusal is not None
    assert refusal.rule == "correlation"
    assert "005935" in refusal.reason


def test_an_unlike_stock_and_one_without_history_pass() -> None:
    assert correlation_refusal(candles(WAVE), {"000660": candles(OTHER_WAVE, code="000660")}) is None
    assert correlation_refusal(candles(WAVE), {"000660": candles(WAVE[:5], code="000660")}) is None
    assert correlation_refusal(candles(WAVE), {}) is None


@pytest.mark.parametrize(("measured", "blocks"), [(0.8499, False), (0.85, True), (0.99, True), (-0.99, False)])
def test_exactly_point_eighty_five_blocks(monkeypatch: pytest.MonkeyPatch, measured: float, blocks: bool) -> None:
    monkeypatch.setattr("prime_jennie.strategy.correlation.return_correlation", lambda one, other: measured)
    assert (correlation_refusal(candles(WAVE), {"000660": candles(WAVE)}) is not None) is blocks


@settings(deadline=None)
@given(st.lists(st.integers(1_000, 200_000), min_size=21, max_size=80), st.integers(0, 30))
def test_a_correlation_is_symmetric_and_lies_within_one(closes: list[int], shift: int) -> None:
    one, other = candles(closes), candles(closes, first=FIRST_DAY + timedelta(days=shift))
    there, back = return_correlation(one, other), return_correlation(other, one)
    if there is None:
        assert back is None
    else:
        assert back == pytest.approx(there)
        assert -1.000001 <= there <= 1.000001
