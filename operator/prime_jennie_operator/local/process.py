"""One program kept running: started in a session of its own, restarted with backoff, stopped with patience."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from prime_jennie_operator.local.environment import Launch
from prime_jennie_operator.local.proc import signal_session
from prime_jennie_operator.local.registry import ProcessRegistry

FIRST_BACKOFF_SECS = 1.0
LONGEST_BACKOFF_SECS = 30.0
STABLE_AFTER_SECS = 30.0
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)

Report = Callable[[str, str], None]


def best_effort(report: Report) -> Report:
    """Say it if it can be said: a full disk or a reader that is gone must end nothing that is looked after."""

    def said(name: str, text: str) -> None:
        with suppress(OSError):
            report(name, text)

    return said


def next_backoff_secs(previous: float, lived_secs: float) -> float:
    """Double up to the longest; a program that lived long enough starts over at the first."""
    if lived_secs >= STABLE_AFTER_SECS or previous == 0:
        return FIRST_BACKOFF_SECS
    return min(previous * 2, LONGEST_BACKOFF_SECS)


def describe_exit(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"


class ManagedProcess:
    """Start a program, start it again whenever it ends, until stopped. Backoff is real time."""

    def __init__(self, name: str, launch: Launch, log: Path, registry: ProcessRegistry, report: Report) -> None:
        self.name = name
        self.log = log
        self.restarts = 0
        self.last_exit_code: int | None = None
        self._launch = launch
        self._registry = registry
        self._report = report
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Name the running process; None between an end and the next start."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if running and self._process else None

    async def start(self) -> asyncio.Task[None]:
        """Start it, and return what keeps it running: a task that ends with `stop` and not before."""
        process = await self._spawn()
        self._registry.add(self.name, process.pid)
        self._supervisor = asyncio.create_task(self._supervise(), name=f"supervision of {self.name}")
        return self._supervisor

    async def run_once(self, timeout_secs: float) -> int:
        """Run to the end without a restart (a Job) and return the exit code; one that takes too long is killed."""
        process = await self._spawn()
        try:
            self._registry.add(self.name, process.pid)
            return await asyncio.wait_for(process.wait(), timeout_secs)
        finally:
            signal_session(process.pid, signal.SIGKILL)
            await process.wait()
            self._registry.remove(process.pid)

    def kill(self, number: signal.Signals) -> int | None:
        """Signal the running process alone, as a fault would; the supervisor starts it again."""
        pid = self.pid
        if pid is not None:
            os.kill(pid, number)
        return pid

    async def stop(self, grace_secs: float) -> None:
        """Ask to end, wait, then end by force; nothing of its session is left."""
        self._stopping.set()
        process = self._process
        if process is not None and process.returncode is None:
            signal_session(process.pid, signal.SIGTERM)
            # A process that a fault has frozen can end only when it runs.
            signal_session(process.pid, signal.SIGCONT)
            try:
                await asyncio.wait_for(asyncio.shield(process.wait()), grace_secs)
            except TimeoutError:
                self._report(self.name, f"did not stop within {grace_secs:g} s and was killed")
                signal_session(process.pid, signal.SIGKILL)
            await process.wait()
        if self._supervisor is not None:
            await asyncio.wait([self._supervisor])

    async def _supervise(self) -> None:
        backoff_secs = 0.0
        while self._process is not None:
            started = time.monotonic()
            code = self.last_exit_code = await self._process.wait()
            signal_session(self._process.pid, signal.SIGKILL)
            with suppress(OSError):  # the list in memory is right, and the next write brings it
                self._registry.remove(self._process.pid)
            if self._stopping.is_set():
                return
            backoff_secs = next_backoff_secs(backoff_secs, time.monotonic() - started)
            self._report(self.name, f"{describe_exit(code)}; starts again in {backoff_secs:g} s")
            backoff_secs = await self._start_again(backoff_secs)
            if self._stopping.is_set():
                # The stop came between two lives and waits for us: a newborn has nothing to put in order.
                signal_session(self._process.pid, signal.SIGKILL)

    async def _start_again(self, backoff_secs: float) -> float:
        """Start after the pause, and after further ones while that fails; return the last pause, or once stopping."""
        while not await _is_set_within(self._stopping, backoff_secs):
            try:
                process = await self._spawn()
            except OSError as error:  # the disk or the table of processes is full, which passes
                backoff_secs = next_backoff_secs(backoff_secs, 0.0)
                self._report(self.name, f"cannot be started: {error}; tried again in {backoff_secs:g} s")
                continue
            self.restarts += 1
            with suppress(OSError):
                self._registry.add(self.name, process.pid)
            break
        return backoff_secs

    async def _spawn(self) -> asyncio.subprocess.Process:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *self._launch.argv,
                env=dict(self._launch.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with(os.getpid()),
            )
        return self._process


async def _is_set_within(event: asyncio.Event, secs: float) -> bool:
    with suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), secs)
    return event.is_set()


def _die_with(parent: int) -> Callable[[], None]:
    """Have the kernel send SIGTERM to the child when its runner dies; the registry is what can be relied on."""

    def prepare() -> None:
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:
            os._exit(0)

    return prepare
