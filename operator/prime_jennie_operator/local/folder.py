"""Where a local run keeps its files: everything in one private folder."""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunFolder:
    """Name the places inside the folder of one run (mode 0700: logs and the database are the owner's business)."""

    root: Path

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def registry(self) -> Path:
        return self.root / "processes.json"

    @property
    def endpoints(self) -> Path:
        return self.root / "endpoints.json"

    @property
    def database(self) -> Path:
        return self.root / "jennie.sqlite3"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    def log(self, process: str) -> Path:
        return self.logs / f"{process}.log"

    def config_map(self, name: str) -> Path:
        return self.root / "config" / name

    def volume(self, process: str, volume: str) -> Path:
        return self.root / "volumes" / process / volume

    def create(self) -> None:
        """Make the folder and its log folder; what is older than a log stays readable as `NAME.previous.log`."""
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root.chmod(0o700)
        self.logs.mkdir(exist_ok=True)

    def forget_state(self) -> None:
        """Remove what a run stored: volumes, configurations, the database with its write-ahead files."""
        for folder in (self.root / "volumes", self.root / "config"):
            shutil.rmtree(folder, ignore_errors=True)
        for file in self.root.glob(f"{self.database.name}*"):
            file.unlink()

    def keep_previous_logs(self) -> None:
        for log in self.logs.glob("*.log"):
            if not log.name.endswith(".previous.log"):
                log.replace(previous_of(log))


def previous_of(log: Path) -> Path:
    """Name the one older file that is kept beside a log."""
    return log.with_name(f"{log.stem}.previous.log")


def write_atomically(path: Path, text: str, mode: int = 0o600) -> None:
    """Replace a file so that a reader, or a crash, sees the old text or the new one, never half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(mode)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
