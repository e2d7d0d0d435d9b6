"""Who may look and who may act: bearer tokens, compared in constant time, never taken from an address."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from fastapi import HTTPException, Request
from prometheus_client import Counter
from pydantic import SecretStr

from dashboard_api.config import DashboardSettings

REFUSED: Final = Counter("jennie_dashboard_refused_total", "Calls without a token that allows them", ["why"])
PROTOCOL_PREFIX: Final = "bearer."
"""A browser's WebSocket cannot set headers: it may offer the token as the protocol `bearer.<token>`."""


class Right(IntEnum):
    """What a token allows."""

    READ = 1
    OPERATE = 2


class Access:
    """Judge callers by the two tokens; with neither configured nobody gets in."""

    def __init__(self, settings: DashboardSettings) -> None:
        known = ((settings.operator_token, Right.OPERATE), (settings.read_token, Right.READ))
        self._known = [(_bytes(token), right) for token, right in known if token is not None]

    def right_of(self, token: str) -> Right | None:
        """Return what a token allows, None for an unknown one; every known token is compared, found or not."""
        offered = token.encode()
        rights = [right for known, right in self._known if hmac.compare_digest(known, offered)]
        return max(rights, default=None)

    def demand(self, authorization: str | None, right: Right) -> None:
        """Let a caller pass or raise 401, 403 or, where no token is configured at all, 503."""
        if not self._known:
            REFUSED.labels("not-configured").inc()
            raise HTTPException(503, "no token is configured: set JENNIE_READ_TOKEN or JENNIE_OPERATOR_TOKEN")
        scheme, _, token = (authorization or "").partition(" ")
        found = self.right_of(token.strip()) if scheme.lower() == "bearer" else None
        if found is None:
            REFUSED.labels("no-token" if authorization is None else "wrong-token").inc()
            raise HTTPException(401, "a bearer token is needed", {"WWW-Authenticate": "Bearer"})
        if found < right:
            REFUSED.labels("read-only").inc()
            raise HTTPException(403, "this token may only look")

    def protocol_that_may_read(self, authorization: str | None, protocols: Iterable[str]) -> tuple[bool, str | None]:
        """Tell whether a WebSocket may open, and which offered protocol to confirm."""
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() == "bearer" and self.right_of(token.strip()) is not None:
            return True, None
        for protocol in protocols:
            if protocol.startswith(PROTOCOL_PREFIX) and self.right_of(protocol.removeprefix(PROTOCOL_PREFIX)):
                return True, protocol
        REFUSED.labels("socket").inc()
        return False, None


async def may_read(request: Request) -> None:
    """Demand a token that may look."""
    _access(request).demand(request.headers.get("authorization"), Right.READ)


async def may_operate(request: Request) -> None:
    """Demand a token that may change something."""
    _access(request).demand(request.headers.get("authorization"), Right.OPERATE)


def _access(request: Request) -> Access:
    access: Access = request.app.state.access
    return access


def _bytes(token: SecretStr) -> bytes:
    return token.get_secret_value().encode()
