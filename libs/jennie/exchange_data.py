"""Bring what the built-in exchange knows of the days before: a scout looks back a year, and has no file to read."""

from __future__ import annotations

from datetime import UTC, date, datetime

import httpx

from jennie.data import ImportSettings
from jennie.history import bring_history
from jennie.masters import bring_masters
from prime_jennie.domain.errors import BadInput, Unavailable
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.tls import trust

_MADE = "synthetic"


async def bring_exchange(control_url: str, database_url: str | None = None) -> list[str]:
    """Store its listings and the year of bars before its day; return a line for each.

    Raises BadInput for an exchange that plays somebody's own prices, and Unavailable with the reason.
    """
    url = database_url or ImportSettings().database_url
    day, seed = await _played(control_url)
    db = Database(url)
    try:
        listed = await bring_masters(control_url, db, at=datetime.now(UTC))
    finally:
        await db.close()
    bars = await bring_history(url, before=day, folder=None, prices_url=url, seed=seed)
    return [f"{control_url}: {listed:,} listings", bars]


async def _played(control_url: str) -> tuple[date, int]:
    """Return the day and the seed that an exchange plays."""
    try:
        async with httpx.AsyncClient(base_url=control_url, timeout=30, trust_env=False, verify=trust()) as http:
            told = (await http.get("/control/stats")).raise_for_status().json()
        day, seed, source = date.fromisoformat(told["day"]), int(told["seed"]), str(told["data_source"])
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Unavailable(f"no exchange answers at {control_url}: {error}") from None
    except (ValueError, KeyError, TypeError):
        raise BadInput("URL", control_url, "what answers there is no control port of kis-simulator") from None
    if source != _MADE:
        raise BadInput("URL", control_url, f"it plays {source} prices: bring those with `jennie data import FILE...`")
    return day, seed
