"""Notice that a YAML file changed, by looking: editors replace files in too many ways to be told."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

POLL_SECS = 0.5


def fingerprint(paths: Sequence[Path]) -> str:
    """Hash the contents; a file that is missing for a moment (an editor at work) counts as empty.

    One that cannot be read counts as its error: becoming so is a change, which whoever reads it then tells.
    """
    digest = hashlib.sha256()
    for path in paths:
        try:
            digest.update(path.read_bytes() if path.is_file() else b"")
        except OSError as error:
            digest.update(repr(error).encode())
        digest.update(b"\0")
    return digest.hexdigest()


async def watch(paths: Sequence[Path], on_change: Callable[[], Awaitable[bool]]) -> None:
    """Call `on_change` after each change that has settled, and again until it says that it took it; until cancelled."""
    seen = fingerprint(paths)
    settling = seen
    while True:
        await asyncio.sleep(POLL_SECS)
        now = fingerprint(paths)
        if now != seen and now == settling and await on_change():
            seen = now
        settling = now
