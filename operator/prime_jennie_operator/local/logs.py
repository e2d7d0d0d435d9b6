"""The services' log files shown together, each line with its service's name before it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

POLL_SECS = 0.2


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
                file.seek(start)
                text = file.read()
        except FileNotFoundError:
            return []
        complete = text[: text.rfind(b"\n") + 1]
        self._read_bytes[name] = start + len(complete)
        return complete.decode("utf-8", "replace").splitlines()


def last_line(path: Path) -> str:
    """Find the last line with text, which mostly says why a program ended; empty if there is none."""
    try:
        tail = path.read_bytes()[-4096:].decode("utf-8", "replace")
    except FileNotFoundError:
        return ""
    return next((line.strip() for line in reversed(tail.splitlines()) if line.strip()), "")
