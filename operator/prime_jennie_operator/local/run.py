"""A set of desired objects as running processes, from the first start to the last stop."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from redis.exceptions import RedisError

from prime_jennie.infra.clock import VirtualClock
from prime_jennie.infra.redis.server import find_server_binary
from prime_jennie.infra.tls import trust
from prime_jennie_operator.desired.closures import CALENDAR, CLOSURES_FILE
from prime_jennie_operator.firing.runner import ScheduleRunner
from prime_jennie_operator.firing.turns import NAME as SCHEDULES
from prime_jennie_operator.live_config import Announced, LiveConfigChannel, announced_in
from prime_jennie_operator.local.environment import Machine
from prime_jennie_operator.local.errors import StartFailed
from prime_jennie_operator.local.folder import RunFolder, write_atomically
from prime_jennie_operator.local.lock import FolderLock
from prime_jennie_operator.local.logs import last_line, rotate
from prime_jennie_operator.local.ports import LOOPBACK, PortClaims, PortMap, allocate
from prime_jennie_operator.local.probes import ask_health, is_ready
from prime_jennie_operator.local.proc import pss_bytes, sessions_members
from prime_jennie_operator.local.process import ManagedProcess, Report, best_effort, describe_exit
from prime_jennie_operator.local.registry import Leftovers, ProcessRegistry, end_leftovers
from prime_jennie_operator.local.schedules import Place, fire_here
from prime_jennie_operator.local.secrets import LocalSecrets
from prime_jennie_operator.local.service import Service
from prime_jennie_operator.local.upkeep import Upkeep
from prime_jennie_operator.local.workloads import Workload, read_workloads, service_targets
from prime_jennie_operator.manifest import Manifest, name_of, of_kind
from prime_jennie_operator.resources import ScoutSchedule

READY_TIMEOUT_SECS = 90.0
JOB_TIMEOUT_SECS = 120.0
SCHEDULES_WITHIN_SECS = 10.0
READY_POLL_SECS = 0.1
WATCH_POLL_SECS = 2.0
LOGS_POLL_SECS = 5.0
STOP_GRACE_SECS = 8.0
REDIS = "redis"
REFUSES_ITS_SETTINGS = 2  # exit status of a program that will never start with what it was given
STARTS_TO_GIVE_UP = 3
VIRTUAL_CLOCK = "JENNIE_CLOCK"


def say_nothing(_name: str, _text: str) -> None:
    return


class LocalRun:
    """Run desired objects in a folder; `async with` starts them all and stops them all.

    What looks after the processes ends with the run and not before: else the block is cancelled, all is stopped and
    RunBroken says why.

    `report(process, text)` is told what a person should know: leftovers ended, exits, restarts, readiness. One that
    raises OSError costs its line and nothing else.
    `ports` names explicit ports (`{"kis-gateway": 8080}`): one that is taken is an error, all others move aside.
    `fresh` forgets what an earlier run stored (database, streams, journals); logs and secrets stay.
    `schedules` are fired while the run lives; an earlier run's slots are not run again.
    """

    def __init__(
        self,
        objects: Sequence[Manifest],
        folder: Path,
        secrets: LocalSecrets,
        *,
        schedules: Sequence[ScoutSchedule] = (),
        ports: Mapping[str, int] | None = None,
        report: Report = say_nothing,
        fresh: bool = False,
        ready_timeout_secs: float = READY_TIMEOUT_SECS,
    ) -> None:
        self.folder = RunFolder(folder.resolve())
        self.services: dict[str, Service] = {}
        self.leftovers: Leftovers | None = None
        self._objects = list(objects)
        self._secrets = secrets
        self._explicit_ports = dict(ports or {})
        self._report = best_effort(report)
        self._fresh = fresh
        self._ready_timeout_secs = ready_timeout_secs
        self._lock = FolderLock(self.folder.lock)
        self._registry = ProcessRegistry(self.folder.registry)
        self._claims = PortClaims()
        self._ports: PortMap = {}
        self._done_jobs: dict[str, Workload] = {}
        self._announced: dict[str, Announced] = {}
        self._channel: LiveConfigChannel | None = None
        self._client = httpx.AsyncClient(trust_env=False, verify=trust())  # a proxy is no way to this machine
        self._upkeep = Upkeep(self._report)
        self._schedules = tuple(schedules)
        self._firing: ScheduleRunner | None = None

    async def __aenter__(self) -> Self:
        self._upkeep.of_this_block()
        try:
            await self.start()
        except asyncio.CancelledError:
            self._upkeep.raise_broken()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()
        if kind is asyncio.CancelledError:
            self._upkeep.raise_broken()

    async def start(self) -> None:
        """Take the folder, end leftovers, start everything in order; on any failure stop what had started."""
        self.folder.create()
        self._lock.acquire()
        try:
            self.leftovers = await end_leftovers(self.folder.registry)
            if self.leftovers is not None:
                self._report("runner", self.leftovers.describe())
            # A port that is taken is told before anything of the earlier run is forgotten.
            self._ports = allocate(read_workloads(self._objects), self._explicit_ports, {}, self._claims)
            self.folder.keep_previous_logs()
            if self._fresh:
                self.folder.forget_state()
            self._registry.open()
            await self.apply(self._objects)
            self._upkeep.begin("watch over readiness", self._watch_readiness())
            self._upkeep.begin("watch over logs", self._keep_logs_small())
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything, those that depend on others first; nothing is left running."""
        await self._upkeep.stop()
        await self._stop_services(list(self.services.values()))
        if self._channel is not None:
            await self._channel.close()
            self._channel = None
        await self._client.aclose()
        self.folder.endpoints.unlink(missing_ok=True)
        self._claims.release()
        self._registry.close()
        self._lock.release()

    async def apply(self, objects: Sequence[Manifest], schedules: Sequence[ScoutSchedule] | None = None) -> list[str]:
        """Make the running processes equal to the objects: start, stop, restart only where a difference demands it.

        A changed live configuration is written and announced and restarts nothing, nor do other `schedules` (None:
        those in force stay). Return the processes touched. OSError, for a place that takes no file, comes before any
        of them is.
        """
        workloads = read_workloads(objects)
        self._write_config_maps(objects)
        if schedules is not None:
            self._schedules = tuple(schedules)
        wanted = {workload.name: workload for workload in workloads}
        running = {name: service.workload for name, service in self.services.items()}
        kept = {name for name, workload in (running | self._done_jobs).items() if wanted.get(name) == workload}
        await self._stop_services([service for name, service in self.services.items() if name not in kept])
        known = {key: port for key, port in self._ports.items() if key[0] in wanted}
        self._ports = allocate(workloads, self._explicit_ports, known, self._claims)
        self._objects = list(objects)
        fresh = [workload for workload in workloads if workload.name not in kept]
        machine = self._machine(workloads)
        self._write_endpoints(workloads)
        await self._start_all(fresh, machine)
        await self._announce(objects)
        return sorted(w.name for w in fresh)

    def find(self, name: str) -> Service:
        """Find a process by its name, its object's name or its program's."""
        for service in self.services.values():
            if name in (service.name, service.workload.object_name, service.component):
                return service
        raise KeyError(name)

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int | None:
        """Signal one process, as a fault test does; return its pid, None if it is not running at the moment."""
        return self.find(name).process.kill(number)

    async def until_ready(self, name: str, timeout_secs: float = READY_TIMEOUT_SECS) -> None:
        """Wait until a process answers its readiness probe (again)."""
        service = self.find(name)
        deadline = time.monotonic() + timeout_secs
        while service.pid is None or not await is_ready(service.workload.readiness, service.probe_port, self._client):
            if time.monotonic() > deadline:
                reason = f"not ready within {timeout_secs:g} s; its last words: {last_line(service.log) or 'none'}"
                raise StartFailed(service.name, reason, service.log)
            await asyncio.sleep(READY_POLL_SECS)
        service.ready = True

    async def health(self) -> dict[str, dict[str, Any]]:
        """Ask every process for its /health now; Redis answers a ping."""
        names = list(self.services)
        return dict(zip(names, await asyncio.gather(*(self._health_of(n) for n in names)), strict=True))

    async def acknowledged(self, strategy: str) -> dict[str, int]:
        """Read which service follows which generation of a strategy's live configuration."""
        return await self._channel.acknowledged(strategy) if self._channel else {}

    async def until_acknowledged(self, timeout_secs: float = 10.0) -> dict[str, set[str]]:
        """Wait until all services follow their strategy's newest configuration; return those that do not yet."""
        late: dict[str, set[str]] = {}
        for strategy, announced in self._announced.items():
            followers = {s.component for s in self.services.values() if s.strategy == strategy}
            if self._channel and (missing := await self._channel.wait_for_acks(announced, followers, timeout_secs)):
                late[strategy] = missing
        return late

    def pss_bytes(self) -> int:
        """Sum the proportional memory of every process of the run, this one included."""
        leaders = [service.pid for service in self.services.values() if service.pid is not None]
        return pss_bytes({*sessions_members(leaders), os.getpid()})

    @property
    def redis_url(self) -> str:
        return f"redis://{LOOPBACK}:{self.find(REDIS).port}/0"

    @property
    def database_url(self) -> str:
        return self._secrets.database_url

    @property
    def secrets(self) -> LocalSecrets:
        return self._secrets

    def _place(self) -> Place:
        def address(name: str) -> str | None:
            try:
                return self.find(name).url
            except KeyError:
                return None

        is_virtual_day = any(name == VIRTUAL_CLOCK for s in self.services.values() for name, _ in s.workload.env)
        clock_url = self.redis_url if is_virtual_day else None
        return Place(clock_url, self.database_url, address, self._closures())

    def _closures(self) -> Path | None:
        """Name the file of closed days, as the services read it; None where the objects hold none."""
        holds = any(name_of(config_map) == CALENDAR for config_map in of_kind(self._objects, "ConfigMap"))
        return self.folder.config_map(CALENDAR) / CLOSURES_FILE if holds else None

    async def _health_of(self, name: str) -> dict[str, Any]:
        service = self.services[name]
        if service.pid is None:
            return {"status": "unhealthy", "message": "not running"}
        if service.url is not None:
            return await ask_health(service.probe_port or 0, self._client)
        ready = await is_ready(service.workload.readiness, service.probe_port, self._client)
        return {"status": "healthy" if ready else "unhealthy"}

    async def _start_all(self, workloads: list[Workload], machine: Machine) -> None:
        """Start each workload as soon as those that it depends on are ready."""
        ready = {workload.name: asyncio.Event() for workload in workloads}
        is_virtual_day = any(name == VIRTUAL_CLOCK for workload in workloads for name, _ in workload.env)

        async with AsyncExitStack() as until_all_are_ready:

            async def start(workload: Workload) -> None:
                for needed in workload.depends_on & ready.keys():
                    await ready[needed].wait()
                await self._start_one(workload, machine)
                if workload.name == REDIS and is_virtual_day:
                    clock = VirtualClock(self.redis_url)
                    until_all_are_ready.push_async_callback(clock.close)
                    await until_all_are_ready.enter_async_context(clock.hold("startup"))
                ready[workload.name].set()

            tasks = [asyncio.create_task(start(w), name=f"start {w.name}") for w in workloads]
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            await self._fire_schedules()

    async def _fire_schedules(self) -> None:
        """Let the schedules in force act; the day is held until they have been looked at for the first time."""
        if self._firing is not None:
            self._firing.follow(self._schedules)
        elif self._schedules:
            self._firing = ScheduleRunner(self._schedules, lambda text: self._report(SCHEDULES, text))
            self._upkeep.begin("firing of schedules", fire_here(self._firing, self._place(), self._report))
            await self._firing.until_begun(SCHEDULES_WITHIN_SECS)

    async def _start_one(self, workload: Workload, machine: Machine) -> None:
        for mount in workload.mounts:
            machine.mounted(workload, mount.path).mkdir(parents=True, exist_ok=True)
        process = ManagedProcess(
            workload.name, machine.launch(workload), self.folder.log(workload.name), self._registry, self._report
        )
        if workload.is_job:
            code = await process.run_once(JOB_TIMEOUT_SECS)
            if code != 0:
                reason = f"ended with {code}: {last_line(process.log)}"
                raise StartFailed(workload.name, reason, process.log, refused=code == REFUSES_ITS_SETTINGS)
            self._done_jobs[workload.name] = workload
            return
        ports = {port.name: machine.port(workload, port.name) for port in workload.ports}
        service = Service(workload, ports, process)
        self.services[workload.name] = service
        self._upkeep.look_after(await process.start())
        starting = asyncio.create_task(self.until_ready(workload.name, self._ready_timeout_secs))
        try:
            while not starting.done():
                await asyncio.wait([starting], timeout=READY_POLL_SECS)
                if process.last_exit_code == REFUSES_ITS_SETTINGS or process.restarts >= STARTS_TO_GIVE_UP:
                    reason = f"{describe_exit(process.last_exit_code or 0)}: {last_line(process.log)}"
                    refused = process.last_exit_code == REFUSES_ITS_SETTINGS
                    raise StartFailed(workload.name, reason, process.log, refused=refused)
            await starting
        finally:
            starting.cancel()
        self._report(workload.name, f"ready on port {service.port}" if service.port else "running")
        if workload.name == REDIS:
            await self._announce(self._objects)

    async def _stop_services(self, services: list[Service]) -> None:
        remaining = {service.name: service for service in services}
        while remaining:
            needed = {name for service in remaining.values() for name in service.workload.depends_on}
            last = [service for name, service in remaining.items() if name not in needed] or list(remaining.values())
            grace_secs = {s.name: min(s.workload.grace_secs, STOP_GRACE_SECS) for s in last}
            await asyncio.gather(*(service.process.stop(grace_secs[service.name]) for service in last))
            for service in last:
                del remaining[service.name]
                self.services.pop(service.name, None)

    async def _announce(self, objects: Iterable[Manifest]) -> None:
        """Publish what differs from what is announced; Redis is among the first to start."""
        if REDIS not in self.services:
            return
        if self._channel is None:
            self._channel = LiveConfigChannel(self.redis_url)
            self._upkeep.begin("keeping of live configurations", self._channel.keep())
        for strategy, announced in announced_in(objects).items():
            if self._announced.get(strategy) != announced:
                self._announced[strategy] = announced
                try:
                    await self._channel.publish(announced)
                except (RedisError, OSError):
                    # The file has it already, and the key gets it as soon as Redis answers again.
                    self._report("runner", f"{strategy}: configuration not announced yet, Redis does not answer")

    async def _watch_readiness(self) -> None:
        """Keep `Service.ready` current and say when a process is ready again after a restart."""
        while True:
            for service in list(self.services.values()):
                now = service.pid is not None and await is_ready(
                    service.workload.readiness, service.probe_port, self._client
                )
                if now and not service.ready:
                    self._report(service.name, "ready again")
                service.ready = now
            await asyncio.sleep(WATCH_POLL_SECS)

    async def _keep_logs_small(self) -> None:
        """Rotate what has grown too big; a disk too full for that is told once and asked again."""
        told: dict[str, str] = {}
        while True:
            for service in list(self.services.values()):
                try:
                    await asyncio.to_thread(rotate, service.log)
                    told.pop(service.name, None)
                except OSError as error:
                    if told.get(service.name) != str(error):
                        told[service.name] = str(error)
                        self._report(service.name, f"its log cannot be rotated: {error}")
            await asyncio.sleep(LOGS_POLL_SECS)

    def _machine(self, workloads: list[Workload]) -> Machine:
        return Machine(
            folder=self.folder,
            ports=self._ports,
            targets=service_targets(self._objects),
            process_of={workload.object_name: workload.name for workload in workloads},
            secrets=self._secrets,
            find_redis=lambda: str(find_server_binary()),
        )

    def _redis_url_if_known(self, workloads: list[Workload]) -> str | None:
        store = next((w for w in workloads if w.name == REDIS), None)
        return f"redis://{LOOPBACK}:{self._ports[(REDIS, store.ports[0].name)]}/0" if store else None

    def _write_config_maps(self, objects: Iterable[Manifest]) -> None:
        for config_map in of_kind(objects, "ConfigMap"):
            for file, text in config_map.get("data", {}).items():
                write_atomically(self.folder.config_map(name_of(config_map)) / file, text)

    def _write_endpoints(self, workloads: list[Workload]) -> None:
        """Write down where everything is, for `jennie status` and the like (the address may hold a password)."""
        services = {
            workload.name: {
                "component": workload.component,
                "strategy": workload.strategy,
                "ports": {port.name: self._ports[(workload.name, port.name)] for port in workload.ports},
            }
            for workload in workloads
            if not workload.is_job
        }
        content = {
            "pid": os.getpid(),
            "redis_url": self._redis_url_if_known(workloads),
            "database_url": self._secrets.database_url,
            "account_no": next((v for w in workloads for name, v in w.env if name == "KIS_ACCOUNT_NO"), None),
            "strategies": sorted(announced_in(self._objects)),
            "closures": None if (closures := self._closures()) is None else str(closures),
            "schedules": [schedule.model_dump(mode="json", exclude_none=True) for schedule in self._schedules],
            "services": services,
        }
        try:
            write_atomically(self.folder.endpoints, json.dumps(content, indent=1))
        except OSError as error:  # services that were stopped for a change must start all the same
            self._report("runner", f"where the services are was not written down: {error}")
