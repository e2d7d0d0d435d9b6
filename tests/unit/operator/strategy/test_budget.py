from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from prime_jennie.domain.broker import Environment
from prime_jennie_operator.strategy.budget import Ask, Grant, Name, Room, grants

BORN = datetime(2026, 2, 19, tzinfo=UTC)
MOCK = Room("kis-gateway", 19, 3.8)


def ask(name: str, share: float | None = None, **more: Any) -> Ask:
    """An ask that is as old as its name's place in the alphabet."""
    born = BORN + timedelta(seconds=ord(name[0]) - ord("a"))
    return Ask(Name("desk", name), "kis-gateway", share, more.pop("created_at", born), **more)


def judged(*asks: Ask, room: Room = MOCK) -> dict[str, Grant]:
    return {owner.name: grant for owner, grant in grants(asks, {room.gateway: room}).items()}


def shares(*asks: Ask, room: Room = MOCK) -> dict[str, float]:
    return {name: grant.share for name, grant in judged(*asks, room=room).items()}


@pytest.mark.parametrize(
    ("asks", "granted"),
    [
        ([ask("a", 5), ask("b", 5), ask("c", 5)], {"a": 5, "b": 5, "c": 5}),
        ([ask("a", 8), ask("b", 8), ask("c", 5)], {"a": 8, "b": 0, "c": 5}),
        ([ask("c", 8), ask("b", 8), ask("a", 5)], {"a": 5, "b": 8, "c": 0}),
        ([ask("a", 8, created_at=BORN + timedelta(days=1)), ask("b", 8)], {"a": 0, "b": 8}),
        ([ask("a", 8, created_at=None), ask("b", 8)], {"a": 0, "b": 8}),
        ([ask("a", 15.2)], {"a": 15.2}),
        ([ask("a", 15.21)], {"a": 0}),
        ([ask("a"), ask("b"), ask("c"), ask("d")], {"a": 4.75, "b": 4.75, "c": 4.75, "d": 0}),
    ],
    ids=[
        "all fit",
        "one does not fit",
        "the older first",
        "age before name",
        "no age",
        "all there is",
        "more than there is",
        "defaults",
    ],
)
def test_grants_go_by_age_while_they_fit(asks: Sequence[Ask], granted: dict[str, float]) -> None:
    assert shares(*asks) == granted


def test_ten_tenths_are_one() -> None:
    room = Room("kis-gateway", 1.25, 0.25)
    tenths = [ask(name, 0.1) for name in "abcdefghij"]
    assert all(shares(*tenths, room=room).values())
    assert shares(*tenths, ask("k", 0.001), room=room)["k"] == 0


def test_of_the_same_age_the_name_decides() -> None:
    twins = [replace(ask(name, 8), created_at=BORN) for name in ("b", "a")]
    assert shares(*twins) == {"a": 8, "b": 0}


def test_three_strategies_that_name_no_share_fit_any_gateway() -> None:
    for environment in Environment:
        limit = environment.rest_per_sec
        room = Room("kis-gateway", limit, limit * 0.2)
        assert all(shares(ask("a"), ask("b"), ask("c"), room=room).values()), environment


def test_what_does_not_fit_is_told_with_its_numbers() -> None:
    told = judged(ask("a", 8), ask("b", 8))["b"]
    assert (told.is_granted, told.reason) == (False, "BudgetExhausted")
    assert told.message == (
        "asks for 8 calls a second, 7.2 are left: kis-gateway sends 19, "
        "keeps 3.8 for the platform and has granted 8 to a"
    )


def test_the_next_is_granted_when_an_older_one_is_gone() -> None:
    a, b = ask("a", 8), ask("b", 8)
    assert shares(a, b) == {"a": 8, "b": 0}
    assert shares(b) == {"b": 8}


@pytest.mark.parametrize("holds", [True, None], ids=["holds", "unknown"])
def test_who_holds_keeps_its_grant_though_an_older_one_grows(holds: bool | None) -> None:
    grown = ask("a", 12, granted=5, holds=False)
    holder = ask("b", 5, granted=5, holds=holds)
    assert shares(grown, holder) == {"a": 5, "b": 5}
    assert shares(grown, replace(holder, holds=False)) == {"a": 12, "b": 0}


def test_a_holder_that_grows_keeps_what_it_has_until_more_fits() -> None:
    grown, other = ask("b", 12, granted=5, holds=True), ask("a", 5, granted=5, holds=True)
    told = judged(grown, other)["b"]
    assert (told.share, told.reason, told.is_granted) == (5, "KeptWhileHolding", True)
    assert "keeps 5 calls a second" in told.message
    assert "asks for 12 calls a second, 10.2 are left" in told.message
    assert shares(replace(grown, share=10), other)["b"] == 10


def test_who_asks_for_more_than_fits_keeps_what_it_had_unless_an_older_one_needs_it() -> None:
    grown, other = ask("a", 12, granted=5, holds=False), ask("b", 6, granted=6, holds=True)
    told = judged(grown, other)["a"]
    assert (told.share, told.reason) == (5, "KeptUntilMoreFits")
    assert told.message.startswith("keeps 5 calls a second; asks for 12 calls a second, 9.2 are left")
    assert shares(grown, replace(other, holds=False)) == {"a": 12, "b": 0}
    young = ask("c", 12, granted=5, holds=False)
    assert shares(ask("a", 9), replace(other, holds=False), young) == {"a": 9, "b": 6, "c": 0}


def test_a_holder_that_asks_for_less_gives_back() -> None:
    assert shares(ask("a", 2, granted=10, holds=True), ask("b", 13)) == {"a": 2, "b": 13}


def test_holders_keep_their_grants_though_the_gateway_sends_less() -> None:
    holders = [ask(name, 5, granted=5, holds=True) for name in "abc"]
    paper = Room("kis-gateway", 0.909, 0.18)
    found = judged(*holders, ask("d", 0.1), room=paper)
    assert [found[name].share for name in "abcd"] == [5, 5, 5, 0]
    assert "0 are left" in found["d"].message


def test_who_holds_without_a_grant_comes_before_all_who_hold_nothing() -> None:
    """It was deleted and created again: without a share nobody sells what it holds."""
    assert shares(ask("a", 12), ask("z", 12, holds=True)) == {"a": 0, "z": 12}
    assert shares(ask("a", 12, granted=12, holds=True), ask("z", 12, holds=True)) == {"a": 12, "z": 0}


def test_an_unknown_gateway_gives_nothing_and_every_gateway_counts_alone() -> None:
    other = replace(ask("a", 15), gateway="second-gateway")
    found = judged(other, ask("b", 15))
    assert (found["a"].share, found["a"].reason) == (0, "UnknownGateway")
    assert found["a"].message == "there is no gateway second-gateway whose rate could be shared; known: kis-gateway"
    assert found["b"].share == 15
    second = Room("second-gateway", 19, 3.8)
    both = grants([other, ask("b", 15)], {"kis-gateway": MOCK, "second-gateway": second})
    assert {owner.name: grant.share for owner, grant in both.items()} == {"a": 15, "b": 15}


wishes = some.lists(
    some.builds(
        Ask,
        owner=some.builds(Name, some.just("desk"), some.text("abcdef", min_size=1, max_size=3)),
        gateway=some.just("kis-gateway"),
        share=some.none() | some.floats(0.01, 20),
        created_at=some.none() | some.integers(0, 5).map(lambda n: BORN + timedelta(seconds=n)),
        granted=some.just(0.0) | some.floats(0.01, 5),
        holds=some.sampled_from([True, False, None]),
    ),
    max_size=12,
    unique_by=lambda one: one.owner,
)


@settings(deadline=None)
@given(wishes)
def test_the_sum_fits_and_no_holder_loses(asks: list[Ask]) -> None:
    found = grants(asks, {"kis-gateway": MOCK})
    kept = sum(min(a.granted, MOCK.default_share if a.share is None else a.share) for a in asks if a.holds is not False)
    assert sum(grant.share for grant in found.values()) <= max(MOCK.limit - MOCK.platform, kept) + 1e-6
    for one in asks:
        wanted = MOCK.default_share if one.share is None else one.share
        if one.granted and one.holds is not False:
            assert found[one.owner].share >= min(one.granted, wanted) - 0.0011
        assert found[one.owner].share <= wanted + 0.00051


@settings(deadline=None)
@given(wishes, some.randoms())
def test_the_order_in_which_they_are_told_does_not_matter(asks: list[Ask], dice: Any) -> None:
    shuffled = list(asks)
    dice.shuffle(shuffled)
    told = {owner: grant.share for owner, grant in grants(shuffled, {"kis-gateway": MOCK}).items()}
    assert told == {owner: grant.share for owner, grant in grants(asks, {"kis-gateway": MOCK}).items()}
