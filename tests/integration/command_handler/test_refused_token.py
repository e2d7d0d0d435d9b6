"""A gateway that does not believe command-handler, and a command-handler that has nothing to be believed for."""

from typing import NoReturn

import pytest

from command_handler.app import create_app
from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.health import HealthStatus, ServiceStatus
from prime_jennie.infra.runtime import StartError
from tests.support.chatting import Chat
from tests.support.eventually import eventually
from tests.support.service_desk import ready, started


async def test_a_refused_token_is_told_in_health_and_waited_for(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    async def info() -> NoReturn:
        nonlocal asked
        asked += 1
        raise BadInput("kis-gateway", "JENNIE_READ_TOKEN", "not minted here")

    with monkeypatch.context() as refusing:
        refusing.setattr(chat.desk.gateway, "info", info)
        async with started(create_app(chat.settings())) as client:
            await eventually(lambda: asked > 2)
            found = HealthStatus.model_validate_json((await client.get("/health")).content)
            assert found.status is ServiceStatus.UNHEALTHY
            reason = "BadInput: kis-gateway: JENNIE_READ_TOKEN: not minted here"
            assert found.dependencies["kis_gateway"].message == reason
            assert (await client.get("/livez")).status_code == 200
            assert chat.crashes == []
            refusing.undo()
            await ready(client)


async def test_a_service_without_a_token_for_the_gateway_names_what_is_missing(chat: Chat) -> None:
    async with started(create_app(chat.settings(read_token=None))):
        await eventually(lambda: chat.crashes)
    [crash] = chat.crashes
    chat.crashes.clear()
    assert isinstance(crash.exception(), StartError)
    assert "JENNIE_READ_TOKEN is not set" in str(crash.exception())
