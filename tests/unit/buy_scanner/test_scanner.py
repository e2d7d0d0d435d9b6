"""When watchlist and regime are read again, by tick time."""

from datetime import timedelta

import pytest

from buy_scanner.scanner import reload_is_due
from tests.support.scanning import SESSION, at


def test_the_first_tick_reloads() -> None:
    assert reload_is_due(None, at("10:00"), 300, SESSION)


@pytest.mark.parametrize(("clock", "due"), [("10:04:59", False), ("10:05:00", True)])
def test_a_reload_is_due_after_its_seconds(clock: str, due: bool) -> None:
    assert reload_is_due(at("10:00"), at(clock), 300, SESSION) is due


@pytest.mark.parametrize(("clock", "due"), [("08:59:59", False), ("09:00:00", True)])
def test_a_reload_is_due_at_the_open_however_young_the_last_one_is(clock: str, due: bool) -> None:
    assert reload_is_due(at("08:59"), at(clock), 300, SESSION) is due


def test_the_open_is_reloaded_for_once() -> None:
    assert not reload_is_due(at("09:00"), at("09:00:01"), 300, SESSION)


def test_a_new_day_in_seoul_reloads() -> None:
    midnight = at("00:00")  # 15:00 of the day before in UTC
    assert reload_is_due(midnight - timedelta(seconds=1), midnight, 300, None)
    assert not reload_is_due(midnight, midnight + timedelta(seconds=1), 300, None)
