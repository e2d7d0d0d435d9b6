"""The bases: immutable, aware, and strict or lenient about unknown fields."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import ValidationError

from prime_jennie.domain.model import Message, Record, Timestamp


class Note(Record):
    at: Timestamp


class Wire(Message):
    at: Timestamp


def test_a_naive_timestamp_is_refused() -> None:
    with pytest.raises(ValidationError, match="timezone"):
        Note(at=datetime(2026, 2, 19, 10, 15))  # noqa: DTZ001 - the naive one is the point


def test_a_timestamp_is_utc_inside_and_on_the_wire() -> None:
    seoul = datetime(2026, 2, 19, 10, 15, tzinfo=timezone(timedelta(hours=9)))
    note = Note(at=seoul)
    assert note.at == seoul
    assert note.at.utcoffset() == timedelta(0)
    assert note.model_dump_json() == '{"at":"2026-02-19T01:15:00Z"}'


def test_a_record_refuses_unknown_fields_and_a_message_ignores_them() -> None:
    body = {"at": datetime(2026, 2, 19, tzinfo=UTC), "extra": 1}
    with pytest.raises(ValidationError, match="extra"):
        Note.model_validate(body)
    assert not hasattr(Wire.model_validate(body), "extra")


@pytest.mark.parametrize("kind", [Note, Wire])
def test_models_cannot_be_changed(kind) -> None:
    made = kind(at=datetime(2026, 2, 19, tzinfo=UTC))
    with pytest.raises(ValidationError, match="frozen"):
        made.at = datetime(2026, 2, 20, tzinfo=UTC)
