"""Run the slots of one service: each once for ever, each with an outcome, whatever stops in between."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

import structlog
from pydantic import JsonValue

from prime_jennie.domain.errors import BadInput, Conflict, NotFound
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.slots import (
    Concurrency,
    Slot,
    SlotSkipped,
    SlotSource,
    SlotState,
    Task,
    TriggerAnswer,
    TriggerRequest,
    parse_slot_name,
    slot_name,
)
from prime_jennie.infra import metrics
from prime_jennie.infra.database.repositories.slots import SlotClaim, SlotKey, SlotRepository, owner_of
from prime_jennie.infra.jobs import Job, JobDesk, TaskRun
from prime_jennie.infra.logging import mask_text
from prime_jennie.infra.outages import OUTAGES, UNANSWERED, Backoff
from prime_jennie.infra.tasks import end_task, end_tasks

IDLE: Final = "idle"
HOLD_SECS: Final = 10.0  # real; renewed while the slot runs, so that only a dead service's hold ends
NOTE_EVERY_SECS: Final = 1.0  # real; progress within one phase need not be written more often
LONGEST_REASON: Final = 500  # characters
EARLY: Final = timedelta(minutes=1)  # clocks of two processes differ by less
# A busy process hears of a virtual day's minutes late: an asker who is ahead by so much is waited for so long.
LAG: Final = timedelta(minutes=15)
LAG_SECS: Final = 5.0  # real
LOOK_FOR_SILENT_SECS: Final = 10.0  # real

log = structlog.get_logger(__name__)


@dataclass
class _Running:
    """One slot at work; `held` is set once the clock waits for it."""

    job: Job
    phase: str = "starting"
    progress_pct: int = 0
    noted_at: float = 0.0
    held: asyncio.Event = field(default_factory=asyncio.Event)
    work: "asyncio.Task[None] | None" = None


class JobBoard:
    """The slots of one service; `recover` must have returned before the first trigger."""

    def __init__(self, desk: JobDesk, tasks: Mapping[Task, TaskRun]) -> None:
        if not tasks:
            raise ValueError("a service that runs slots needs a task")
        self._desk = desk
        self._tasks = dict(tasks)
        self._slots = SlotRepository(desk.db)
        self._owner = owner_of(desk.worker_id)
        self._running: dict[str, _Running] = {}
        self._disowning: set[asyncio.Task[None]] = set()
        self._deciding = asyncio.Lock()
        self._last: Slot | None = None
        self._completed_at: datetime | None = None

    async def recover(self) -> None:
        """Close what an earlier process of this service left running; an outage raises."""
        await self._close_interrupted()
        done = await self._slots.newest_done(self._desk.namespace, self._tasks)
        if done is not None:
            self._last, self._completed_at = done, done.finished_at

    async def close_interrupted_for_ever(self) -> None:
        """Close what other copies of this service have left, once they are silent; an outage raises."""
        while True:
            await asyncio.sleep(LOOK_FOR_SILENT_SECS)
            await self._close_interrupted()

    async def trigger(self, request: TriggerRequest) -> TriggerAnswer:
        """Begin the slot and return at once, or tell what has become of it; Conflict while another one runs."""
        key = self._key(request)
        await self._until_come(key)
        async with self._deciding:
            known = await self._slots.get(key.namespace, key.name)
            if known is not None and (known.state is SlotState.RUNNING or _is_over(known, request)):
                return _answer(known)
            await self._make_room(key, request)
            newest = await self._is_newest(key, request.source)
            claim = await self._claim(key, request)
            if not claim.won:
                return _answer(claim.slot)
            running = _Running(_job(claim.slot, request.parameters, newest=newest))
            running.work = asyncio.create_task(self._run(running), name=f"slot {key.name}")
            self._running[key.name] = running
        await running.held.wait()
        return TriggerAnswer(job_id=key.name, status="started")

    async def slot(self, name: str) -> Slot:
        """Return a slot as it stands; NotFound when there is none of that name."""
        found = await self._slots.get(self._desk.namespace, name)
        if found is None:
            raise NotFound(f"no slot {name}")
        live = self._running.get(name)
        if live is None or found.state is not SlotState.RUNNING:
            return found
        return found.model_copy(update={"phase": live.phase, "progress_pct": live.progress_pct})

    def status(self) -> dict[str, Any]:
        """Return the seeds' /status, of the newest slot at work."""
        current = next(reversed(self._running.values()), None)
        return {
            "current_phase": IDLE if current is None else current.phase,
            "progress_pct": 0 if current is None else current.progress_pct,
            "last_completed_at": None if self._completed_at is None else self._completed_at.isoformat(),
        }

    def extras(self) -> dict[str, Any]:
        """Return what /health tells of the slots."""
        return {
            **self.status(),
            "running_slots": sorted(self._running),
            "last_slot": None if self._last is None else self._last.name,
            "last_outcome": None if self._last is None else self._last.state.value,
        }

    async def stop(self) -> None:
        """Break off what runs; its rows stay RUNNING until the next process closes them as interrupted."""
        at_work = [running.work for running in self._running.values() if running.work is not None]
        await end_tasks([*at_work, *self._disowning])

    async def _close_interrupted(self) -> None:
        now = self._desk.clock.now()
        closed = await self._slots.close_interrupted(self._desk.namespace, self._tasks, owner=self._owner, now=now)
        for name in closed:
            log.warning("slot was interrupted", slot=name)

    def _key(self, request: TriggerRequest) -> SlotKey:
        named = None if request.slot is None else parse_slot_name(request.slot)
        task = request.task or (named.task if named else None)
        if task is None and len(self._tasks) > 1:
            raise BadInput("trigger", "task", f"name one of {', '.join(self._tasks)}")
        task = task or next(iter(self._tasks))
        if task not in self._tasks:
            raise BadInput("trigger", "task", f"{task} is not run by {self._desk.service}")
        if named is not None and named.task is not task:
            raise BadInput("trigger", "slot", f"{request.slot} is a slot of {named.task}, not of {task}")
        at = self._desk.clock.now().replace(second=0, microsecond=0) if named is None else named.at
        name = slot_name(task, at) if request.slot is None else request.slot
        return SlotKey(namespace=self._desk.namespace, name=name, task=task, at=at, schedule=request.schedule)

    async def _make_room(self, key: SlotKey, request: TriggerRequest) -> None:
        """Let the slot be alone as it asks: among its like, as no backfill of the past may cost a slot of today."""
        concurrency = request.concurrency
        if concurrency is Concurrency.ALLOW or request.source is SlotSource.BACKFILL:
            return
        same = [one for name, one in self._running.items() if name != key.name and one.job.task is key.task]
        live = [one for one in same if one.job.source is not SlotSource.BACKFILL]
        others = [one for one in live if not await self._has_outcome(one.job)]
        if not others:
            return
        if concurrency is Concurrency.FORBID:
            raise Conflict(f"{others[0].job.slot} still runs")
        for one in others:
            if one.work is not None and not await end_task(one.work):
                raise Conflict(f"{one.job.slot} does not stop")
            await self._finish(one.job, SlotState.FAILED, f"replaced by {key.name}", for_good=True)

    async def _has_outcome(self, job: Job) -> bool:
        """Tell whether the slot's outcome is written, so that all it still does is to let the clock go."""
        row = await self._slots.get(self._desk.namespace, job.slot)
        return row is not None and row.state is not SlotState.RUNNING

    async def _until_come(self, key: SlotKey) -> None:
        """Refuse a slot whose minute has not come, unless this process is the one that is behind."""
        clock = self._desk.clock
        if clock.virtual and clock.now() < key.at <= clock.now() + LAG:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAG_SECS):
                    await clock.sleep_until(key.at)
        now = clock.now()
        if key.at > now + EARLY:
            raise BadInput("trigger", "slot", f"{key.name} is yet to come: it is {now.astimezone(KST):%Y%m%d-%H%M}")

    async def _is_newest(self, key: SlotKey, source: SlotSource) -> bool:
        is_today = key.at.astimezone(KST).date() == self._desk.clock.now().astimezone(KST).date()
        may = is_today and source is not SlotSource.BACKFILL
        return may and await self._slots.is_newest(key.namespace, key.task, key.at)

    async def _claim(self, key: SlotKey, request: TriggerRequest) -> SlotClaim:
        """Claim the slot; where the database's answer is lost, make sure that no row waits for nobody."""
        try:
            return await self._slots.claim(
                key,
                source=request.source,
                owner=self._owner,
                attempts_allowed=request.attempts,
                now=self._desk.clock.now(),
                backfill=request.backfill,
                redo=request.redo,
            )
        except OUTAGES:
            disowning = asyncio.create_task(self._disown(key), name=f"disown {key.name}")
            self._disowning.add(disowning)
            disowning.add_done_callback(self._disowning.discard)
            raise

    async def _disown(self, key: SlotKey) -> None:
        backoff = Backoff()
        while True:
            await backoff.pause()
            # Under the lock: a later trigger's claim of this very slot must not be taken for the lost one.
            async with self._deciding:
                if key.name in self._running:
                    return
                with suppress(*OUTAGES):
                    await self._slots.disown(key.namespace, key.name, owner=self._owner, now=self._desk.clock.now())
                    return

    async def _run(self, running: _Running) -> None:
        async def report(phase: str, progress_pct: int) -> None:
            await self._note(running, phase, progress_pct)

        async def demand_own() -> None:
            if not await self._slots.is_run_by(self._desk.namespace, job.slot, owner=self._owner, attempt=job.attempt):
                raise Conflict(f"{job.slot}: another process has taken it over")

        job = replace(running.job, report=report, demand_own=demand_own)
        began_at = time.monotonic()
        try:
            async with self._desk.clock.hold(f"slot:{job.slot}", HOLD_SECS):
                running.held.set()
                log.info("slot begins", slot=job.slot, source=job.source.value, attempt=job.attempt)
                state, reason = await self._attempt(job)
                await self._finish(job, state, reason)
        finally:
            running.held.set()
            self._running.pop(job.slot, None)
        metrics.SLOT_SECONDS.labels(job.task.value).observe(time.monotonic() - began_at)

    async def _attempt(self, job: Job) -> tuple[SlotState, str]:
        try:
            reason = await self._tasks[job.task](job)
        except SlotSkipped as skipped:
            return SlotState.SKIPPED, _one_line(str(skipped))
        except UNANSWERED as error:
            return SlotState.FAILED, _one_line(f"{type(error).__name__}: {error}")
        except Exception as error:  # a bug costs its slot, not the neighbours'
            log.exception("slot failed on a bug", slot=job.slot)
            return SlotState.FAILED, _one_line(f"{type(error).__name__}: {error}")
        done = SlotState.BACKFILLED if job.source is SlotSource.BACKFILL else SlotState.RAN
        return done, _one_line(reason)

    async def _finish(self, job: Job, state: SlotState, reason: str, *, for_good: bool = False) -> None:
        """Write the outcome however long the database is away: work that is done must not be done again."""
        backoff = Backoff()
        while True:
            now = self._desk.clock.now()
            try:
                ours = await self._slots.finish(
                    self._desk.namespace,
                    job.slot,
                    owner=self._owner,
                    attempt=job.attempt,
                    state=state,
                    reason=reason,
                    now=now,
                    for_good=for_good,
                )
                self._last = await self._slots.get(self._desk.namespace, job.slot)
                break
            except OUTAGES as error:
                log.warning("slot's outcome not written yet", slot=job.slot, error=f"{type(error).__name__}: {error}")
                await backoff.pause()
        if ours and state.succeeded:
            self._completed_at = now
        if ours:
            metrics.SLOTS.labels(job.task.value, state.value).inc()
        say = log.warning if state is SlotState.FAILED else log.info  # which Slack hears
        say("slot ends", slot=job.slot, outcome=state.value, reason=reason, ours=ours)

    async def _note(self, running: _Running, phase: str, progress_pct: int) -> None:
        is_new = phase != running.phase
        running.phase, running.progress_pct = phase, min(100, max(0, progress_pct))
        if not is_new and time.monotonic() - running.noted_at < NOTE_EVERY_SECS:
            return
        running.noted_at = time.monotonic()
        try:
            await self._slots.progress(
                self._desk.namespace,
                running.job.slot,
                owner=self._owner,
                phase=phase,
                progress_pct=running.progress_pct,
            )
        except OUTAGES as error:
            log.debug("progress not written", slot=running.job.slot, error=type(error).__name__)


def _job(slot: Slot, parameters: Mapping[str, JsonValue], *, newest: bool) -> Job:
    return Job(
        slot=slot.name,
        task=slot.task,
        at=slot.at,
        day=slot.at.astimezone(KST).date(),
        source=slot.source,
        newest=newest,
        attempt=slot.attempts,
        parameters=parameters,
    )


def _is_over(slot: Slot, request: TriggerRequest) -> bool:
    return slot.is_over_for(request.source, request.backfill, redo=request.redo)


def _answer(slot: Slot) -> TriggerAnswer:
    if slot.state is SlotState.RUNNING:
        return TriggerAnswer(job_id=slot.name, status="running")
    return TriggerAnswer(job_id=slot.name, status="finished", outcome=slot.state, reason=slot.reason)


def _one_line(text: str) -> str:
    line = " ".join(mask_text(text).split())
    return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"
