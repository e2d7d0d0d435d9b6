"""The Secrets that a strategy's pods read: are they there, what signs tokens, have their contents changed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from prime_jennie_operator.desired.platform import common_env, slack_env
from prime_jennie_operator.desired.values import PlatformValues
from prime_jennie_operator.kube.api import KubeApi
from prime_jennie_operator.kube.errors import Forbidden
from prime_jennie_operator.kube.kinds import SECRET
from prime_jennie_operator.manifest import Manifest

TOKEN_KEY: Final = "token-key"  # noqa: S105 — a key's name
READ_TOKEN: Final = "read-token"  # noqa: S105
_PRINT_LENGTH: Final = 16


@dataclass(frozen=True, slots=True)
class Needed:
    """One key of one Secret."""

    secret: str
    key: str
    is_optional: bool = False


@dataclass(frozen=True, slots=True)
class SecretsFound:
    """What a namespace's Secrets say; no value of them is ever told."""

    missing: tuple[str, ...]
    """What is not there and should be, as sentences."""
    token_key: str | None = field(default=None, repr=False)
    read_token: str | None = field(default=None, repr=False)
    redis_url: str | None = field(default=None, repr=False)
    contents_print: str | None = None
    """Changes with the contents that pods read. It is keyed, so that nobody can try passwords against it."""


def needed_by_pods(values: PlatformValues) -> tuple[Needed, ...]:
    """List what the environment of a strategy's pods takes from Secrets of the platform."""
    return tuple(_references([*common_env(values), *slack_env(values)]))


async def read_secrets(api: KubeApi, namespace: str, values: PlatformValues) -> SecretsFound:
    """Read each Secret once, by its name."""
    platform = values.secrets.platform
    needed = (*needed_by_pods(values), Needed(platform, TOKEN_KEY), Needed(platform, READ_TOKEN, is_optional=True))
    found: dict[str, Mapping[str, str] | str] = {}
    for name in dict.fromkeys(one.secret for one in needed):
        try:
            found[name] = _contents(await api.get(SECRET, namespace, name))
        except Forbidden as error:
            found[name] = f"Secret {name} cannot be read: {error.message}"
    return judged(needed, found, values)


def judged(
    needed: Iterable[Needed], found: Mapping[str, Mapping[str, str] | str], values: PlatformValues
) -> SecretsFound:
    """Say what is missing; `found` has each Secret's contents, or why there are none."""
    contents: dict[tuple[str, str], str] = {}
    missing: dict[str, None] = {}
    for one in needed:
        told = found[one.secret]
        value = "" if isinstance(told, str) else told.get(one.key, "")
        if value:
            contents[one.secret, one.key] = value
        elif not one.is_optional:
            missing[told if isinstance(told, str) and told else f"Secret {one.secret} has no key {one.key}"] = None
    platform = values.secrets.platform
    token_key = contents.pop((platform, TOKEN_KEY), None)
    read_token = contents.pop((platform, READ_TOKEN), None)
    return SecretsFound(
        missing=tuple(missing),
        token_key=token_key,
        read_token=read_token,
        redis_url=contents.get((values.redis.existing_secret, "url")),
        contents_print=None if token_key is None else _print_of(contents, token_key),
    )


def _references(env: Iterable[Mapping[str, Any]]) -> Iterable[Needed]:
    for entry in env:
        told = entry.get("valueFrom", {}).get("secretKeyRef")
        if told is not None:
            yield Needed(told["name"], told["key"], bool(told.get("optional", False)))


def _contents(secret: Manifest | None) -> Mapping[str, str] | str:
    if secret is None:
        return ""
    found = {}
    for key, value in (secret.get("data") or {}).items():
        try:
            found[str(key)] = base64.b64decode(value).decode()
        except (ValueError, binascii.Error):
            continue  # no text: no program of ours could take it
    return found


def _print_of(contents: Mapping[tuple[str, str], str], key: str) -> str:
    text = json.dumps(sorted((*name, value) for name, value in contents.items()))
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()[:_PRINT_LENGTH]
