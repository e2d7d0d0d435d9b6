"""Programs that outlive the command that started them, found again by a mark that their whole family carries.

No file lists them: what is not written down cannot be forgotten when the command dies between a start and its note.
"""

import hashlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

MARK = "PRIME_JENNIE_NODE"
BETWEEN = "\x1f"  # the parts of a mark: whose, what, as described how, under which name; in no path
GONE_WITHIN_SECS = 10.0
SEEN_WITHIN_SECS = 10.0
LOOK_EVERY_SECS = 0.02


@dataclass(frozen=True)
class Daemon:
    """One program; other contents of `files` (its configuration) make it another one."""

    name: str
    command: list[str]
    files: tuple[Path, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def fingerprint(self) -> str:
        content = "\0".join([*self.command, *(file.read_text() for file in self.files)])
        return hashlib.sha256(content.encode()).hexdigest()[:12]


class Daemons:
    """The programs of one node; `owner` tells them from another node's."""

    def __init__(self, owner: str, logs: Path) -> None:
        self._owner = owner
        self._logs = logs

    def start(self, daemon: Daemon) -> bool:
        """Have it run as described; False when it did so already."""
        mark = BETWEEN.join([self._owner, daemon.name, daemon.fingerprint(), daemon.command[0]])
        for pid, found in self._programs(daemon.name):
            if found == mark:
                return False
            _end([pid])
        self._logs.mkdir(parents=True, exist_ok=True)
        with self.log(daemon.name).open("ab") as log:
            program = subprocess.Popen(  # noqa: S603
                daemon.command,
                env={**os.environ, **daemon.environment, MARK: mark},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd="/",
            )
        # The kernel lets us go on before it shows the new program's arguments: until then it would count as ended.
        deadline = time.monotonic() + SEEN_WITHIN_SECS
        while not self.is_running(daemon.name) and program.poll() is None and time.monotonic() < deadline:
            time.sleep(LOOK_EVERY_SECS)
        return True

    def log(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def is_running(self, name: str) -> bool:
        return bool(self._programs(name))

    def running(self) -> list[str]:
        """Name what runs."""
        names = {mark.split(BETWEEN)[1] for _, mark in _marked() if self._owns(mark)}
        return sorted(name for name in names if self.is_running(name))

    def stop(self, name: str) -> None:
        """End one program, not what it started."""
        _end([pid for pid, _ in self._programs(name)])

    def end_everything(self) -> None:
        """Kill what was started, what that started, and theirs: a container's process carries no mark of its own."""
        while family := _with_descendants([pid for pid, mark in _marked() if self._owns(mark)]):
            _end(family)

    def _programs(self, name: str) -> list[tuple[int, str]]:
        """Find the program itself, not what it started or left behind: those carry its mark under another name."""
        found = []
        for pid, mark in _marked():
            owner, of, _, first = mark.split(BETWEEN)
            if (owner, of) == (self._owner, name) and _first_argument(pid) == first:
                found.append((pid, mark))
        return found

    def _owns(self, mark: str) -> bool:
        return mark.startswith(self._owner + BETWEEN)


def owners() -> set[str]:
    """Name everybody whose programs run here."""
    return {mark.split(BETWEEN)[0] for _, mark in _marked()}


def _marked() -> Iterator[tuple[int, str]]:
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with suppress(OSError):
            for variable in (entry / "environ").read_bytes().split(b"\0"):
                name, _, mark = variable.decode(errors="replace").partition("=")
                if name == MARK and mark.count(BETWEEN) == 3 and _is_alive(int(entry.name)):
                    yield int(entry.name), mark


def _stat(pid: int) -> list[str]:
    """Read the fields behind the name: state, parent, group, session, …"""
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return []


def _is_alive(pid: int) -> bool:
    return _stat(pid)[:1] not in ([], ["Z"], ["X"])


def _parent(pid: int) -> int:
    fields = _stat(pid)
    return int(fields[1]) if fields else 0


def _first_argument(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode(errors="replace")
    return ""


def _with_descendants(pids: list[int]) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            children.setdefault(_parent(int(entry.name)), []).append(int(entry.name))
    found = dict.fromkeys(pids)
    waiting = list(pids)
    while waiting:
        for child in children.get(waiting.pop(), []):
            if child not in found:
                found[child] = None
                waiting.append(child)
    return [pid for pid in found if _is_alive(pid)]


def _end(pids: list[int]) -> None:
    """Kill and return when they are gone; a store without fsync loses nothing by it, only by a power cut."""
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + GONE_WITHIN_SECS
    while any(_is_alive(pid) for pid in pids):
        if time.monotonic() > deadline:
            raise TimeoutError(f"these processes do not end: {', '.join(map(str, pids))}")
        time.sleep(LOOK_EVERY_SECS)
