"""The list of what a run has started, so that the next run can end what a killed one left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from prime_jennie_operator.local.folder import write_atomically
from prime_jennie_operator.local.proc import boot_id, read_stat, sessions_members, signal_session


@dataclass(frozen=True, slots=True)
class Record:
    """One started process: the pid alone is not an identity, its start time makes it one."""

    name: str
    pid: int
    started: int


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What an earlier run left: its runner's pid and the processes that were still alive."""

    runner_pid: int
    ended: tuple[str, ...]
    killed: tuple[str, ...]

    def describe(self) -> str:
        if not self.ended:
            return f"an earlier run (process {self.runner_pid}) did not stop cleanly; none of its processes was left"
        names = ", ".join(self.ended)
        forced = f", {len(self.killed)} of them by force" if self.killed else ""
        return (
            f"an earlier run (process {self.runner_pid}) did not stop cleanly; "
            f"ended the {len(self.ended)} processes it left{forced}: {names}"
        )


class ProcessRegistry:
    """Keep the file of started processes; it exists exactly while a run has not stopped cleanly."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._records: dict[int, Record] = {}

    def open(self) -> None:
        self._records = {}
        self._write()

    def add(self, name: str, pid: int) -> None:
        """Write a process down right after its start; one that is gone already needs no entry."""
        stat = read_stat(pid)
        if stat is not None:
            self._records[pid] = Record(name, pid, stat.started)
            self._write()

    def remove(self, pid: int) -> None:
        if self._records.pop(pid, None) is not None:
            self._write()

    def close(self) -> None:
        self._path.unlink(missing_ok=True)

    def _write(self) -> None:
        content = {
            "boot": boot_id(),
            "runner": os.getpid(),
            "processes": [asdict(record) for record in self._records.values()],
        }
        write_atomically(self._path, json.dumps(content, indent=1))


async def end_leftovers(path: Path, grace_secs: float = 5.0) -> Leftovers | None:
    """End what the registry file still names: SIGTERM, wait, SIGKILL; None when the last run stopped cleanly.

    A pid whose start time differs belongs to somebody else by now and is left alone, as is everything after a reboot.
    """
    found = _read(path)
    if found is None:
        return None
    runner_pid, records = found
    alive = [record for record in records if _is_still(record)]
    for record in alive:
        signal_session(record.pid, signal.SIGTERM)
    await _until_gone(alive, grace_secs)
    stubborn = [record for record in alive if _is_still(record) or sessions_members([record.pid])]
    for record in stubborn:
        signal_session(record.pid, signal.SIGKILL)
    await _until_gone(stubborn, grace_secs)
    _forget(path)
    return Leftovers(runner_pid, tuple(r.name for r in alive), tuple(r.name for r in stubborn))


def _read(path: Path) -> tuple[int, list[Record]] | None:
    """Read the runner's pid and its processes; no records after a reboot, None without a readable file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        records = [Record(**record) for record in content["processes"]]
        return int(content["runner"]), records if content["boot"] == boot_id() else []
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None


def _forget(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _until_gone(records: list[Record], within_secs: float) -> None:
    deadline = time.monotonic() + within_secs
    while True:
        if time.monotonic() > deadline or not any(map(_is_still, records)):
            return
        await asyncio.sleep(0.05)


def _is_still(record: Record) -> bool:
    stat = read_stat(record.pid)
    return stat is not None and stat.started == record.started
