"""Wishes for ticks follow the list; a refusal costs one stock only."""

from collections.abc import Sequence
from typing import Any

import pytest

from prime_jennie.domain.errors import BadInput, Conflict, Unavailable
from prime_jennie.infra.outages import Outages
from prime_jennie.infra.subscriptions import Subscriptions


class Desk:
    """A gateway with room for some stocks."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, list[str]]] = []
        self.refused: set[str] = set()
        self.unreadable = False
        self.down = False

    async def subscribe(self, codes: Sequence[str], *, replace: bool = False) -> None:
        self._note("replace" if replace else "subscribe", codes)
        if self.unreadable:
            raise BadInput("kis-gateway", "", "codes")
        if self.refused.intersection(codes):
            raise Conflict("no room")

    async def unsubscribe(self, codes: Sequence[str]) -> None:
        self._note("unsubscribe", codes)

    def _note(self, call: str, codes: Sequence[str]) -> None:
        if self.down:
            raise Unavailable("gone")
        self.calls.append((call, list(codes)))


@pytest.fixture
def gateway() -> Desk:
    return Desk()


def wishes(gateway: Any) -> tuple[Subscriptions, Outages]:
    outages = Outages()
    return Subscriptions(gateway, outages), outages


async def test_only_what_is_new_is_asked_for(gateway: Desk) -> None:
    subscriptions, _ = wishes(gateway)
    await subscriptions.want(["A", "B"])
    await subscriptions.want(["A", "B", "C"])
    await subscriptions.want(["A", "B", "C"])
    assert gateway.calls == [("replace", ["A", "B"]), ("subscribe", ["C"])]


async def test_a_new_process_gives_up_what_the_one_before_it_wanted(gateway: Desk) -> None:
    subscriptions, _ = wishes(gateway)
    await subscriptions.want([])
    await subscriptions.want([])
    assert gateway.calls == [("replace", [])]


async def test_again_asks_for_all(gateway: Desk) -> None:
    subscriptions, _ = wishes(gateway)
    await subscriptions.want(["A"])
    await subscriptions.want(["A"], again=True)
    assert gateway.calls == [("replace", ["A"])] * 2


async def test_room_is_made_before_it_is_asked_for(gateway: Desk) -> None:
    subscriptions, _ = wishes(gateway)
    await subscriptions.want(["A"])
    await subscriptions.want(["B"])
    assert gateway.calls[1:] == [("unsubscribe", ["A"]), ("subscribe", ["B"])]


async def test_a_refusal_costs_one_stock_and_is_shown_until_it_is_granted(gateway: Desk) -> None:
    subscriptions, outages = wishes(gateway)
    gateway.refused = {"B"}
    await subscriptions.want(["A", "B", "C"])
    assert gateway.calls[0] == ("replace", ["A", "B", "C"])
    assert gateway.calls[1:] == [("subscribe", ["A"]), ("subscribe", ["B"]), ("subscribe", ["C"])]
    assert "loop:subscribe" in outages.as_dependencies()
    gateway.refused = set()
    await subscriptions.want(["A", "B", "C"])
    assert gateway.calls[-1] == ("subscribe", ["B"])
    assert outages.as_dependencies() == {}


async def test_an_outage_raises_and_the_wish_is_repeated(gateway: Desk) -> None:
    subscriptions, _ = wishes(gateway)
    gateway.down = True
    with pytest.raises(Unavailable):
        await subscriptions.want(["A"])
    gateway.down = False
    await subscriptions.want(["A"])
    assert gateway.calls == [("replace", ["A"])]


async def test_a_list_that_is_refused_unread_replaces_nothing_yet(gateway: Desk) -> None:
    subscriptions, _ = wishes(gateway)
    gateway.unreadable = True
    await subscriptions.want(["A"])
    gateway.unreadable = False
    await subscriptions.want(["A"])
    assert gateway.calls == [("replace", ["A"])] * 2
