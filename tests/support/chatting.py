"""command-handler's whole application in a test: its HTTP edge, and a bot on loopback that people write to."""

import importlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from command_handler import telegram as transport
from command_handler.app import create_app
from command_handler.config import CommandSettings
from prime_jennie.infra.outages import Backoff
from tests.support.commanding import Commanding
from tests.support.eventually import eventually
from tests.support.service_desk import ready, started
from tests.support.telegram_api import TelegramApi

OWNER, FAMILY, STRANGER, GROUP = 7, 8, 666, -100
OPERATOR_TOKEN = "an-operators-token"


class Chat:
    """The service's world, with a bot that people write to."""

    def __init__(self, desk: Commanding, telegram: TelegramApi, redis_url: str) -> None:
        self.desk = desk
        self.telegram = telegram
        self.redis_url = redis_url
        self.crashes: list[Any] = []

    def settings(self, **known: Any) -> CommandSettings:
        given: dict[str, Any] = {
            "redis_url": self.redis_url,
            "database_url": str(self.desk.db.url),
            "telegram_bot_token": self.telegram.token,
            "telegram_chat_ids": (OWNER, FAMILY),
            "telegram_url": self.telegram.base_url,
            "telegram_poll_secs": 5,
            "telegram_timeout_secs": 2,
            "command_every_secs": 0,
            "operator_token": OPERATOR_TOKEN,
            "read_token": "a-token-to-look-with",
        }
        return CommandSettings(**(given | known))

    @asynccontextmanager
    async def running(self, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
        async with started(create_app(self.settings(**settings))) as client:
            await ready(client)
            yield client

    async def answers(self, count: int, chat_id: int = OWNER) -> list[str]:
        """Wait for messages in a chat."""
        await eventually(
            lambda: len(self.telegram.to(chat_id)) >= count, what=f"{count} messages: {self.shown(chat_id)}"
        )
        return self.telegram.to(chat_id)

    def shown(self, chat_id: int = OWNER) -> list[str]:
        return self.telegram.to(chat_id)

    async def heard(self) -> None:
        """Wait until every update is confirmed."""
        await eventually(lambda: not self.telegram.unread(), what="every update is taken")


def wired(made: Chat, desk: Commanding, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the service open this desk instead of connecting to a gateway, and note a crash instead of dying of it."""

    class Gateway(type(desk.gateway)):  # type: ignore[misc]
        async def __aenter__(self) -> Any:
            return self

        async def __aexit__(self, *_: object) -> None:
            return None

    gateway = Gateway(desk.broker)
    desk.gateway = gateway

    @asynccontextmanager
    async def open_clock(_url: str | None) -> AsyncIterator[Any]:
        yield desk.clock

    monkeypatch.setattr("prime_jennie.infra.job_app.open_clock", open_clock)
    for module in ("prime_jennie.infra.job_app", "command_handler.app"):
        monkeypatch.setattr(f"{module}.GatewayClient", lambda *_args, **_kwargs: gateway)
    supervision = importlib.import_module("prime_jennie.infra.runtime.supervise")
    monkeypatch.setattr(supervision, "_on_done", lambda task: made.crashes.append(task))
    monkeypatch.setattr(transport, "PAUSES_SECS", (0.05,))
    monkeypatch.setattr(Backoff, "LONGEST_SECS", 0.1)
