"""Log files of a folder, read from their end."""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

from prime_jennie.infra.logging import LONGEST_TRACE, mask_text

BLOCK_BYTES: Final = 64 * 1024
MOST_BYTES: Final = 16 * 1024 * 1024  # read back at most so far: a page must not read gigabytes
_SUFFIX: Final = ".log"
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})")


class LogFolder:
    """`NAME.log` is the log of service NAME; a line without a time belongs to the one before it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def services(self) -> list[str]:
        """Return the services that have a log; no name outside this list is ever opened."""
        return await asyncio.to_thread(self._services)

    async def newest(
        self, service: str, limit: int, *, since: datetime | None = None, until: datetime | None = None
    ) -> list[str]:
        """Return the newest lines within a span, oldest first, with secrets masked."""
        return await asyncio.to_thread(self._newest, service, limit, since, until)

    def _services(self) -> list[str]:
        return sorted(path.name.removesuffix(_SUFFIX) for path in self._folder.glob(f"*{_SUFFIX}") if path.is_file())

    def _newest(self, service: str, limit: int, since: datetime | None, until: datetime | None) -> list[str]:
        found: deque[str] = deque()
        tail: list[str] = []  # lines without a time of their own, newest first: they belong to the one before them
        for line in _from_the_end(self._folder / f"{service}{_SUFFIX}"):
            tail.append(line)
            at = _time_of(line)
            if at is None and len(tail) < limit:
                continue
            if since is not None and at is not None and at < since:
                break
            if until is None or at is None or at <= until:
                found.extendleft(tail)
            tail = []
            if len(found) >= limit:
                break
        else:
            found.extendleft(tail)
        return [mask_text(line, LONGEST_TRACE) for line in list(found)[-limit:]]


def _time_of(line: str) -> datetime | None:
    match = _TIME.search(line)
    try:
        return datetime.fromisoformat(match[0]) if match else None
    except ValueError:
        return None


def _from_the_end(path: Path) -> Iterator[str]:
    """Yield a file's lines, the last one first, block by block."""
    with path.open("rb") as file:
        end = file.seek(0, 2)
        oldest = max(0, end - MOST_BYTES)
        rest = b""
        while end > oldest:
            begin = max(oldest, end - BLOCK_BYTES)
            file.seek(begin)
            lines = (file.read(end - begin) + rest).split(b"\n")
            rest, end = lines[0], begin
            yield from (line.decode(errors="replace") for line in reversed(lines[1:]) if line)
        if rest and oldest == 0:
            yield rest.decode(errors="replace")
