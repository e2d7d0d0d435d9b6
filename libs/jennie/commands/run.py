"""Services as local processes at the speed of real life, until somebody asks them to stop."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.local.assembly import Assembly
from prime_jennie_operator.local.logs import LogTail
from prime_jennie_operator.local.opening import follow_files, open_run
from prime_jennie_operator.local.run import LocalRun
from prime_jennie_operator.local.settings import LocalSettings
from prime_jennie_operator.local.signals import Interrupted, run_until_signal

# The built-in exchange has the prices of past days only: it leads the time, at the speed of the real one.
AT_REAL_SPEED = {"kisSimulator": {"rate": 1}}


def run_files(files: Sequence[Path], *, folder: Path, ports: Sequence[str], fresh: bool, show_logs: bool) -> None:
    """Run until a signal, which ends the run in order and is no failure."""
    settings = LocalSettings()
    assembly, run = open_run(
        files,
        folder,
        secrets_file=folder.parent / "secrets.json",
        settings=settings,
        overrides=AT_REAL_SPEED if settings.kis_env == "mock" else {},
        ports=explicit_ports(ports),
        fresh=fresh,
        report=_say,
    )
    with suppress(Interrupted):
        run_until_signal(_live(assembly, run, show_logs))
    _say("runner", "stopped; no process is left")


def explicit_ports(given: Sequence[str]) -> dict[str, int]:
    """Read NAME=PORT pairs; raise BadInput for anything else."""
    ports: dict[str, int] = {}
    for pair in given:
        name, _, number = pair.partition("=")
        if not name or not number.isdecimal() or not 1 <= int(number) <= 65535:
            raise BadInput("--port", pair, "must be NAME=PORT with a port from 1 to 65535, such as kis-gateway=8080")
        if name in ports or int(number) in ports.values():
            raise BadInput("--port", pair, "the name or the number stands twice")
        ports[name] = int(number)
    return ports


async def _live(assembly: Assembly, run: LocalRun, show_logs: bool) -> None:
    tail = LogTail(lambda: {name: service.log for name, service in run.services.items()}, _write)
    showing = asyncio.create_task(tail.follow()) if show_logs else None
    try:
        async with run:
            names = ", ".join(f"{s.name}:{s.port}" for s in run.services.values())
            _say("runner", f"running {names}; Ctrl-C stops; logs in {run.folder.logs}")
            await follow_files(assembly, run, _say)
    finally:
        if showing is not None:
            showing.cancel()


def _say(name: str, text: str) -> None:
    _write(f"{name}: {text}")


def _write(line: str) -> None:
    """Say it if it can be said: a full disk or a reader that is gone must not end what trades."""
    try:
        sys.stdout.write(line + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        # For good: what Python itself flushes at its end would fail, too, and change the exit status.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError:
        return
