"""A really started gateway keeps an answer that proved nothing where its volume is, and no secret with it."""

import json
from pathlib import Path

from tests.support.exchange import ACCOUNT, APP_KEY, APP_SECRET
from tests.support.gateway import SAMSUNG, running_house, until

BUY = {"stock_code": SAMSUNG, "quantity": 1}


def test_an_answer_that_proves_nothing_is_kept_for_a_person(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running_house(tmp_path / "house", RESOLVE_EVERY_SECS="1", STATE_FOLDER=str(state)) as house:
        until(lambda: house.gateway.health()["buy_blocks"] == [], what="nothing holds buys back")
        house.exchange.arm("order_500_after_accept", count=1, parameters={"code": "EGW00301"})
        house.gateway.post("/api/trading/buy", BUY, **{"Idempotency-Key": "one"})
        until(lambda: bool(list(state.glob("unread-*.jsonl"))), what="a file")
        [path] = state.glob("unread-*.jsonl")
        until(lambda: bool(path.read_text()), what="a line")
        [told] = [json.loads(line) for line in path.read_text().splitlines()]
        assert "EGW00301" in told["reason"]
        assert json.loads(told["text"])["msg_cd"] == "EGW00301"
        for secret in (APP_KEY, APP_SECRET, ACCOUNT, ACCOUNT.replace("-", "")):
            assert secret not in path.read_text()
