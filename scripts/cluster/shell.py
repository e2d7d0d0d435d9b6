"""Run the machine's own programs and say what went wrong."""

import subprocess
from collections.abc import Mapping
from pathlib import Path

from scripts.cluster.packages import find


class CommandError(RuntimeError):
    """Raised for a command that failed, with what it said."""


def run(
    *arguments: str | Path,
    input: str | None = None,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    timeout_secs: float = 600.0,
) -> str:
    """Return what the command printed; CommandError when it fails, unless `check` is off."""
    words = [str(argument) for argument in arguments]
    program = find(words[0])
    if program is None:
        if not check:
            return ""
        raise CommandError(f"{words[0]} is not installed")
    done = subprocess.run(  # noqa: S603
        [program, *words[1:]], input=input, env=env, capture_output=True, text=True, timeout=timeout_secs, check=False
    )
    if check and done.returncode != 0:
        raise CommandError(f"{' '.join(words)} failed ({done.returncode}): {(done.stderr or done.stdout).strip()}")
    return done.stdout
