"""The pace of a chat."""

from datetime import UTC, datetime, timedelta

from command_handler.flood import FloodGate, Pace

AT = datetime(2025, 3, 10, 3, 0, tzinfo=UTC)


def after(secs: float) -> datetime:
    return AT + timedelta(seconds=secs)


def test_a_flood_is_answered_once_and_then_counted() -> None:
    gate = FloodGate(5)
    assert gate.look("a", AT) is Pace.FINE
    paces = [gate.look("a", after(number / 10)) for number in range(1, 20)]
    assert paces == [Pace.TOO_FAST, *[Pace.IGNORED] * 18]
    assert gate.look("a", after(5)) is Pace.FINE  # the flood did not prolong the wait
    assert (gate.ignored("a"), gate.ignored("a")) == (19, 0)


def test_each_chat_has_its_own_pace() -> None:
    gate = FloodGate(5)
    assert gate.look("a", AT) is gate.look("b", AT) is Pace.FINE


def test_the_next_flood_is_answered_again() -> None:
    gate = FloodGate(5)
    gate.look("a", AT)
    gate.look("a", after(1))
    assert gate.look("a", after(6)) is Pace.FINE
    gate.ignored("a")
    assert gate.look("a", after(7)) is Pace.TOO_FAST


def test_a_clock_that_steps_back_silences_nobody() -> None:
    gate = FloodGate(5)
    gate.look("a", AT)
    assert gate.look("a", after(-3_600)) is Pace.FINE
    assert gate.look("a", after(-3_599)) is Pace.TOO_FAST
    assert gate.look("a", after(-3_595)) is Pace.FINE
