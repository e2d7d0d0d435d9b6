"""What /proc knows about processes (identity that survives a reused pid, sessions, memory), and how to signal them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Stat:
    """The few fields of /proc/PID/stat that tell processes apart; `started` is in clock ticks since boot."""

    pid: int
    state: str
    session: int
    started: int


def read_stat(pid: int) -> Stat | None:
    """Read one process; None when there is none. Zombies count as gone."""
    try:
        text = (PROC / str(pid) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The second field is the program's name in brackets and may hold spaces: count from the last bracket.
    fields = text[text.rindex(")") + 2 :].split()
    stat = Stat(pid=pid, state=fields[0], session=int(fields[3]), started=int(fields[19]))
    return None if stat.state in "ZX" else stat


def boot_id() -> str:
    """Identify this boot: start times are only comparable within one."""
    return (PROC / "sys/kernel/random/boot_id").read_text().strip()


def sessions_members(sessions: Iterable[int]) -> list[int]:
    """List the living processes of the given sessions (each service is the leader of its own)."""
    wanted = set(sessions)
    members = []
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            stat = read_stat(int(entry.name))
            if stat is not None and stat.session in wanted:
                members.append(stat.pid)
    return sorted(members)


def signal_session(pid: int, number: signal.Signals) -> None:
    """Signal every process of the group that the program leads; nothing when none is left."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def pss_bytes(pids: Iterable[int]) -> int:
    """Sum the proportional set size: shared pages are counted once over all processes that map them."""
    total = 0
    for pid in pids:
        try:
            rollup = (PROC / str(pid) / "smaps_rollup").read_text()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))
    return total * 1024
