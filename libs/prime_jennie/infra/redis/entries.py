"""One stream entry: its fields, its limits and what makes it unreadable."""

import re
from collections.abc import Mapping
from typing import Final, Generic, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from prime_jennie.domain.errors import BadInput, field_path
from prime_jennie.domain.topics import SCHEMA_VERSION

T = TypeVar("T", bound=BaseModel)

MAX_PAYLOAD_BYTES: Final = 256 * 1024
_MESSAGE_ID: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class UnreadableError(Exception):
    """An entry that no retry can make readable; `reason` is one word for counting."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


class Entry(NamedTuple, Generic[T]):
    """A decoded entry."""

    message: T
    message_id: str
    payload: str
    traceparent: str | None


def encode(message: BaseModel, stream: str, message_id: str | None, traceparent: str | None) -> dict[str, str]:
    """Return the fields of an entry; raises BadInput for what no consumer would read."""
    payload = message.model_dump_json()
    if len(payload.encode()) > MAX_PAYLOAD_BYTES:
        raise BadInput(stream, "payload", f"is larger than {MAX_PAYLOAD_BYTES} bytes")
    fields = {"payload": payload, "version": SCHEMA_VERSION}
    if message_id is not None:
        if not _MESSAGE_ID.fullmatch(message_id):
            raise BadInput(stream, "id", "must be 1 to 128 of A-Z a-z 0-9 . _ : -")
        fields["id"] = message_id
    if traceparent is not None:
        fields["traceparent"] = traceparent
    return fields


def decode(stream: str, entry_id: str, fields: Mapping[str, str], model_type: type[T]) -> Entry[T]:
    """Return the entry's model; raises UnreadableError.

    The seeds' plain form, `payload` alone, is read too: its message id is then made of stream and entry id.
    """
    version = fields.get("version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise UnreadableError("unknown-version", f"version {version[:20]!r}, this consumer reads {SCHEMA_VERSION!r}")
    payload = fields.get("payload")
    if payload is None:
        raise UnreadableError("malformed", "no field 'payload'")
    if len(payload) > MAX_PAYLOAD_BYTES or len(payload.encode()) > MAX_PAYLOAD_BYTES:
        raise UnreadableError(
            "oversized", f"payload of {len(payload)} characters, {MAX_PAYLOAD_BYTES} bytes are allowed"
        )
    message_id = fields.get("id", f"{stream}:{entry_id}")
    if not _MESSAGE_ID.fullmatch(message_id):
        raise UnreadableError("malformed", "field 'id' is not a message id")
    traceparent = fields.get("traceparent")
    if traceparent is not None and not _TRACEPARENT.fullmatch(traceparent):
        traceparent = None  # tracing is a courtesy: a broken header costs no message
    return Entry(decode_payload(payload, model_type), message_id, payload, traceparent)


def decode_payload(payload: str, model_type: type[T]) -> T:
    """Return the model of a payload; raises UnreadableError."""
    try:
        return model_type.model_validate_json(payload)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        raise UnreadableError("malformed", f"{field_path(first['loc'])}: {first['msg']}") from error
