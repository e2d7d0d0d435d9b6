"""Work by tick time: when it is due, and what an outage or a change in its midst does."""

from datetime import datetime
from types import SimpleNamespace
from typing import Any

import pytest

from price_monitor.handlers import Due
from prime_jennie.infra.outages import Outages
from tests.support.scanning import at


class Work:
    """Counts its runs; fails as told."""

    def __init__(self) -> None:
        self.runs: list[datetime] = []
        self.fails = False
        self.due: Due | None = None

    async def __call__(self, moment: datetime) -> None:
        self.runs.append(moment)
        if self.due is not None:
            self.due.next_at = None  # somebody asks again while this runs
        if self.fails:
            raise ConnectionError("gone")


def due_of(work: Work, every_secs: float = 300) -> tuple[Due, Outages]:
    desk: Any = SimpleNamespace(outages=Outages())
    return Due("policy", every_secs, work, desk), desk.outages


async def test_work_is_done_once_per_period_of_tick_time() -> None:
    work = Work()
    due, _ = due_of(work)
    for clock in ("10:00:00", "10:04:59", "10:05:00", "10:09:59"):
        await due.run(at(clock))
    assert work.runs == [at("10:00:00"), at("10:05:00")]


async def test_an_outage_is_noted_and_the_work_asked_again_after_ten_seconds() -> None:
    work = Work()
    due, outages = due_of(work)
    work.fails = True
    await due.run(at("10:00:00"))
    assert "loop:policy" in outages.as_dependencies()
    work.fails = False
    await due.run(at("10:00:09"))
    await due.run(at("10:00:10"))
    assert work.runs == [at("10:00:00"), at("10:00:10")]
    assert outages.as_dependencies() == {}


@pytest.mark.parametrize("fails", [False, True])
async def test_who_asks_again_during_the_work_is_heard(fails: bool) -> None:
    work = Work()
    due, _ = due_of(work)
    work.due, work.fails = due, fails
    await due.run(at("10:00:00"))
    await due.run(at("10:00:01"))
    assert work.runs == [at("10:00:00"), at("10:00:01")]


async def test_a_bug_is_no_outage() -> None:
    async def broken(_: datetime) -> None:
        raise KeyError("a bug")

    desk: Any = SimpleNamespace(outages=Outages())
    with pytest.raises(KeyError):
        await Due("policy", 300, broken, desk).run(at("10:00"))
