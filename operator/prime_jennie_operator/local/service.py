"""One running program as the runner, the progress view and the report see it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from prime_jennie_operator.local.ports import LOOPBACK
from prime_jennie_operator.local.process import ManagedProcess
from prime_jennie_operator.local.workloads import Workload


@dataclass(slots=True)
class Service:
    """A workload with its process; `ready` is what the latest probe said."""

    workload: Workload
    ports: dict[str, int]
    process: ManagedProcess
    ready: bool = False
    started: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def name(self) -> str:
        return self.workload.name

    @property
    def component(self) -> str:
        """Name the program (buy-scanner), whatever strategy it works for."""
        return self.workload.component

    @property
    def strategy(self) -> str | None:
        return self.workload.strategy

    @property
    def pid(self) -> int | None:
        return self.process.pid

    @property
    def restarts(self) -> int:
        return self.process.restarts

    @property
    def log(self) -> Path:
        return self.process.log

    @property
    def port(self) -> int | None:
        """Name the first port, which is HTTP for every service."""
        return next(iter(self.ports.values()), None)

    @property
    def probe_port(self) -> int | None:
        readiness = self.workload.readiness
        return None if readiness is None else self.ports.get(readiness.port, self.port)

    @property
    def speaks_http(self) -> bool:
        readiness = self.workload.readiness
        return readiness is not None and readiness.kind == "http"

    @property
    def url(self) -> str | None:
        """Address the port that answers probes, /health and /metrics."""
        return f"http://{LOOPBACK}:{self.probe_port}" if self.speaks_http else None
