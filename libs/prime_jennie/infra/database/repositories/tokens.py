"""Keep the broker's tokens encrypted, so that a restart or a standby asks for none."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from cryptography.fernet import Fernet, InvalidToken

from prime_jennie.domain.errors import BadInput
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.ownership import BrokerTokenRow
from prime_jennie.infra.database.upsert import upsert

TokenKind = Literal["access", "approval"]


@dataclass(frozen=True)
class BrokerToken:
    """A token of the broker; its text is a secret and stays out of repr."""

    secret: str
    issued_at: datetime
    expires_at: datetime

    def __repr__(self) -> str:
        return f"BrokerToken(expires_at={self.expires_at:%Y-%m-%dT%H:%M:%SZ})"


class TokenRepository:
    """Tokens by app key; `encryption_key` is JENNIE_ENCRYPTION_KEY, 32 bytes in url-safe base64."""

    def __init__(self, db: Database, encryption_key: str) -> None:
        self._db = db
        try:
            self._cipher = Fernet(encryption_key)
        except ValueError as error:
            raise BadInput("JENNIE_ENCRYPTION_KEY", "", "must be 32 bytes in url-safe base64") from error

    async def save(self, app_key: str, kind: TokenKind, token: BrokerToken) -> None:
        """Store the token in place of the one before."""
        row = {
            "app_key_hash": app_key_hash(app_key),
            "kind": kind,
            "secret": self._cipher.encrypt(token.secret.encode()).decode(),
            "issued_at": token.issued_at,
            "expires_at": token.expires_at,
        }
        keys = ("app_key_hash", "kind")
        await self._db.write(lambda session: upsert(session, BrokerTokenRow, [row], keys=keys))

    async def load(self, app_key: str, kind: TokenKind, *, now: datetime) -> BrokerToken | None:
        """Return the stored token; None when there is none, it expired, or another key encrypted it."""
        key = (app_key_hash(app_key), kind)
        row = await self._db.read(lambda session: session.get(BrokerTokenRow, key))
        if row is None or row.expires_at <= now:
            return None
        try:
            secret = self._cipher.decrypt(row.secret.encode()).decode()
        except InvalidToken:
            return None
        return BrokerToken(secret, row.issued_at, row.expires_at)


def app_key_hash(app_key: str) -> str:
    """Name an app key without telling it."""
    return hashlib.sha256(app_key.encode()).hexdigest()
