"""What the API server answers when it does not do what it was asked, with its own sentence."""

# ruff: noqa: N818 - they are named as a caller says them: "except Conflict"

from __future__ import annotations

import json
import re
from typing import Any, Literal

from prime_jennie.infra.logging import mask_text

LONGEST_SENTENCE = 600
_DENIED = re.compile(r"ValidatingAdmissionPolicy .* denied request|admission webhook .* denied the request")


class KubeError(Exception):
    """Any refusal; `message` is the server's sentence, with secrets masked."""

    status = 0

    def __init__(self, message: str, *, reason: str = "", causes: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason
        self.causes = causes
        """Fields that the server named, such as `spec.selector`."""


class NotFound(KubeError):
    """There is no such object, or no such kind."""

    status = 404


class Conflict(KubeError):
    """Somebody else was faster: another resourceVersion or uid, or another manager's field."""

    status = 409


class AlreadyExists(Conflict):
    """An object of this name exists."""


class Gone(KubeError):
    """What was asked for is too old to be told."""

    status = 410


class Invalid(KubeError):
    """The object is wrong, or changes what must not change; asking again does not help."""

    status = 422

    @property
    def is_immutable(self) -> bool:
        return (
            "immutable" in self.message or "may not change" in self.message or "forbidden: updates to" in self.message
        )


class Forbidden(KubeError):
    """Rights, a quota or an admission rule stand against it; that may change without us."""

    status = 403

    @property
    def because(self) -> Literal["NamespaceTerminating", "QuotaExceeded", "AdmissionDenied", "Forbidden"]:
        text = self.message.lower()
        if "being terminated" in text:
            return "NamespaceTerminating"
        if "exceeded quota" in text or "failed quota" in text:
            return "QuotaExceeded"
        if " cannot " in text and " in api group " in text:
            return "Forbidden"
        return "AdmissionDenied"


class Unauthorized(KubeError):
    """The credentials are wrong or expired."""

    status = 401


class Unavailable(KubeError):
    """No answer, or none that says whether it was done: ask again later."""

    status = 503

    def __init__(self, message: str, *, reason: str = "", retry_after_secs: float | None = None) -> None:
        super().__init__(message, reason=reason)
        self.retry_after_secs = retry_after_secs


class NotLeading(KubeError):
    """This process does not hold the lease, so it must not write."""


def refusal(status: int, body: bytes, retry_after: str | None = None) -> KubeError:
    """Make the error of an answer that is not a success."""
    told = _status_object(body)
    message = mask_text(str(told.get("message") or f"HTTP {status}"), LONGEST_SENTENCE)
    reason = str(told.get("reason") or "")
    details = told.get("details") or {}
    causes = tuple(str(cause.get("field")) for cause in details.get("causes") or () if cause.get("field"))
    if status == 409 and reason == "AlreadyExists":
        return AlreadyExists(message, reason=reason)
    if _DENIED.search(message):  # by a rule of the cluster, whose author chooses the code; 422 where none is chosen
        return Forbidden(message, reason=reason, causes=causes)
    if status == 400:  # an object that cannot even be read is as wrong as one that is refused
        return Invalid(message, reason=reason, causes=causes)
    for kind in (Unauthorized, Forbidden, NotFound, Conflict, Gone, Invalid):
        if kind.status == status:
            return kind(message, reason=reason, causes=causes)
    if status == 429 or status >= 500:
        wait = retry_after or details.get("retryAfterSeconds")
        return Unavailable(message, reason=reason, retry_after_secs=_seconds(wait))
    return KubeError(f"HTTP {status}: {message}", reason=reason, causes=causes)


def _status_object(body: bytes) -> dict[str, Any]:
    """Read the server's Status; anything else, an error page of a proxy say, may hold anything and is not repeated."""
    try:
        told = json.loads(body)
    except ValueError:
        return {}
    return told if isinstance(told, dict) and told.get("kind") == "Status" else {}


def _seconds(told: object) -> float | None:
    try:
        return min(max(float(str(told)), 0.0), 60.0) if told is not None else None
    except ValueError:
        return None
