"""Notice that a YAML file changed, by looking: editors replace files in too many ways to be told."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

POLL_SECS = 0.5


def fingerprint(paths: Sequence[Path]) -> str:
    """Hash the contents; a file that is missing for a moment (an editor at work) counts as empty."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes() if path.is_file() else b"")
        digest.update(b"\0")
    return digest.hexdigest()


async def watch(paths: Sequence[Path], on_change: Callable[[], Awaitable[None]]) -> None:
    """Call `on_change` after each change that has settled, until cancelled."""
    seen = fingerprint(paths)
    settling = seen
    while True:
        await asyncio.sleep(POLL_SECS)
        now = fingerprint(paths)
        if now != seen and now == settling:
            seen = now
            await on_change()
        settling = now
