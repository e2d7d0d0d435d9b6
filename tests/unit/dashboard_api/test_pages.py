"""Pages neither lose nor repeat, and take no cursor from elsewhere."""

import pytest
from fastapi import Response

from dashboard_api.pages import NEXT_CURSOR, page
from prime_jennie.domain.errors import BadInput


def test_walking_the_pages_meets_every_entry_once() -> None:
    entries = list(range(7))
    seen: list[int] = []
    cursor: str | None = None
    while True:
        response, at = Response(), page(3, cursor)
        seen += at.close(entries[at.offset : at.offset + at.one_more], response)
        cursor = response.headers.get(NEXT_CURSOR)
        if cursor is None:
            break
    assert seen == entries


def test_a_last_page_that_is_exactly_full_has_no_next() -> None:
    response, at = Response(), page(3, None)
    assert at.close([1, 2, 3], response) == [1, 2, 3]
    assert NEXT_CURSOR not in response.headers


@pytest.mark.parametrize("cursor", ["", "x", "bm9wZQ", "b-1", "bzEuNQ", "by0x", "ｏ", "bzk5OTk5OTk5OTk5OTk5"])
def test_a_foreign_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadInput, match="cursor"):
        page(3, cursor)
