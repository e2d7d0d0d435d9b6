"""Loops live through outages and die of bugs."""

import asyncio

import pytest

from prime_jennie.domain.errors import Unavailable
from prime_jennie.infra import outages as module
from prime_jennie.infra.outages import Outages, survive
from prime_jennie.infra.tasks import end_task
from tests.support.eventually import eventually


async def test_an_interrupted_loop_runs_again_and_shows_its_outage_until_it_works(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "CALM_SECS", 0.02)
    outages = Outages()
    attempts = 0
    shown: list[str | None] = []

    async def work() -> None:
        nonlocal attempts
        attempts += 1
        if attempts < 3:
            raise Unavailable("gateway")
        shown.append(outages.as_dependencies()["loop:ticks"].message)
        await asyncio.sleep(60)

    task = asyncio.create_task(survive("ticks", work, outages))
    await eventually(lambda: shown)
    await eventually(lambda: not outages.as_dependencies())
    assert shown == ["Unavailable: gateway"]
    await end_task(task)


async def test_a_bug_goes_through() -> None:
    async def work() -> None:
        raise KeyError("bug")

    with pytest.raises(KeyError):
        await survive("ticks", work, Outages())


async def test_a_loop_that_returns_is_over() -> None:
    async def work() -> None:
        return None

    await asyncio.wait_for(survive("ticks", work, Outages()), 1)


async def test_cancelling_ends_the_work_too() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    task = asyncio.create_task(survive("ticks", work, Outages()))
    await asyncio.sleep(0.01)
    assert await end_task(task)
    assert ended.is_set()


async def test_a_task_that_swallows_its_first_cancellation_is_ended_all_the_same() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(60)

    task = asyncio.create_task(stubborn())
    await asyncio.sleep(0)
    assert await end_task(task)
