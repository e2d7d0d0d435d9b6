"""Give redis-py's many-typed answers the one type that our connections have (RESP2, decoded)."""

from typing import Any

Fields = dict[str, str]


def stream_entries(answer: Any) -> list[tuple[str, Fields]]:
    """Return the entries of an XREAD or XREADGROUP of one stream; a trimmed one has no fields."""
    return [(entry_id, fields or {}) for entry_id, fields in answer[0][1]] if answer else []


def range_entries(answer: Any) -> list[tuple[str, Fields]]:
    """Return the entries of an XRANGE or XREVRANGE."""
    return list(answer)
