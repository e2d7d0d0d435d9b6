"""The console over HTTP: for the operator only, plain text, and what was told meanwhile."""

from typing import Any

import httpx
import pytest

from command_handler.app import create_app
from prime_jennie.domain.errors import ErrorResponse
from prime_jennie.domain.health import HealthStatus, ServiceStatus
from prime_jennie.domain.risk import HaltState
from tests.support.chatting import OPERATOR_TOKEN, Chat
from tests.support.eventually import eventually
from tests.support.service_desk import started

HEADERS = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
CONSOLE_ONLY: dict[str, Any] = {"telegram_bot_token": None}


async def say(client: httpx.AsyncClient, text: str) -> httpx.Response:
    return await client.post("/console", json={"text": text}, headers=HEADERS)


async def test_a_command_is_answered_as_plain_text(chat: Chat) -> None:
    async with chat.running(**CONSOLE_ONLY) as client:
        answer = await say(client, "/price 삼성전자")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert answer.text.startswith("삼성전자 005930\n현재가 72,000원")
    assert answer.text.endswith("\n")
    assert (answer.headers["X-Outcome"], answer.headers["X-Following"]) == ("answered", "0")


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic x"}, {"Authorization": OPERATOR_TOKEN}])
async def test_without_a_token_nobody_commands(chat: Chat, headers: dict[str, str]) -> None:
    async with chat.running(**CONSOLE_ONLY) as client:
        for answer in (
            await client.post("/console", json={"text": "/stop 긴급"}, headers=headers),
            await client.get("/console/messages", headers=headers),
        ):
            assert answer.status_code == 401
            assert ErrorResponse.model_validate(answer.json()).service == "command-handler"
    assert await chat.desk.halts.effective("krx-core") is HaltState.ACTIVE


@pytest.mark.parametrize("token", ["", "x", OPERATOR_TOKEN + "x", OPERATOR_TOKEN[:-1], "ü"])
async def test_a_wrong_token_is_forbidden(chat: Chat, token: str) -> None:
    async with chat.running(**CONSOLE_ONLY) as client:
        headers = {"Authorization": f"Bearer {token}".encode()}
        answer = await client.post("/console", json={"text": "/stop 긴급"}, headers=headers)
    assert answer.status_code == 403
    assert OPERATOR_TOKEN not in answer.text


async def test_a_service_without_a_token_has_no_console(chat: Chat) -> None:
    async with chat.running(**CONSOLE_ONLY, operator_token=None) as client:
        answer = await client.post("/console", json={"text": "/status"}, headers={"Authorization": "Bearer "})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "body", [{}, {"text": ""}, {"text": 7}, {"text": "x" * 10_001}, {"text": "/help", "chat": "telegram:7"}, [], "x"]
)
async def test_a_body_that_is_no_line_is_a_bad_request(chat: Chat, body: Any) -> None:
    async with chat.running(**CONSOLE_ONLY) as client:
        answer = await client.post("/console", json=body, headers=HEADERS)
    assert answer.status_code == 400


async def test_lines_may_follow_each_other_fast_and_five_thousand_characters_are_answered(chat: Chat) -> None:
    async with chat.running(**CONSOLE_ONLY, command_every_secs=5) as client:
        for _ in range(3):
            assert (await say(client, "/portfolio")).text == "보유 종목이 없습니다\n"
        assert (await say(client, "x" * 5_000)).headers["X-Outcome"] == "unknown command"


async def test_a_confirmed_order_is_followed_and_what_is_told_meanwhile_can_be_asked_for(chat: Chat) -> None:
    await chat.desk.hold()
    async with chat.running(**CONSOLE_ONLY) as client:
        question = (await say(client, "/sell 005930 10")).text
        answer = await say(client, question.strip().rpartition(": ")[2])
        assert answer.text.startswith("매도 요청: 삼성전자 005930 10주")
        assert (answer.headers["X-Following"], answer.headers["X-Newest"]) == ("1", "0")
        chat.desk.clock.advance(61)

        async def told() -> bool:
            return bool((await client.get("/console/messages", headers=HEADERS)).json()["messages"])

        await eventually(told)
        found = (await client.get("/console/messages", headers=HEADERS)).json()
        assert found["messages"][0]["text"].startswith("삼성전자 005930 10주 매도: 아직 모릅니다")
        assert (found["newest"], found["following"]) == (1, 1)
        after = (await client.get("/console/messages?after=1", headers=HEADERS)).json()
        assert after["messages"] == []
        assert (await client.get("/console/messages?after=-1", headers=HEADERS)).status_code == 400


async def test_the_console_speaks_english_when_asked(chat: Chat) -> None:
    async with chat.running(**CONSOLE_ONLY, command_language="en") as client:
        assert (await say(client, "/portfolio")).text == "Nothing is held\n"
        await say(client, "/lang ko")
        assert (await say(client, "/portfolio")).text == "보유 종목이 없습니다\n"


async def test_health_is_a_health_status_with_its_dependencies(chat: Chat) -> None:
    async with chat.running(**CONSOLE_ONLY) as client:
        found = HealthStatus.model_validate_json((await client.get("/health")).content)
    assert (found.service, found.status) == ("command-handler", ServiceStatus.HEALTHY)
    assert found.dependencies.keys() == {"redis", "db", "kis_gateway"}
    assert found.model_extra == {
        "transport": "console",
        "allowed_chats": 2,
        "last_update_id": None,
        "strangers": 0,
        "backlog": 0,
        "price_alerts": 0,
    }


async def test_a_service_that_is_starting_answers_no_command(chat: Chat) -> None:
    chat.desk.gateway.down = True
    async with started(create_app(chat.settings(**CONSOLE_ONLY))) as client:
        assert (await say(client, "/help")).status_code == 503
