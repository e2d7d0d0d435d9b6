"""Ticks from the exchange's WebSocket to stream:ticks, through cuts and silences."""

from pathlib import Path
from typing import Any

import httpx
import redis

from prime_jennie.domain.market import TickBatch
from tests.support import web
from tests.support.gateway import HYNIX, SAMSUNG, House, running_house, until


def batches(house: House) -> list[TickBatch]:
    with redis.Redis.from_url(house.redis.url, decode_responses=True) as client:
        entries = client.xrange("stream:ticks")
    return [TickBatch.model_validate_json(fields["payload"]) for _, fields in entries]


def subscribe(house: House, codes: list[str], caller: str = "buy-scanner", path: str = "subscribe") -> dict[str, Any]:
    answer = house.gateway.post(f"/api/realtime/{path}", {"codes": codes}, **{"X-Subscriber": caller})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def realtime(house: House) -> dict[str, Any]:
    found: dict[str, Any] = web.get(f"{house.gateway.url}/api/realtime/status").json()
    return found


def test_a_frame_is_one_entry_and_stays_together(house: House) -> None:
    subscribe(house, [SAMSUNG, HYNIX])
    until(lambda: len(batches(house)) >= 5, what="ticks flow")
    together = [batch for batch in batches(house) if len(batch.ticks) > 1]
    assert together
    for batch in together:
        assert batch.at == max(tick.at for tick in batch.ticks)
    published = len(batches(house))
    assert published <= house.exchange.control("stats")["frames_sent"]


def test_a_stock_stays_registered_while_anybody_wants_it(house: House) -> None:
    subscribe(house, [SAMSUNG], "buy-scanner")
    subscribe(house, [SAMSUNG], "price-monitor")
    assert SAMSUNG in subscribe(house, [SAMSUNG], "buy-scanner", "unsubscribe")["codes"]
    assert SAMSUNG not in subscribe(house, [SAMSUNG], "price-monitor", "unsubscribe")["codes"]


def test_the_forty_second_registration_is_a_conflict_and_takes_nothing_away(house: House) -> None:
    subscribe(house, [SAMSUNG])
    too_many = [f"{number:06d}" for number in range(100, 140)]
    answer = house.gateway.post("/api/realtime/subscribe", {"codes": too_many})
    assert answer.status_code == 409
    assert "40" in answer.json()["detail"]
    assert SAMSUNG in web.get(f"{house.gateway.url}/api/realtime/status").json()["codes"]


def test_a_held_stock_is_heard_although_scanners_want_every_place(tmp_path: Path) -> None:
    with running_house(tmp_path) as house:
        codes = [row["code"] for row in house.listings() if row["code"] != HYNIX][:40]
        subscribe(house, codes)
        until(lambda: len(realtime(house)["registered"]) == 40, within_secs=60, what="all places are taken")
        subscribe(house, [HYNIX], "price-monitor")
        until(lambda: HYNIX in realtime(house)["registered"], within_secs=60, what="the exchange has taken it")
        status = realtime(house)
        assert set(status["registered"]) == {HYNIX, *codes[:39]}
        assert status["refused"] == {}
        assert house.exchange.control("stats")["registrations"] == 41


def test_a_cut_session_is_taken_up_again_with_everything_registered(house: House) -> None:
    subscribe(house, [SAMSUNG])
    before = house.gateway.health()["websocket"]["reconnects"]
    house.exchange.arm("ws_cut", count=1)
    until(lambda: house.gateway.health()["websocket"]["reconnects"] > before, what="the cut is noticed")
    count = len(batches(house))
    until(lambda: len(batches(house)) > count, what="ticks flow again")
    health = house.gateway.health()["websocket"]
    assert health["hears_notices"]
    assert health["gaps"]


def test_a_silent_session_is_given_up_and_opened_anew(tmp_path: Path) -> None:
    with running_house(tmp_path, WS_SILENCE_SECS="1") as house:
        subscribe(house, [SAMSUNG])
        until(lambda: len(batches(house)) >= 2, what="ticks flow")
        house.exchange.arm("ws_stall", count=1, parameters={"secs": 3})
        until(lambda: house.gateway.health()["websocket"]["reconnects"] >= 1, what="the silence is noticed")
        count = len(batches(house))
        until(lambda: len(batches(house)) > count, what="ticks flow again")
        assert house.gateway.health()["websocket"]["gaps"]


def test_subscriptions_survive_the_gateway(tmp_path: Path) -> None:
    with running_house(tmp_path, LEASE_SECS="2") as house:
        subscribe(house, [SAMSUNG, HYNIX])
        house.gateway.kill()
        house.gateway.start()
        until(lambda: house.gateway.health()["websocket"]["registered"] == 2, what="the stocks are registered again")


def test_without_a_token_there_is_room_for_little_and_none_beside_a_strategys(house: House) -> None:
    def ask(codes: list[str], subscriber: str, **more: Any) -> httpx.Response:
        headers = {"X-Subscriber": subscriber}
        return house.gateway.post("/api/realtime/subscribe", {"codes": codes, **more}, token=None, **headers)

    def whole_wish(codes: list[str]) -> dict[str, Any]:
        body, headers = {"codes": codes, "replace": True}, {"X-Subscriber": "buy-scanner"}
        found: dict[str, Any] = house.gateway.post("/api/realtime/subscribe", body, **headers).json()
        return found

    codes = [f"{number:06d}" for number in range(100, 140)]
    whole_wish([])
    assert ask([SAMSUNG], "anonymous").json()["subscribers"] == {"anonymous": [SAMSUNG]}
    assert ask(codes, "x").status_code == 409
    assert ask([SAMSUNG], "x" * 65).status_code == 400
    assert ask([], "x", replace=True).json()["subscribers"] == {"anonymous": [SAMSUNG]}
    assert whole_wish(codes)["codes"] == codes
    assert ask([SAMSUNG], "anonymous").status_code == 409
    assert whole_wish([HYNIX])["codes"] == [HYNIX]
