"""The secrets of this machine: made once, kept in one private file, handed out by Secret name and key."""

from __future__ import annotations

import base64
import json
import secrets
import string
from collections.abc import Callable, Mapping
from pathlib import Path

from prime_jennie.infra.tokens import mint
from prime_jennie_operator.desired.strategy import TOKEN_KEY, TOKEN_SUFFIX
from prime_jennie_operator.local.errors import BadObjects
from prime_jennie_operator.local.folder import write_atomically
from prime_jennie_operator.local.workloads import SecretRef

PLATFORM_SECRET = "prime-jennie"  # noqa: S105 — the Secret's name, as the chart calls it
DATABASE_SECRET = "prime-jennie-database"  # noqa: S105
KIS_SECRET = "kis-credentials"  # noqa: S105
NOTIFICATION_SECRET = "prime-jennie-notifications"  # noqa: S105
LLM_SECRET = "prime-jennie-llm"  # noqa: S105
FIGURES_SECRET = "prime-jennie-figures"  # noqa: S105
PLATFORM_KEYS = ("token-key", "encryption-key", "read-token", "operator-token")
# KIS issues app keys of 36 and secrets of 180 characters; the simulator insists on these lengths too.
APP_KEY_LENGTH, APP_SECRET_LENGTH = 36, 180


class LocalSecrets:
    """Answer secretKeyRefs as a cluster would; the values never appear in a repr, a log or an argument list."""

    def __init__(
        self,
        generated: Mapping[str, str],
        database_url: str,
        kis: Mapping[str, str] | None = None,
        prices_url: str | None = None,
        channels: Mapping[str, Mapping[str, str]] | None = None,
    ) -> None:
        self._token_key = generated["token-key"]
        self._secrets: dict[str, dict[str, str]] = {
            PLATFORM_SECRET: {key: generated[key] for key in PLATFORM_KEYS},
            DATABASE_SECRET: {"url": database_url, "prices-url": prices_url or database_url},
            KIS_SECRET: dict(kis) if kis else {key: generated[key] for key in ("app-key", "app-secret", "hts-id")},
            **{name: dict(keys) for name, keys in (channels or {}).items()},
        }

    def resolve(self, ref: SecretRef) -> str | None:
        """Look a reference up; a strategy's token is minted from the token key; None if absent and optional."""
        if ref.name.endswith(TOKEN_SUFFIX) and ref.key == TOKEN_KEY:
            return self.strategy_token(ref.name.removesuffix(TOKEN_SUFFIX))
        value = self._secrets.get(ref.name, {}).get(ref.key)
        if value is None and not ref.optional:
            raise BadObjects(f"Secret {ref.name}: no key {ref.key} on this machine")
        return value

    def strategy_token(self, strategy: str) -> str:
        """Mint the service token with which a strategy's processes speak to the gateway."""
        return mint(strategy, self._token_key)

    def platform(self, key: str) -> str:
        """Return one of the platform's own secrets, such as the read token."""
        return self._secrets[PLATFORM_SECRET][key]

    @property
    def database_url(self) -> str:
        return self._secrets[DATABASE_SECRET]["url"]

    def __repr__(self) -> str:
        return "LocalSecrets(…)"


def load_generated(path: Path) -> dict[str, str]:
    """Read the machine's generated secrets, making what is missing (file mode 0600)."""
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        known = {}
    except ValueError:
        raise BadObjects(f"{path}: not JSON; move it away to have new secrets generated") from None
    if not isinstance(known, dict) or not all(isinstance(value, str) and value for value in known.values()):
        raise BadObjects(f"{path}: not a mapping of names to texts; move it away to have new secrets generated")
    missing = {name: make() for name, make in _MAKERS.items() if name not in known}
    if missing or path.stat().st_mode & 0o077:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        known |= missing
        write_atomically(path, json.dumps(known, indent=1), mode=0o600)
    return known


def _characters(length: int) -> str:
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(length))


_MAKERS: dict[str, Callable[[], str]] = {
    "token-key": lambda: secrets.token_urlsafe(32),
    "encryption-key": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),  # Fernet's format
    "read-token": lambda: secrets.token_urlsafe(32),
    "operator-token": lambda: secrets.token_urlsafe(32),
    "app-key": lambda: "PS" + _characters(APP_KEY_LENGTH - 2),
    "hts-id": lambda: "JENNIE01",  # the simulator takes any login id, and sends fill notices only to one
    "app-secret": lambda: _characters(APP_SECRET_LENGTH),
}
