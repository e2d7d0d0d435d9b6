"""The access token and the approval key: issued rarely, kept encrypted in SQL, renewed when the broker refuses them."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from pydantic import SecretStr

from prime_jennie.domain.errors import OutcomeUnknown
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.clients.kis.envelope import read_envelope, refusal
from prime_jennie.infra.clients.kis.transport import Answer, CallClass, Permit, Transport
from prime_jennie.infra.database.repositories.tokens import BrokerToken, TokenKind

EARLY_SECS = 60.0
_LIFE_SECS = 86_400.0
_PATHS: dict[TokenKind, str] = {"access": "/oauth2/tokenP", "approval": "/oauth2/Approval"}
_SECRET_NAMES: dict[TokenKind, str] = {"access": "appsecret", "approval": "secretkey"}
_ANSWERS: dict[TokenKind, str] = {"access": "access_token", "approval": "approval_key"}


class TokenStore(Protocol):
    """Where tokens survive a restart; the broker issues one a minute and tells its customer each time."""

    async def load(self, app_key: str, kind: TokenKind, *, now: datetime) -> BrokerToken | None: ...

    async def save(self, app_key: str, kind: TokenKind, token: BrokerToken) -> None: ...


@dataclass(frozen=True)
class AppKey:
    key: SecretStr
    secret: SecretStr


class Tokens:
    """Hand out one token of each kind to everybody: single flight, renewed 60 clock seconds before it ends."""

    def __init__(self, transport: Transport, app_key: AppKey, store: TokenStore, clock: Clock, permit: Permit) -> None:
        self._transport = transport
        self._app_key = app_key
        self._store = store
        self._clock = clock
        self._permit = permit
        self._locks: dict[TokenKind, asyncio.Lock] = {"access": asyncio.Lock(), "approval": asyncio.Lock()}
        self._current: dict[TokenKind, BrokerToken] = {}
        self._refused: dict[TokenKind, str] = {}

    async def access(self) -> str:
        """Return an access token that lives for at least another minute."""
        return await self._valid("access")

    async def approval(self) -> str:
        """Return the key that opens a WebSocket session."""
        return await self._valid("approval")

    def refused(self, kind: TokenKind, secret: str) -> None:
        """Never hand out this token again: the broker refused it, whatever its printed end."""
        self._refused[kind] = secret

    async def _valid(self, kind: TokenKind) -> str:
        kept = self._current.get(kind)
        if kept is not None and self._is_good(kind, kept):
            return kept.secret
        async with self._locks[kind]:
            kept = self._current.get(kind)
            if kept is None or not self._is_good(kind, kept):
                kept = await self._stored(kind) or await self._issue(kind)
                self._current[kind] = kept
            return kept.secret

    def _is_good(self, kind: TokenKind, token: BrokerToken) -> bool:
        in_time = self._clock.now() < token.expires_at - timedelta(seconds=EARLY_SECS)
        return in_time and token.secret != self._refused.get(kind)

    async def _stored(self, kind: TokenKind) -> BrokerToken | None:
        token = await self._store.load(self._app_key.key.get_secret_value(), kind, now=self._clock.now())
        return token if token is not None and self._is_good(kind, token) else None

    async def _issue(self, kind: TokenKind) -> BrokerToken:
        key = self._app_key.key.get_secret_value()
        request = {
            "grant_type": "client_credentials",
            "appkey": key,
            _SECRET_NAMES[kind]: self._app_key.secret.get_secret_value(),
        }
        headers = {"content-type": "application/json; charset=utf-8"}
        async with self._permit(CallClass.TOKEN):
            body = _issued(await self._transport.post(_PATHS[kind], headers, request))
        now = self._clock.now()
        end = now + timedelta(seconds=_life_secs(body))
        printed = _printed_end(body)
        if printed is not None and now < printed:
            # A repeated request inside six hours returns the same token, whose end is then less than a day away. An
            # end that has passed is the broker's clock differing from ours, not a token born dead.
            end = min(end, printed)
        token = BrokerToken(_text(body, _ANSWERS[kind]), issued_at=now, expires_at=end)
        if token.secret == self._refused.get(kind):
            raise refusal("TOKEN", "the broker issued the token that it refuses")
        await self._store.save(key, kind, token)
        return token


def _issued(answer: Answer) -> Mapping[str, Any]:
    """Read an answer of /oauth2, which has no rt_cd when it succeeds."""
    try:
        body = json.loads(answer.content)
    except (ValueError, UnicodeDecodeError):
        raise OutcomeUnknown(f"HTTP {answer.status} without JSON") from None
    if answer.status != 200 or not isinstance(body, dict):
        read_envelope(answer.status, "", answer.content)
        raise refusal("TOKEN", f"HTTP {answer.status}")
    return body


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value:
        raise refusal("TOKEN", f"the answer has no {name}")
    return value


def _life_secs(body: Mapping[str, Any]) -> float:
    try:
        return float(body["expires_in"])
    except (KeyError, TypeError, ValueError):
        return _LIFE_SECS


def _printed_end(body: Mapping[str, Any]) -> datetime | None:
    try:
        text = str(body["access_token_token_expired"])
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=KST)
    except (KeyError, ValueError):
        return None
