"""A kind that is not served is asked for again; what else ends a stream ends all, and a defect ends nothing."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import kopf
import pytest
from kopf._cogs.clients.errors import APINotFoundError, APIServerError
from kopf._cogs.clients.watching import Bookmark

from prime_jennie_operator import watching
from prime_jennie_operator.kube.kinds import POD, SERVICE, Kind
from prime_jennie_operator.manifest import Manifest


def told(kind: Kind, name: str) -> dict[str, Any]:
    return {"type": "ADDED", "object": {"kind": kind.name, "metadata": {"name": name}}}


class Streams:
    """What each listing of a kind brings: events, a failure, and then nothing for ever."""

    def __init__(self, **by_kind: list[list[Any]]) -> None:
        self.by_kind = by_kind

    async def open(self, *, resource: Any, **_: Any) -> AsyncIterator[Any]:
        for one in self.by_kind[resource.kind].pop(0):
            if isinstance(one, Exception):
                raise one
            yield one
        await asyncio.Event().wait()


async def heard(streams: Streams, monkeypatch: pytest.MonkeyPatch, *, defect: str = "") -> list[str]:
    names: list[str] = []

    def observe(manifest: Manifest, deleted: bool) -> None:
        names.append(manifest["metadata"]["name"])
        if manifest["metadata"]["name"] == defect:
            raise RuntimeError("a defect")

    monkeypatch.setattr(watching, "infinite_watch", streams.open)
    monkeypatch.setattr(watching, "RESTART_SECS", 0.01)
    try:
        async with asyncio.timeout(0.2):
            await watching._watch_each(kopf.OperatorSettings(), (POD, SERVICE), "here", observe)
    except TimeoutError:
        return names
    raise AssertionError("the watches have ended")


def gone() -> APINotFoundError:
    return APINotFoundError({"message": "not found"}, status=404, headers={})


async def test_a_kind_that_is_not_served_ends_nobody_elses_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    streams = Streams(
        Pod=[[Bookmark.LISTED, told(POD, "a")]], Service=[[gone()], [told(SERVICE, "b"), gone()], [told(SERVICE, "c")]]
    )
    assert await heard(streams, monkeypatch) == ["a", "b", "c"]


async def test_a_defect_costs_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    bookmark = {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}}
    streams = Streams(Pod=[[told(POD, "a"), bookmark, told(POD, "b")]], Service=[[]])
    assert await heard(streams, monkeypatch, defect="a") == ["a", "b"]


async def test_any_other_failure_ends_all_for_a_new_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    broken = APIServerError({"message": "broken"}, status=500, headers={})
    with pytest.raises(ExceptionGroup):
        await heard(Streams(Pod=[[broken]], Service=[[]]), monkeypatch)
