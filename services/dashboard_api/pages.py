"""Long lists in pages: a limit, an opaque cursor, and where the next page begins in a header."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Annotated, Final, TypeVar

from fastapi import Query, Response

from prime_jennie.domain.errors import BadInput

T = TypeVar("T")
NEXT_CURSOR: Final = "X-Next-Cursor"
LONGEST_PAGE: Final = 500
DEFAULT_PAGE: Final = 50


@dataclass(frozen=True)
class Page:
    """Which part of a list is wanted: `limit` entries after the first `offset`."""

    limit: int
    offset: int

    def close(self, found: list[T], response: Response) -> list[T]:
        """Return the page's entries, told apart from the one more that was asked for to know whether more follow."""
        if len(found) > self.limit:
            response.headers[NEXT_CURSOR] = _cursor(self.offset + self.limit)
        return found[: self.limit]

    @property
    def one_more(self) -> int:
        """Return how many entries to ask for."""
        return self.limit + 1


def page(
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE, description="entries of one page")] = DEFAULT_PAGE,
    cursor: Annotated[
        str | None, Query(max_length=40, description=f"the {NEXT_CURSOR} of the page before; absent: the first")
    ] = None,
) -> Page:
    """Read the query's page; a cursor that was not given out here is refused."""
    return Page(limit=limit, offset=0 if cursor is None else _offset(cursor))


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"o{offset}".encode()).decode().rstrip("=")


def _offset(cursor: str) -> int:
    try:
        text = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, ValueError):
        text = ""
    if not text.startswith("o") or not text[1:].isdecimal() or len(text) > 10:
        raise BadInput("query", "cursor", "is not a cursor of this service")
    return int(text[1:])
