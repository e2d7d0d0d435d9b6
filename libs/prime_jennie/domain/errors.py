"""Name what can go wrong, so that each edge can answer with the right status."""

# ruff: noqa: N818 - they are named as a caller says them: "raise Unavailable"

from typing import Self

from pydantic import ValidationError

from prime_jennie.domain.model import Record, Timestamp


class ErrorResponse(Record):
    """Carry an error over HTTP (service-contracts §5.1)."""

    error: str
    detail: str | None = None
    service: str
    timestamp: Timestamp


class JennieError(Exception):
    """Base of every error that a caller can act on."""


class BadInput(JennieError):
    """Say which field of which file or message is wrong, and why; HTTP 400, exit status 2."""

    def __init__(self, where: str, field: str, reason: str) -> None:
        super().__init__(": ".join(part for part in (where, field, reason) if part))
        self.where = where
        self.field = field
        self.reason = reason

    @classmethod
    def from_validation(cls, where: str, error: ValidationError) -> Self:
        """Tell the first thing a model refused, with its path as the author wrote it."""
        first = error.errors(include_url=False, include_context=False)[0]
        reason = str(first["msg"]).removeprefix("Value error, ")
        return cls(where, field_path(first["loc"]), reason)


class Unavailable(JennieError):
    """A dependency did not answer; nothing was done; HTTP 503."""


class Conflict(JennieError):
    """The request contradicts what already exists (already held, duplicate order); HTTP 409."""


class NotFound(JennieError):
    """The named thing does not exist; HTTP 404."""


class RateLimited(JennieError):
    """The broker's or our own limit is exhausted; HTTP 429."""


class BrokerRefused(JennieError):
    """The broker answered definitely and said no; `code` is its own (EGW00201, APBK0918, …)."""

    def __init__(self, code: str, message: str, *, may_retry: bool = False) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.may_retry = may_retry
        """True where the same intent may be dispatched again (rate, token), see design §6."""


class OutcomeUnknown(JennieError):
    """An order may or may not have reached the exchange; ask with the same key, never send it anew."""


def field_path(loc: tuple[int | str, ...]) -> str:
    """Write a pydantic location as `risk.maxPositions` or `symbols[3].code`."""
    path = ""
    for part in loc:
        if isinstance(part, int):
            path += f"[{part}]"
        else:
            path += f".{part}" if path else part
    return path
