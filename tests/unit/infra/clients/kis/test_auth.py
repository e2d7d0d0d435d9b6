"""One token for everybody: issued rarely, renewed early, never the one the broker refused."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from prime_jennie.domain.errors import BrokerRefused
from prime_jennie.infra.clients.kis.auth import AppKey, Tokens
from prime_jennie.infra.clients.kis.transport import Answer, Transport, no_limit
from prime_jennie.infra.database.repositories.tokens import BrokerToken, TokenKind
from prime_jennie.infra.fakes.clock import ManualClock

NOW = datetime(2025, 3, 4, 0, 30, tzinfo=UTC)
KEY = AppKey(SecretStr("K" * 36), SecretStr("S" * 180))


class Desk(Transport):
    """Issues numbered tokens, or whatever answers it was given."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Mapping[str, Any]]] = []
        self.answers: list[Answer] = []

    async def post(self, path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Answer:
        self.asked.append((path, body))
        await asyncio.sleep(0)
        if self.answers:
            return self.answers.pop(0)
        number = len(self.asked)
        return issued(access_token=f"token-{number}", approval_key=f"approval-{number}", expires_in=86400)


class Drawer:
    """Keeps tokens over a restart."""

    def __init__(self) -> None:
        self.kept: dict[TokenKind, BrokerToken] = {}

    async def load(self, app_key: str, kind: TokenKind, *, now: datetime) -> BrokerToken | None:
        token = self.kept.get(kind)
        return token if token is not None and token.expires_at > now else None

    async def save(self, app_key: str, kind: TokenKind, token: BrokerToken) -> None:
        self.kept[kind] = token


def issued(**body: Any) -> Answer:
    return Answer(200, "", json.dumps(body).encode())


def tokens(desk: Desk, drawer: Drawer | None = None, clock: ManualClock | None = None) -> Tokens:
    return Tokens(desk, KEY, drawer or Drawer(), clock or ManualClock(NOW), no_limit)


async def test_fifty_callers_share_one_request() -> None:
    desk = Desk()
    shared = tokens(desk)
    assert set(await asyncio.gather(*(shared.access() for _ in range(50)))) == {"token-1"}
    assert len(desk.asked) == 1


async def test_a_token_is_renewed_a_minute_before_it_ends() -> None:
    desk, clock = Desk(), ManualClock(NOW)
    shared = tokens(desk, clock=clock)
    await shared.access()
    clock.advance(86_400 - 61)
    assert await shared.access() == "token-1"
    clock.advance(2)
    assert await shared.access() == "token-2"


async def test_a_restarted_process_uses_the_stored_token() -> None:
    desk, drawer = Desk(), Drawer()
    await tokens(desk, drawer).access()
    assert await tokens(desk, drawer).access() == "token-1"
    assert len(desk.asked) == 1


async def test_a_refused_token_is_never_used_again_not_even_from_the_store() -> None:
    desk, drawer = Desk(), Drawer()
    shared = tokens(desk, drawer)
    shared.refused("access", await shared.access())
    assert await shared.access() == "token-2"
    assert drawer.kept["access"].secret == "token-2"


async def test_a_repeated_request_gives_the_old_token_with_its_old_end() -> None:
    # Issued 20 hours ago: it ends in four hours, whatever expires_in says.
    desk, clock = Desk(), ManualClock(NOW)
    end = NOW + timedelta(hours=4)
    desk.answers = [
        issued(access_token="old", expires_in=86400, access_token_token_expired="2025-03-04 13:30:00")  # KST
    ]
    shared = tokens(desk, clock=clock)
    await shared.access()
    clock.advance((end - NOW).total_seconds() - 30)
    assert await shared.access() == "token-2"


async def test_a_printed_end_in_the_past_is_another_clock_and_no_reason_to_ask_again() -> None:
    desk = Desk()
    desk.answers = [issued(access_token="t", expires_in=86400, access_token_token_expired="2020-01-01 00:00:00")]
    shared = tokens(desk)
    await shared.access()
    assert await shared.access() == "t"
    assert len(desk.asked) == 1


async def test_too_many_requests_are_a_refusal_with_its_code() -> None:
    desk = Desk()
    desk.answers = [Answer(403, "", b'{"error_code": "EGW00133", "error_description": "1/min"}')]
    with pytest.raises(BrokerRefused) as refused:
        await tokens(desk).access()
    assert refused.value.code == "EGW00133"


async def test_the_approval_key_is_asked_for_with_its_own_name_of_the_secret() -> None:
    desk = Desk()
    assert await tokens(desk).approval() == "approval-1"
    path, body = desk.asked[0]
    assert path == "/oauth2/Approval"
    assert set(body) == {"grant_type", "appkey", "secretkey"}


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b'{"access_token": ""}', b'{"access_token": 7}'])
async def test_an_answer_without_a_token_is_none(content: bytes) -> None:
    desk = Desk()
    desk.answers = [Answer(200, "", content)]
    with pytest.raises(Exception, match=r"JSON|token|HTTP"):
        await tokens(desk).access()
