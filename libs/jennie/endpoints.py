"""Where a local run listens, read from the file that the runner keeps while it lives."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

LOOPBACK = "127.0.0.1"


class RunningService(BaseModel):
    """One process of a run."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    component: str
    strategy: str | None
    ports: dict[str, int]

    @property
    def url(self) -> str:
        """Address the port that answers /health: `control` where there is one, else the first."""
        return f"http://{LOOPBACK}:{self.ports.get('control', next(iter(self.ports.values())))}"


class Endpoints(BaseModel):
    """One run."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pid: int
    redis_url: str
    database_url: str
    account_no: str | None = None
    strategies: tuple[str, ...]
    closures: Path | None = None
    schedules: tuple[dict[str, Any], ...] = ()
    services: dict[str, RunningService]

    def service(self, component: str) -> RunningService | None:
        return next((s for s in self.services.values() if s.component == component), None)


def running(folder: Path) -> Endpoints | None:
    """Find the newest run below a folder whose runner still lives."""
    files = sorted(folder.glob("**/endpoints.json"), key=lambda file: file.stat().st_mtime, reverse=True)
    for file in files:
        try:
            found = Endpoints.model_validate_json(file.read_bytes())
            os.kill(found.pid, 0)
        except (OSError, ValidationError):
            continue
        return found
    return None
