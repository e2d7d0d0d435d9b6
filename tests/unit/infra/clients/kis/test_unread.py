"""Whatever comes from the exchange and cannot be read is handed over with its reason, and the session goes on."""

import asyncio
import base64
import json
from datetime import UTC, datetime
from typing import Any, cast

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7
from pydantic import SecretStr
from websockets.asyncio.server import ServerConnection, serve

from prime_jennie.domain.errors import OutcomeUnknown, Unavailable
from prime_jennie.infra.clients.kis.auth import AppKey, Tokens
from prime_jennie.infra.clients.kis.calls import KisCalls
from prime_jennie.infra.clients.kis.transport import Answer, CallClass, Transport, no_limit
from prime_jennie.infra.clients.kis.websocket import KisWebSocketClient, SocketSettings
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.tasks import end_task
from tests.support.eventually import eventually

NOTICES, HTS_ID, KEY, IV = "H0STCNI0", "HTSID01", "k" * 32, "v" * 16
NOW = datetime(2025, 3, 10, 1, 0, tzinfo=UTC)


class Keyring:
    """Tokens without an exchange."""

    async def access(self) -> str:
        return "token"

    async def approval(self) -> str:
        return "approval"

    def refused(self, _kind: str, _secret: str) -> None:
        return None


class Wire:
    """Answers everything alike."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    async def get(self, *_: object) -> Answer:
        return self.answer

    async def post(self, *_: object) -> Answer:
        return self.answer


def encrypted(plain: str) -> str:
    padder = PKCS7(128).padder()
    padded = padder.update(plain.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(KEY.encode()), modes.CBC(IV.encode())).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def confirmation() -> str:
    """Confirm the notices' registration with their key, as the exchange does."""
    header = {"tr_id": NOTICES, "tr_key": HTS_ID}
    body = {"rt_cd": "0", "msg_cd": "OPSP0000", "msg1": "ok", "output": {"key": KEY, "iv": IV}}
    return json.dumps({"header": header, "body": body})


async def test_frames_that_no_layout_explains_are_handed_over_opened_where_their_key_opens_them() -> None:
    found: list[tuple[str, str]] = []
    frames = [
        "0|H0STCNT0|001|005930^093001",
        confirmation(),
        f"1|{NOTICES}|001|{encrypted('HTSID01^1234567801^too^short')}",
        f"1|{NOTICES}|001|no-cipher-text",
        "neither data nor JSON",
    ]

    async def exchange(connection: ServerConnection) -> None:
        for frame in frames:
            await connection.send(frame)
        await connection.wait_closed()

    async with serve(exchange, "127.0.0.1", 0) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        client = KisWebSocketClient(
            SocketSettings(f"ws://127.0.0.1:{port}", NOTICES, HTS_ID, 30.0, 0.05, 0.2),
            cast(Tokens, Keyring()),
            ManualClock(NOW),
            in_session=lambda: True,
            unread=lambda reason, text: found.append((reason, text)),
        )
        running = asyncio.create_task(client.run())
        await eventually(lambda: client.status.frames == len(frames))
        await end_task(running)
    assert found == [
        ("a trade of 2 fields", "0|H0STCNT0|001|005930^093001"),
        ("a notice of 4 fields", f"{NOTICES}|1|HTSID01^1234567801^too^short"),
        ("a notice that its key does not open", f"1|{NOTICES}|001|no-cipher-text"),
        ("a frame that is neither data nor JSON", "neither data nor JSON"),
    ]
    assert (client.status.bad_frames, client.status.reconnects) == (4, 0)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(502, "", b"<html>\xff</html>"), "TR1: HTTP 502 without JSON"),
        (Answer(200, "", b"[]"), "TR1: HTTP 200 with JSON that is no object"),
        (Answer(500, "", b'{"rt_cd":"1","msg_cd":"EGW00301","msg1":"look"}'), "TR1: EGW00301: look"),
    ],
)
async def test_an_answer_that_proves_nothing_is_handed_over_and_stays_unknown(answer: Answer, reason: str) -> None:
    found: list[tuple[str, str]] = []
    calls = KisCalls(
        cast(Transport, Wire(answer)),
        cast(Tokens, Keyring()),
        AppKey(SecretStr("k"), SecretStr("s")),
        no_limit,
        lambda told, text: found.append((told, text)),
    )
    with pytest.raises(OutcomeUnknown):
        await calls.send("/order", "TR1", {})
    with pytest.raises(Unavailable):
        await calls.read("/quote", "TR1", {}, CallClass.QUOTE)
    assert found == [(reason, answer.content.decode("utf-8", "replace"))] * 2


async def test_an_answer_that_is_read_is_handed_to_nobody() -> None:
    found: list[Any] = []
    answer = Answer(200, "", b'{"rt_cd":"0","msg_cd":"MCA00000","msg1":"ok"}')
    calls = KisCalls(
        cast(Transport, Wire(answer)),
        cast(Tokens, Keyring()),
        AppKey(SecretStr("k"), SecretStr("s")),
        no_limit,
        lambda *told: found.append(told),
    )
    await calls.send("/order", "TR1", {})
    assert found == []
