"""A module run as a process of its own, forked from one that has imported everything: 2 s of CPU less than a new one.

What is forked is a real process with its own environment, signals and exit status. That `python -m` starts the same
modules is shown by the tests of the local runner, of `test_serve` and of each service's wrong input.
"""

import atexit
import multiprocessing
import multiprocessing.util
import os
import runpy
import signal
import subprocess
import sys
import weakref
from collections.abc import Mapping
from multiprocessing.context import ForkServerContext
from multiprocessing.reduction import DupFd
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

_PRELOADED = ["tests.support.warm_imports", "tests.support.warm_process"]


class WarmProcess:
    """`subprocess.Popen` as far as tests use it; stdout and stderr are appended to a log, by default one of its own."""

    def __init__(self, module: str, *arguments: str, env: Mapping[str, str], log: Path | None = None) -> None:
        self._log = _open_log(log)
        weakref.finalize(self, os.close, self._log)
        context: ForkServerContext = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(_PRELOADED)
        output = _Fd(self._log)
        self._process = context.Process(target=_become, args=(module, arguments, dict(env), output))
        self._process.start()
        assert self._process.pid is not None
        self.pid = self._process.pid

    def said(self) -> str:
        """Return what is in its log."""
        # Both processes share one position in the file: it is appended to, and read without moving it.
        return os.pread(self._log, os.fstat(self._log).st_size, 0).decode(errors="replace")

    def poll(self) -> int | None:
        """Return the exit status, negative for a signal, or nothing while it runs."""
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status; `subprocess.TimeoutExpired` when it runs on."""
        self._process.join(timeout)
        status = self._process.exitcode
        if status is None:
            raise subprocess.TimeoutExpired(self._process.name, timeout or 0)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


def _open_log(path: Path | None) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC
    if path is not None:
        return os.open(path, flags, 0o600)
    with NamedTemporaryFile() as made:
        return os.open(made.name, flags, 0o600)


class _Fd:
    """A file descriptor on its way into the new process."""

    def __init__(self, number: int) -> None:
        self._number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _taken, (DupFd(self._number),)


def _taken(passed: Any) -> int:
    number: int = passed.detach()
    return number


def _become(module: str, arguments: tuple[str, ...], env: dict[str, str], output: int) -> None:
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.environ.clear()
    os.environ.update(env)
    sys.argv = [module, *arguments]
    sys.modules.pop(f"{module}.__main__", None)
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def _end_the_rest() -> None:
    for process in multiprocessing.active_children():
        process.kill()


# Else this process would wait for what a failed test left running: `multiprocessing.util` waits for it in a hook of its
# own, which was registered when it was imported above, and so comes after this one.
atexit.register(_end_the_rest)
