"""Have the bars of the days before in a run's database, as its owner would with `jennie data import`."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import date
from pathlib import Path

from prime_jennie.domain.errors import Unavailable


async def bring_history(database_url: str, *, before: date, folder: Path | None, prices_url: str, seed: int) -> str:
    """Bring them and return a line about it. Raises Unavailable with the reason.

    A process of its own does it: reading a market takes some 250 MB that nobody needs afterwards.
    """
    told = {"DATABASE_URL": database_url, "PRICES_URL": prices_url, "JENNIE_DATA": str(folder or ""), "SEED": str(seed)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "jennie.history_store"),
        env={**os.environ, **told, "BEFORE": before.isoformat()},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode != 0:
        reason = errors.decode(errors="replace").strip().splitlines()
        raise Unavailable(f"the days before were not brought: {reason[-1] if reason else process.returncode}")
    return out.decode().strip()
