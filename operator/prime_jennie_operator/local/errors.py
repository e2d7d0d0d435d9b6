"""What can keep a local run from starting, each with the one line that a person reads."""

# ruff: noqa: N818 - they are named as a person says them: "the run is in use"

from __future__ import annotations

from pathlib import Path


class LocalRunError(Exception):
    """Say in one line why a local run cannot start or go on; `exit_code` is the command's."""

    exit_code = 1


class RunInUse(LocalRunError):
    """Another run holds the folder."""

    exit_code = 2

    def __init__(self, folder: Path, pid: int | None) -> None:
        who = f"process {pid}" if pid else "another process"
        super().__init__(f"{folder}: in use by {who}; stop it first or choose another folder")
        self.pid = pid


class PortInUse(LocalRunError):
    """A port that the person named is taken."""

    exit_code = 2

    def __init__(self, name: str, port: int) -> None:
        super().__init__(f"port {port} ({name}): already in use; free it or leave the choice to the runner")


class BadObjects(LocalRunError):
    """The objects cannot be run here: an unknown Secret, a dependency circle, an unknown port name."""

    exit_code = 2


class RunBroken(LocalRunError):
    """Something that a run cannot do without has ended while it ran: better no run than one that only looks like it."""

    def __init__(self, what: str, why: BaseException | None) -> None:
        cause = "without a reason" if why is None else f"with {type(why).__name__}: {why}"
        super().__init__(f"{what} ended {cause}; the run is stopped")


class StartFailed(LocalRunError):
    """A process did not become ready in time, or a job failed; one that refused its settings blames the input."""

    def __init__(self, name: str, reason: str, log: Path, *, refused: bool = False) -> None:
        self.exit_code = 2 if refused else 1
        super().__init__(f"{name}: {reason} (log: {log})")
        self.name = name
