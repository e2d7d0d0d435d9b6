"""The services' log files: kept small, and shown together, each line with its service's name before it."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from prime_jennie_operator.local.folder import previous_of

POLL_SECS = 0.2
BIGGEST_BYTES = 20_000_000
TAIL_BYTES = 4096


class LogTail:
    """Follow log files that processes write themselves: nothing is lost if nobody watches, nobody waits for us."""

    def __init__(self, logs: Callable[[], Mapping[str, Path]], write: Callable[[str], None]) -> None:
        self._logs = logs
        self._write = write
        self._read_bytes: dict[str, int] = {}

    async def follow(self) -> None:
        """Write new lines until cancelled, then what is left."""
        try:
            while True:
                self.write_new()
                await asyncio.sleep(POLL_SECS)
        finally:
            self.write_new()

    def write_new(self) -> None:
        """Write the complete lines that were added since the last call."""
        logs = self._logs()
        width = max((len(name) for name in logs), default=0)
        for name, path in logs.items():
            for line in self._new_lines(name, path):
                self._write(f"{name:<{width}} | {line}")

    def _new_lines(self, name: str, path: Path) -> list[str]:
        start = self._read_bytes.get(name, 0)
        try:
            with path.open("rb") as file:
                if file.seek(0, os.SEEK_END) < start:  # it was rotated
                    start = 0
                file.seek(start)
                text = file.read()
        except OSError:
            return []
        complete = text[: text.rfind(b"\n") + 1]
        self._read_bytes[name] = start + len(complete)
        return complete.decode("utf-8", "replace").splitlines()


def rotate(log: Path, biggest_bytes: int = BIGGEST_BYTES) -> bool:
    """Move a log that has grown too big into the one older file that is kept; OSError leaves it as it is.

    Its process goes on writing to the same open file, so that is copied and emptied; it appends, and thus begins anew.
    A line of the instant between the two can be lost.
    """
    if log.stat().st_size <= biggest_bytes:
        return False
    with log.open("r+b") as full, previous_of(log).open("wb") as kept:
        shutil.copyfileobj(full, kept)
        full.truncate(0)
    return True


def last_line(path: Path) -> str:
    """Find the last line with text, which mostly says why a program ended; empty if there is none."""
    try:
        with path.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL_BYTES))
            tail = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return next((line.strip() for line in reversed(tail.splitlines()) if line.strip()), "")
