"""The whole service against the Bot API's twin: who is heard, what is answered, and what a restart does."""

import asyncio
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from command_handler import telegram as transport
from command_handler.app import create_app
from command_handler.switchboard import Said
from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.risk import HaltState
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.halts import HaltDesk
from tests.support.chatting import FAMILY, GROUP, OPERATOR_TOKEN, OWNER, STRANGER, Chat
from tests.support.eventually import eventually
from tests.support.service_desk import ready, started
from tests.support.telegram_api import Fault, flood

_CODE = re.compile(r"확인 (\d{4})$")


async def state(chat: Chat) -> HaltState:
    return await chat.desk.halts.effective("krx-core")


async def test_a_command_is_answered_in_its_chat_as_html_and_only_there(chat: Chat) -> None:
    async with chat.running():
        chat.telegram.says(OWNER, "/price@prime_jennie_bot 삼성전자")
        (answer,) = await chat.answers(1)
        assert answer.startswith("삼성전자 005930\n현재가 72,000원")
        assert chat.telegram.sent[0].html.startswith("<b>삼성전자 005930</b>\n")
        assert chat.shown(FAMILY) == []


async def test_the_menu_of_commands_is_shown(chat: Chat) -> None:
    async with chat.running():
        await eventually(lambda: len(chat.telegram.commands) == 2)
    korean, english = (json.loads(menu) for menu in chat.telegram.commands)
    assert {"command": "portfolio", "description": "보유 종목"} in korean
    assert {"command": "portfolio", "description": "what is held"} in english


async def test_a_stranger_is_not_answered_counted_and_logged_once_an_hour(
    chat: Chat, capsys: pytest.CaptureFixture[str]
) -> None:
    async with chat.running() as client:
        for text in ("/status", "/stop 긴급", "/sellall 확인"):
            chat.telegram.says(STRANGER, text, name="<b>Mallory</b>")
        chat.telegram.says(OWNER, "/help")
        await chat.answers(1)
        health = (await client.get("/health")).json()
    assert (health["strangers"], health["allowed_chats"], health["transport"]) == (3, 2, "telegram")
    assert str(OWNER) not in str({name: health[name] for name in ("allowed_chats", "transport", "backlog")})
    assert chat.shown(STRANGER) == []
    assert await state(chat) is HaltState.ACTIVE
    assert capsys.readouterr().out.count("not allowed") == 1
    assert len(await chat.desk.events("command")) == 1


def test_a_stranger_is_logged_again_after_an_hour_and_many_strangers_cost_little() -> None:
    strangers = transport.Strangers()
    assert [strangers.note(1, at) for at in (0.0, 3_599.0, 3_600.0)] == [True, False, True]
    for chat_id in range(5_000):
        strangers.note(chat_id, 0.0)
    assert len(strangers._logged) <= transport.MOST_STRANGERS
    assert strangers.count == 5_003


async def test_an_empty_allow_list_means_nobody(chat: Chat) -> None:
    async with chat.running(telegram_chat_ids=()) as client:
        chat.telegram.says(OWNER, "/stop 긴급")
        await chat.heard()
        assert (await client.get("/health")).json()["strangers"] == 1
        await Alerts(chat.desk.redis, chat.desk.clock, "x").send(AlertLevel.CRITICAL, "경보", "")
        await eventually(lambda: is_told_on_the_console(client))
    assert chat.telegram.sent == []
    assert await state(chat) is HaltState.ACTIVE


async def is_told_on_the_console(client: httpx.AsyncClient) -> bool:
    answer = await client.get("/console/messages", headers={"Authorization": f"Bearer {OPERATOR_TOKEN}"})
    return bool(answer.json()["messages"])


@pytest.mark.parametrize(
    "update",
    [
        {
            "edited_message": {
                "message_id": 1,
                "date": 1,
                "chat": {"id": OWNER, "type": "private"},
                "text": "/stop 긴급",
            }
        },
        {"channel_post": {"message_id": 1, "date": 1, "chat": {"id": OWNER, "type": "channel"}, "text": "/stop 긴급"}},
        {"message": {"message_id": 1, "date": 1, "chat": {"id": OWNER, "type": "private"}}},
        {
            "message": {
                "message_id": 1,
                "date": 1,
                "chat": {"id": OWNER, "type": "private"},
                "from": {"id": 9, "is_bot": True, "first_name": "Bot"},
                "text": "/stop 긴급",
            }
        },
    ],
)
async def test_what_is_no_fresh_message_of_a_person_is_no_command(chat: Chat, update: dict[str, Any]) -> None:
    async with chat.running():
        chat.telegram.push(update)
        chat.telegram.says(OWNER, "/help")
        await chat.answers(1)
    assert await state(chat) is HaltState.ACTIVE


async def test_in_a_group_talk_is_not_answered_and_nobody_confirms_for_another(chat: Chat) -> None:
    await chat.desk.hold()
    async with chat.running(telegram_chat_ids=(GROUP,)):
        chat.telegram.says(GROUP, "점심 뭐 먹지", user_id=1, name="Kim")
        chat.telegram.says(GROUP, "/sell 005930 1", user_id=1, name="Kim")
        (question,) = await chat.answers(1, GROUP)
        code = _CODE.search(question)
        assert code is not None
        chat.telegram.says(GROUP, f"확인 {code[1]}", user_id=2, name="Kim")
        assert "확인할 명령이 없습니다" in (await chat.answers(2, GROUP))[1]
        assert await chat.desk.sell_orders() == []
        chat.telegram.says(GROUP, f"확인 {code[1]}", user_id=1, name="Kim")
        assert "매도 요청" in (await chat.answers(3, GROUP))[2]
    (event,) = await chat.desk.events("manual-trade")
    assert event.who == "Kim (1)"


async def test_a_purchase_is_confirmed_in_time_or_not_at_all(chat: Chat) -> None:
    async with chat.running():
        chat.telegram.says(OWNER, "/buy 삼성전자 3")
        question = (await chat.answers(1))[0]
        chat.desk.clock.advance(60)
        code = _CODE.search(question)
        assert code is not None
        chat.telegram.says(OWNER, f"확인 {code[1]}")
        assert "확인 시간이 지났습니다" in (await chat.answers(2))[1]
    assert await chat.desk.signals() == []


async def test_a_pause_by_telegram_survives_a_restart_and_an_emptied_redis_and_is_lifted_where_it_was_set(
    chat: Chat,
) -> None:
    async with chat.running():
        chat.telegram.says(OWNER, "/pause 휴가")
        await chat.answers(1)
    await chat.desk.redis.flushall()
    assert await state(chat) is HaltState.PAUSED
    async with chat.running():
        await chat.desk.announce("krx-core", trading="Paused")
        chat.telegram.says(OWNER, "/resume")
        answer = (await chat.answers(2))[1]
    assert answer.startswith(
        "계좌 전체: 사람이 건 중지를 풀었습니다\n아직 유효한 중지:\n- krx-core · 매수 중지 · 전략 YAML"
    )
    halts = HaltDesk(chat.desk.redis, chat.desk.db, "12345678-01")
    assert await halts.on_record("krx-core") is HaltState.ACTIVE


async def test_an_update_that_telegram_repeats_is_acted_upon_once_even_after_a_restart(chat: Chat) -> None:
    await chat.desk.hold()
    async with chat.running():
        update = chat.telegram.says(OWNER, "/sellall 확인")
        await chat.answers(1)
        chat.telegram.again(update)
        chat.telegram.says(OWNER, "/help")
        await chat.answers(2)
    chat.telegram.again(update)
    async with chat.running():
        await chat.heard()
        chat.telegram.says(OWNER, "/help")
        await chat.answers(3)
    assert len(await chat.desk.sell_orders()) == 1


async def test_the_offset_survives_a_restart(chat: Chat) -> None:
    async with chat.running():
        update = chat.telegram.says(OWNER, "/help")
        await chat.answers(1)
        await chat.heard()
    row = await ConfigRepository(chat.desk.db).get("command-handler:telegram-offset:123456789")
    assert row is not None
    assert row.config_value == str(update + 1)
    chat.telegram.calls.clear()
    async with chat.running():
        await eventually(lambda: [known for method, known in chat.telegram.calls if method == "getUpdates"])
    asked = [known for method, known in chat.telegram.calls if method == "getUpdates"]
    assert str(asked[0]["offset"]) == str(update + 1)


async def test_what_was_sent_while_the_service_was_away_sells_nothing_and_says_so(chat: Chat) -> None:
    await chat.desk.hold()
    long_ago = int((datetime.now(UTC) - timedelta(minutes=5)).timestamp())
    chat.telegram.says(OWNER, "/sellall 확인", date=long_ago)
    chat.telegram.says(OWNER, "/portfolio", date=long_ago)
    async with chat.running():
        answers = await chat.answers(2)
    assert [answer for answer in answers if answer.startswith("너무 오래된 명령이라 실행하지 않았습니다\n30")]
    assert [answer for answer in answers if answer.startswith("보유 1종목")]
    assert await chat.desk.sell_orders() == []


async def test_a_command_that_a_crash_interrupted_is_not_repeated_and_is_told(chat: Chat) -> None:
    await chat.desk.hold()
    update = chat.telegram.says(OWNER, "/sellall 확인")
    said = Said(f"telegram:123456789:{update}", f"telegram:{OWNER}", "Owner (7)", "/sellall 확인")
    await chat.desk.room.switchboard.take(said)  # and here the process dies
    async with chat.running():
        (told,) = await chat.answers(1)
        await chat.heard()
        await asyncio.sleep(0.1)
    assert told.startswith("다시 시작하느라 명령이 끊겼습니다\n/sellall 확인\n실행되었을 수도, 아닐 수도 있습니다")
    assert await chat.desk.sell_orders() == []


async def test_a_slow_command_keeps_no_stop_waiting(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = asyncio.Event()

    async def slow() -> Any:
        await gate.wait()

    async with chat.running():
        monkeypatch.setattr(chat.desk.gateway, "balance", slow)
        chat.telegram.says(OWNER, "/balance")
        chat.telegram.says(OWNER, "/stop 긴급")
        assert (await chat.answers(1))[0].startswith("계좌 전체: 전면 중지")
        gate.set()
        await chat.answers(2)


async def test_a_flood_of_updates_is_answered_once_and_the_neighbour_is_served(chat: Chat) -> None:
    async with chat.running(command_every_secs=5):
        for _ in range(50):
            chat.telegram.says(OWNER, "/status")
        chat.telegram.says(FAMILY, "/help")
        await chat.answers(1, FAMILY)
        await chat.heard()
        answers = await chat.answers(2)
    assert [answer.splitlines()[0] for answer in sorted(answers)][-1] == "너무 빠릅니다"
    assert len(chat.shown()) == 2


async def test_hostile_text_and_long_answers_arrive_whole(chat: Chat) -> None:
    async with chat.running():
        chat.telegram.says(OWNER, "/pause <b>&lt;script&gt;</b> </pre>", name="<i>Eve</i>")
        chat.telegram.says(OWNER, "x" * 4_096)
        chat.telegram.says(OWNER, "/status")
        answers = await chat.answers(3)
    assert any("<b>&lt;script&gt;</b> </pre>" in answer for answer in answers)
    assert any("<i>Eve</i>" in answer for answer in answers)


async def test_telegram_that_fails_floods_or_rejects_is_waited_out_and_named(chat: Chat) -> None:
    chat.telegram.fail("getUpdates", Fault(500), flood(0), Fault(409, "Conflict: another"), Fault(401, "Unauthorized"))
    async with chat.running() as client:
        chat.telegram.says(OWNER, "/help")
        await chat.answers(1)
        assert "telegram" not in (await client.get("/health")).json()["dependencies"]
        chat.telegram.fail("getUpdates", *[Fault(502)] * 1_000)
        chat.telegram.says(FAMILY, "/help")  # ends the poll that is open

        async def is_named() -> bool:
            return "telegram" in (await client.get("/health")).json()["dependencies"]

        await eventually(is_named)
        assert chat.telegram.token not in (await client.get("/health")).text


async def test_a_critical_alert_outlives_an_outage_of_telegram_and_reaches_every_chat_once(chat: Chat) -> None:
    chat.telegram.fail("sendMessage", *[Fault(500)] * 4)
    async with chat.running() as client:
        alerts = Alerts(chat.desk.redis, chat.desk.clock, "kis-gateway")
        for _ in range(2):
            await alerts.send(AlertLevel.CRITICAL, "일일 손실 한도", "매수를 멈춥니다", key="day-loss")
        await chat.answers(1)
        await chat.answers(1, FAMILY)

        async def is_empty() -> bool:
            return bool((await client.get("/health")).json()["backlog"] == 0)

        await eventually(is_empty)
    async with chat.running():
        await asyncio.sleep(0.2)
    assert [len(chat.shown(one)) for one in (OWNER, FAMILY)] == [1, 1]


async def test_a_blocked_bot_costs_the_other_chats_nothing(chat: Chat) -> None:
    chat.telegram.blocked.add(OWNER)
    async with chat.running():
        await Alerts(chat.desk.redis, chat.desk.clock, "x").send(AlertLevel.WARNING, "경보", "")
        await chat.answers(1, FAMILY)


async def test_the_token_stands_in_no_log(chat: Chat, capsys: pytest.CaptureFixture[str]) -> None:
    chat.telegram.fail("getUpdates", Fault(500), Fault(lost=True), Fault(404, "Not Found"))
    chat.telegram.fail("sendMessage", Fault(500), Fault(400, "Bad Request"))
    async with chat.running() as client:
        for _ in range(3):
            chat.telegram.says(OWNER, f"/help {chat.telegram.token}")
        await chat.heard()
        metrics = (await client.get("/metrics")).text
    secret = chat.telegram.token.partition(":")[2]
    assert secret not in "".join(capsys.readouterr())
    assert secret not in metrics
    assert all(secret not in event.message for event in await chat.desk.events("command"))


async def test_the_service_is_alive_and_silent_while_the_gateway_is_away(chat: Chat) -> None:
    chat.desk.gateway.down = True
    chat.telegram.says(OWNER, "/stop 긴급")
    async with started(create_app(chat.settings())) as client:
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503
        assert (await client.get("/health")).json()["dependencies"]["room"]["message"] == "starting"
        assert await state(chat) is HaltState.ACTIVE
        chat.desk.gateway.down = False
        await ready(client)
        await chat.answers(1)
    assert await state(chat) is HaltState.STOPPED
