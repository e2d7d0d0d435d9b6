from typing import Any

import pytest

from prime_jennie_operator.desired.values import PlatformValues
from prime_jennie_operator.loading import laptop_values
from prime_jennie_operator.strategy import shares
from prime_jennie_operator.strategy.budget import grants
from prime_jennie_operator.strategy.shares import Shares, room_of
from prime_jennie_operator.work import Key
from tests.support.values import REAL_TIME


class Desk:
    """Shares of a mock gateway, what is told of them, and who may hold something."""

    def __init__(self, values: PlatformValues | None = None) -> None:
        self.told: list[str] = []
        self.holds: dict[str, bool | None] = {}
        self.shares = Shares(
            values or laptop_values(),
            lambda key: self.holds.get(key.name, False),
            lambda key: self.told.append(key.name),
        )

    def note(self, name: str, share: float | None = None, *, granted: float | None = None, **spec: Any) -> None:
        gateway = {} if share is None else {"requestsPerSecond": share}
        manifest = {
            "metadata": {"creationTimestamp": f"2026-02-19T00:00:{ord(name[0]) - ord('a'):02}Z"},
            "spec": {"gateway": gateway, **spec},
            "status": {} if granted is None else {"grantedRequestsPerSecond": granted},
        }
        self.shares.note(_key(name), manifest)

    def granted(self, name: str) -> float:
        return self.shares.grant_of(_key(name)).share


def _key(name: str) -> Key:
    return Key("TradingStrategy", "desk", name)


def test_the_room_is_the_gateways_limit_or_that_of_its_environment() -> None:
    assert (room_of(laptop_values()).limit, room_of(laptop_values()).platform) == (19, pytest.approx(3.8))
    paper = laptop_values(REAL_TIME, {"kisGateway": {"environment": "paper"}})
    assert room_of(paper).limit == pytest.approx(1 / 1.1)
    own = laptop_values({"kisGateway": {"restPerSecond": 10, "platformSharePct": 0}})
    assert (room_of(own).limit, room_of(own).platform) == (10, 0)


def test_a_grant_is_remembered_until_the_watch_tells_of_it() -> None:
    desk = Desk()
    desk.note("b", 8)
    assert desk.granted("b") == 8
    desk.holds["b"] = None
    desk.note("a", 12)  # an older one, before b's status has been told
    assert (desk.granted("a"), desk.granted("b")) == (0, 8)


def test_who_gains_or_loses_by_another_is_told() -> None:
    desk = Desk()
    desk.note("a", 12)
    desk.note("b", 8)
    assert (desk.granted("a"), desk.granted("b")) == (12, 0)
    desk.told.clear()
    desk.shares.note(_key("a"), None)
    desk.shares.settle("desk")
    assert desk.told == ["b"]
    assert desk.granted("b") == 8


def test_a_status_that_says_the_same_again_judges_nobody_anew() -> None:
    desk = Desk()
    desk.note("a", 12)
    desk.granted("a")
    desk.note("a", 12, granted=12)
    desk.granted("a")
    desk.told.clear()
    desk.note("a", 12, granted=12)
    assert desk.granted("a") == 12
    assert desk.told == []


def test_a_decision_that_nobody_wrote_down_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """This process led, decided and lost the lease; another one has decided since."""
    monkeypatch.setattr(shares, "REMEMBERED_SECS", -1.0)
    desk = Desk()
    desk.note("a", 12)
    desk.granted("a")
    desk.holds["a"] = True
    desk.note("a", 12, granted=5)
    desk.note("b", 8, granted=8)
    desk.holds["b"] = True
    assert (desk.granted("a"), desk.granted("b")) == (5, 8)


@pytest.mark.parametrize(
    "spec",
    [
        {"mode": "live"},
        {"market": "US"},
        {"account": {"secretRef": {"name": "somebody-elses"}}},
    ],
)
def test_one_that_may_not_run_takes_no_share_from_others(spec: dict[str, Any]) -> None:
    desk = Desk()
    desk.note("a", 12, **spec)
    desk.note("b", 8)
    assert (desk.granted("a"), desk.granted("b")) == (0, 8)
    assert desk.shares.grant_of(_key("a")).reason == "NotAsked"


def test_one_that_may_not_run_any_more_keeps_its_share_while_it_may_have_to_sell() -> None:
    desk = Desk()
    desk.holds["a"] = None
    desk.note("a", 12, granted=12, mode="live")
    desk.note("b", 8)
    assert (desk.granted("a"), desk.granted("b")) == (12, 0)
    desk.holds["a"] = False
    desk.shares.judge_again("desk")
    assert (desk.granted("a"), desk.granted("b")) == (0, 8)


@pytest.mark.parametrize("share", ["8", True, -1, 0, 10_000, [8]])
def test_what_is_asked_wrongly_is_not_asked(share: Any) -> None:
    desk = Desk()
    desk.note("a", share)
    assert desk.granted("a") == 0


def test_every_namespace_has_a_gateway_of_its_own() -> None:
    desk = Desk()
    for namespace in ("one", "two"):
        manifest = {"metadata": {}, "spec": {"gateway": {"requestsPerSecond": 15}}}
        desk.shares.note(Key("TradingStrategy", namespace, "krx"), manifest)
    assert [desk.shares.grant_of(Key("TradingStrategy", n, "krx")).share for n in ("one", "two")] == [15, 15]


def test_an_unknown_strategy_has_nothing() -> None:
    assert not Desk().shares.grant_of(_key("nobody")).is_granted


def test_a_grant_of_ours_that_the_watch_tells_of_judges_nobody_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Among a thousand strategies that come at once, each one's own status would cost a judgement of all."""
    judged = 0

    def counting(*asked: Any) -> Any:
        nonlocal judged
        judged += 1
        return grants(*asked)

    monkeypatch.setattr(shares, "grants", counting)
    desk = Desk()
    desk.note("a", 1)
    desk.note("b", 2)
    assert (desk.granted("a"), desk.granted("b")) == (1, 2)
    desk.note("a", 1, granted=1)
    desk.note("b", 2, granted=2)
    assert (desk.granted("a"), desk.granted("b")) == (1, 2)
    assert judged == 1
    desk.note("a", 1, granted=3)  # somebody else's decision
    desk.granted("a")
    assert judged == 2
