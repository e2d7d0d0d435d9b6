"""The exchange's memory: one line per happening, on disk before anybody is told."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType

from pydantic import ValidationError

from kis_simulator.exchange.events import EVENTS, DayOpened, Event
from prime_jennie.domain.errors import BadInput


class Journal:
    """Append batches of events; a batch is one line and so whole or absent.

    `path` None keeps nothing: for tests and throw-away exchanges.
    """

    def __init__(self, path: Path | None) -> None:
        """Bind the file; nothing is opened yet."""
        self.path = path
        self._descriptor: int | None = None

    def read(self) -> Iterator[list[Event]]:
        """Yield the batches written before; cut off a torn last line, refuse any other damage."""
        if self.path is None or not self.path.exists():
            return
        good_bytes = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    break
                try:
                    batch = EVENTS.validate_json(line)
                except ValidationError as error:
                    raise BadInput(str(self.path), f"line {number}", "is not a record of this exchange") from error
                good_bytes += len(line)
                yield batch
        if good_bytes < self.path.stat().st_size:
            os.truncate(self.path, good_bytes)

    def opening(self) -> DayOpened | None:
        """Return the first record, which names the journal's day; None where nothing is written yet."""
        first = next(self.read(), [])
        return first[0] if first and isinstance(first[0], DayOpened) else None

    def open(self) -> None:
        """Open for appending and lock it against a second exchange."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise BadInput(str(self.path), "journal", "is in use by another exchange") from error

    def append(self, events: Sequence[Event], *, durable: bool = True) -> None:
        """Write one batch; `durable` waits for the disk, else a killed process loses nothing but a dead machine may."""
        if self._descriptor is None:
            return
        records = [event.model_dump(mode="json", exclude_defaults=False) for event in events]
        line = json.dumps(records, ensure_ascii=False, separators=(",", ":")) + "\n"
        os.write(self._descriptor, line.encode())
        if durable:
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        """Close the file."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Journal:
        """Open for appending."""
        self.open()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the file."""
        self.close()
