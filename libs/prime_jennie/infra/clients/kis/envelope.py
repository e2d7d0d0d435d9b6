"""What an answer of KIS proves: done, definitely refused, or unknown.

A parsed envelope with a known code is definite whatever its HTTP status (kis-protocol §3, §4): gateway refusals
arrive as 500. EGW003xx ask to check the previous transaction, so the order may have been executed: unknown.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from prime_jennie.domain.errors import BrokerRefused, OutcomeUnknown

TOKEN_CODES = frozenset({"EGW00121", "EGW00122", "EGW00123"})
RATE_CODES = frozenset({"EGW00201", "EGW00215"})
TRY_AGAIN_CODES = TOKEN_CODES | RATE_CODES
_UNKNOWN_PREFIX = "EGW003"
_KNOWN_CODE = re.compile(r"[A-Z]{3,4}\d{4,5}|\d{8}")


def refusal(code: str, message: str) -> BrokerRefused:
    """Make the error of a definite no; limits and stale tokens allow the very same request again."""
    return BrokerRefused(code, message, may_retry=code in TRY_AGAIN_CODES)


@dataclass(frozen=True)
class Envelope:
    body: Mapping[str, Any]
    more: bool
    source: str | None = None

    def text(self, name: str) -> str:
        """Return a top-level field without its padding, "" when it is missing."""
        return str(self.body.get(name) or "").strip()

    def output(self, name: str = "output") -> Mapping[str, Any]:
        """Return one object block; KIS sometimes wraps a single object in a list."""
        block = self.body.get(name)
        if isinstance(block, list):
            block = block[0] if block else None
        if not isinstance(block, Mapping):
            raise OutcomeUnknown(f"the answer has no object {name!r}")
        return block

    def rows(self, name: str = "output") -> list[Mapping[str, Any]]:
        """Return one array block; a missing block is an error, never an empty answer."""
        block = self.body.get(name)
        if not isinstance(block, list) or not all(isinstance(row, Mapping) for row in block):
            raise OutcomeUnknown(f"the answer has no list {name!r}")
        return block


def read_envelope(status: int, tr_cont: str, content: bytes, source: str | None = None) -> Envelope:
    """Turn one HTTP answer into an envelope, or raise what it proves."""
    try:
        body = json.loads(content)
    except (ValueError, UnicodeDecodeError):
        raise OutcomeUnknown(f"HTTP {status} without JSON") from None
    if not isinstance(body, dict):
        raise OutcomeUnknown(f"HTTP {status} with JSON that is no object")
    rt_cd, code = body.get("rt_cd"), str(body.get("msg_cd") or "").strip()
    message = str(body.get("msg1") or "").strip()
    if "error_code" in body:  # token refusals do not use the envelope
        raise refusal(str(body["error_code"]), str(body.get("error_description") or "").strip())
    if code.startswith(_UNKNOWN_PREFIX):
        raise OutcomeUnknown(f"{code}: {message}")
    if not isinstance(rt_cd, str) or (rt_cd != "0" and not _KNOWN_CODE.fullmatch(code)):
        raise OutcomeUnknown(f"HTTP {status} without a known result code")
    if rt_cd != "0":
        raise refusal(code, message)
    if status != 200:
        raise OutcomeUnknown(f"HTTP {status} that says it succeeded")
    return Envelope(body, more=tr_cont.strip().upper() in {"F", "M"}, source=source)
