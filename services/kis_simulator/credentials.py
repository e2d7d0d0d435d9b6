"""Access tokens and approval keys of the exchange's customers."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kis_simulator.exchange.events import ApprovalIssued, Event, TokenEnded, TokenIssued
from kis_simulator.limits import MINUTE, SlidingWindow
from prime_jennie.domain.errors import JennieError

APPKEY_LENGTH = 36
SECRET_LENGTH = 180
TOKEN_LIFE = timedelta(hours=24)
SAME_TOKEN_FOR = timedelta(hours=6)


def appkey_id(appkey: str) -> str:
    """Return a short name for an app key that tells nothing about it."""
    return hashlib.sha256(appkey.encode()).hexdigest()[:12]


class IssueRefused(JennieError):  # noqa: N818 a refusal is an answer, not an error of ours
    """A token request that is answered with error_code and HTTP 403."""

    def __init__(self, code: str, description: str) -> None:
        """Keep code and text."""
        super().__init__(code)
        self.code = code
        self.description = description


@dataclass
class Token:
    """One access token of one app key."""

    appkey_id: str
    text: str
    issued_at: datetime
    ended: bool = False

    def expired(self, now: datetime) -> bool:
        """Tell whether the token is past its life or was invalidated."""
        return self.ended or now >= self.issued_at + TOKEN_LIFE


class Credentials:
    """Issue and check tokens; any app key of 36 and secret of 180 characters will do, one secret per key."""

    def __init__(self, tokens_per_minute: int, record: Callable[[Sequence[Event]], None]) -> None:
        """Set the limit; `record` writes events to the journal."""
        self._per_minute = tokens_per_minute
        self._record = record
        self._issue_windows: dict[str, SlidingWindow] = {}
        self._secrets: dict[str, str] = {}
        self._tokens: dict[str, Token] = {}
        self._latest: dict[str, Token] = {}
        self._approvals: dict[str, tuple[str, datetime]] = {}
        self.tokens_issued = 0

    def apply(self, event: Event) -> None:
        """Take over one event of the journal."""
        match event:
            case TokenIssued():
                token = Token(event.appkey_id, event.token, event.at)
                self._secrets[event.appkey_id] = event.secret_digest
                self._tokens[event.token] = self._latest[event.appkey_id] = token
                self._window(event.appkey_id).admit(event.at)
                self.tokens_issued += 1
            case TokenEnded():
                for token in self._tokens.values():
                    token.ended = token.ended or token.appkey_id == event.appkey_id
            case ApprovalIssued():
                self._approvals[event.key] = (event.appkey_id, event.at)
            case _:
                pass

    def issue_token(self, appkey: str, secret: str, now: datetime) -> Token:
        """Return the token of the last six hours or a new one; at most the allowed number of requests a minute."""
        owner = self._check(appkey, secret)
        latest = self._latest.get(owner)
        known = latest is not None and not latest.expired(now) and now < latest.issued_at + SAME_TOKEN_FOR
        if not self._window(owner).admit(now):
            raise IssueRefused("EGW00133", "접근토큰 발급 잠시 후 다시 시도하세요(1분당 1회)")
        if known and latest is not None:
            return latest
        issued = TokenIssued(
            appkey_id=owner, secret_digest=_digest(secret), token=f"sim.{secrets.token_urlsafe(48)}", at=now
        )
        self._record([issued])
        token = Token(owner, issued.token, now)
        self._secrets[owner] = issued.secret_digest
        self._tokens[token.text] = self._latest[owner] = token
        self.tokens_issued += 1
        return token

    def issue_approval(self, appkey: str, secret: str, now: datetime) -> str:
        """Return a new approval key for WebSocket sessions."""
        owner = self._check(appkey, secret)
        key = secrets.token_hex(18)
        self._record([ApprovalIssued(appkey_id=owner, key=key, at=now)])
        self._approvals[key] = (owner, now)
        return key

    def approved(self, key: str, now: datetime) -> str | None:
        """Return the app key that an approval key belongs to, None when unknown or older than a day."""
        owner, issued_at = self._approvals.get(key, ("", now))
        return owner if owner and now < issued_at + TOKEN_LIFE else None

    def any_approved(self) -> bool:
        """Tell whether anybody may have had a WebSocket session."""
        return bool(self._approvals)

    def token(self, text: str) -> Token | None:
        """Return the token with this text."""
        return self._tokens.get(text)

    def end_tokens(self, owner: str, now: datetime) -> None:
        """Invalidate every token of an app key."""
        event = TokenEnded(appkey_id=owner, at=now)
        self._record([event])
        self.apply(event)

    def _check(self, appkey: str, secret: str) -> str:
        if len(appkey) != APPKEY_LENGTH:
            raise IssueRefused("EGW00103", "유효하지 않은 AppKey입니다.")
        owner = appkey_id(appkey)
        if len(secret) != SECRET_LENGTH or self._secrets.get(owner, _digest(secret)) != _digest(secret):
            raise IssueRefused("EGW00105", "유효하지 않은 AppSecret입니다.")
        return owner

    def _window(self, owner: str) -> SlidingWindow:
        return self._issue_windows.setdefault(owner, SlidingWindow(self._per_minute, MINUTE))


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
