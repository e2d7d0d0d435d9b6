"""Cron lines mean what they mean to Kubernetes, and one that no calendar can meet is told so."""

from datetime import date, time, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from prime_jennie_operator.schedule.cron import parse_cron
from tests.support.schedules import LINES

THURSDAY = date(2026, 2, 19)


@pytest.mark.parametrize(
    ("line", "times"),
    [
        ("30 8 * * *", ["08:30"]),
        ("30 8-10 * * *", ["08:30", "09:30", "10:30"]),
        ("0,45 7 * * *", ["07:00", "07:45"]),
        ("*/20 9 * * *", ["09:00", "09:20", "09:40"]),
        ("5/20 9 * * *", ["09:05", "09:25", "09:45"]),
        ("10-30/10 9 * * *", ["09:10", "09:20", "09:30"]),
        ("5 9 * * *", ["09:05"]),
    ],
)
def test_a_line_names_these_minutes(line: str, times: list[str]) -> None:
    assert parse_cron(line).times() == [time.fromisoformat(t) for t in times]


@pytest.mark.parametrize(
    ("line", "fires"),
    [
        ("0 9 * * 4", True),
        ("0 9 * * 1-5", True),
        ("0 9 * * 0", False),
        ("0 9 19 * *", True),
        ("0 9 20 * *", False),
        ("0 9 * 3 *", False),
        ("0 9 20 * 4", True),  # a day or a weekday is enough where both are named
        ("0 9 19 * 1", True),
        ("0 9 20 * 1", False),
        ("0 9 */2 * 1", True),  # */2 counts as named: the 19th is one of 1, 3, 5 …
        ("0 9 */1 * 1", False),  # */1 counts as a star
        ("0 9 19 3 4", False),
    ],
)
def test_a_line_names_this_thursday_or_not(line: str, fires: bool) -> None:
    assert parse_cron(line).fires_on(THURSDAY) is fires


def test_sunday_is_0() -> None:
    assert parse_cron("0 9 * * 0").fires_on(date(2026, 2, 22))
    with pytest.raises(ValueError, match="'7' is not within 0-6"):
        parse_cron("0 9 * * 7")


@pytest.mark.parametrize(
    "line", ["", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "a"]
)
def test_what_kubernetes_refuses_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match=r"five fields|is not within"):
        parse_cron(line)


@pytest.mark.parametrize(
    ("line", "sessions_only", "reason"),
    [
        ("0 9 30 2 *", False, "none of its months has such a day"),
        ("0 9 31 2,4,6,9,11 *", False, "none of its months has such a day"),
        ("0 9 29 2 *", False, None),
        ("0 9 30 2 1", False, None),  # every Monday of February
        ("0 9 30 2 0", False, None),
        ("0 9 30 2 0", True, "none of its months"),
        ("0 9 * * 0,6", False, None),
        ("0 9 * * 0,6", True, "Saturdays and Sundays"),
        ("0 9 1 * 0,6", True, None),  # the first of a month is a weekday now and then
        ("0 9 * * 6", True, "Saturdays and Sundays"),
        ("0 9 * * 5", True, None),
    ],
)
def test_a_line_that_can_never_fire_says_why(line: str, sessions_only: bool, reason: str | None) -> None:
    said = parse_cron(line).why_never(sessions_only=sessions_only)
    assert (said is None) == (reason is None), said
    assert reason is None or reason in str(said)


@settings(max_examples=50, deadline=None)
@given(line=LINES, sessions_only=st.booleans())
def test_never_means_no_day_in_28_years(line: str, sessions_only: bool) -> None:
    cron = parse_cron(line)
    days = (date(2000, 1, 1) + timedelta(days=n) for n in range(28 * 366))
    meets = any(cron.fires_on(day) and (not sessions_only or day.isoweekday() < 6) for day in days)
    assert meets == (cron.why_never(sessions_only=sessions_only) is None)
