"""Calls a second on the exchange's clock."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from kis_simulator.limits import SECOND, BusiestSecond, CallJudge, SlidingWindow

START = datetime(2025, 3, 4, tzinfo=UTC)


def at(ms: int) -> datetime:
    return START + timedelta(milliseconds=ms)


def test_the_twenty_first_call_within_a_second_is_refused_and_one_a_second_later_is_not() -> None:
    judge = CallJudge(rest_per_s=20, ledger_per_s=6)
    assert all(judge.admit_rest("key", at(i * 10)) for i in range(20))
    assert not judge.admit_rest("key", at(999))
    assert judge.admit_rest("key", at(1_000))
    assert not judge.admit_rest("key", at(1_005))


def test_the_window_slides_so_two_half_bursts_across_a_second_are_caught() -> None:
    window = SlidingWindow(10, SECOND)
    assert all(window.admit(at(900)) for _ in range(5))
    assert all(window.admit(at(1_100)) for _ in range(5))
    assert not window.admit(at(1_800))


def test_app_keys_are_judged_apart_and_the_ledger_has_its_own_limit() -> None:
    judge = CallJudge(rest_per_s=2, ledger_per_s=1)
    assert judge.admit_rest("one", at(0))
    assert judge.admit_rest("one", at(0))
    assert not judge.admit_rest("one", at(0))
    assert judge.admit_rest("two", at(0))
    assert judge.admit_ledger("one", at(0))
    assert not judge.admit_ledger("one", at(500))


def test_the_busiest_second_counts_refused_calls_too() -> None:
    judge = CallJudge(rest_per_s=1, ledger_per_s=1)
    for ms in (0, 100, 200, 1_150):
        judge.admit_rest("key", at(ms))
    # 0, 100, 200 lie in one second; 1,150 shares one with 200 only.
    assert judge.busiest() == {"key": 3}


@given(st.lists(st.integers(0, 5_000), max_size=120), st.integers(1, 20))
def test_no_second_ever_holds_more_than_the_allowance(stamps: list[int], allowance: int) -> None:
    window = SlidingWindow(allowance, SECOND)
    granted = [ms for ms in sorted(stamps) if window.admit(at(ms))]
    assert all(sum(1 for other in granted if ms - 1_000 < other <= ms) <= allowance for ms in granted)


def test_the_busiest_second_equals_a_count_by_hand() -> None:
    busiest = BusiestSecond()
    for ms in (0, 999, 1_000, 1_500):
        busiest.note(at(ms))
    assert busiest.most == 3
