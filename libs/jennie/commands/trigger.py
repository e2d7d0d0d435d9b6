"""One slot of a task, once for ever: asked of the service of a running local run, and waited for."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from jennie.endpoints import running
from prime_jennie.domain.errors import BadInput, NotFound, Unavailable
from prime_jennie.domain.slots import Slot, SlotSource, SlotState, Task, TriggerRequest, parse_slot_name, task_of
from prime_jennie.infra.clients.job_service import JobServiceClient
from prime_jennie_operator.local.signals import Interrupted, run_until_signal

LOOK_EVERY_SECS: Final = 0.3
AWAY_SECS: Final = 60.0  # a service that was killed is back within them, and says what became of the slot
GOOD: Final = (SlotState.RAN, SlotState.BACKFILLED, SlotState.SKIPPED)


def trigger(word: str, *, slot: str | None, is_backfill: bool, folder: Path, as_json: bool) -> int:
    """Return 0 when the slot is done or had nothing to do, 1 when it failed; Ctrl-C leaves it running, 130."""
    task = task_of(word)
    if slot is not None and parse_slot_name(slot).task is not task:
        raise BadInput("--slot", slot, f"is no slot of {task}: those begin with {task.prefix}-")
    url = _address(task, folder)
    request = TriggerRequest(source=SlotSource.BACKFILL if is_backfill else SlotSource.MANUAL, task=task, slot=slot)
    asked = _Asked(url, as_json=as_json)
    try:
        return run_until_signal(asked.run(request))
    except Interrupted as interrupted:
        if asked.job_id:
            asked.say(
                f"{asked.job_id} goes on in {task.service}; see it with: jennie trigger {word} --slot {asked.job_id}"
            )
        return interrupted.exit_code


class _Asked:
    """One slot that was asked for."""

    def __init__(self, url: str, *, as_json: bool) -> None:
        self._url = url
        self._as_json = as_json
        self._console = Console(highlight=False, stderr=as_json)
        self.job_id = ""

    async def run(self, request: TriggerRequest) -> int:
        async with JobServiceClient() as client:
            answer = await client.trigger(self._url, request)
            self.job_id = answer.job_id
            self.say(f"{answer.job_id}: {answer.status}")
            if answer.outcome is None:
                found = await self._until_over(client)
                outcome, reason = found.state, found.reason
            else:
                outcome, reason = answer.outcome, answer.reason or ""
        self.say(f"{self.job_id}: {outcome}: {reason}")
        if self._as_json:
            result: dict[str, Any] = {
                "job_id": self.job_id,
                "status": answer.status,
                "outcome": outcome.value,
                "reason": reason,
            }
            sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
        return 0 if outcome in GOOD else 1

    def say(self, line: str) -> None:
        self._console.print(line, markup=False, soft_wrap=True)

    async def _until_over(self, client: JobServiceClient) -> Slot:
        loop = asyncio.get_running_loop()
        seen, away_since = "", loop.time()
        while True:
            try:
                slot = await client.slot(self._url, self.job_id)
            except (Unavailable, NotFound):
                if loop.time() - away_since > AWAY_SECS:
                    raise Unavailable(f"{self.job_id}: its service has not answered for {AWAY_SECS:g} s") from None
            else:
                away_since = loop.time()
                if slot.state is not SlotState.RUNNING:
                    return slot
                if slot.phase and slot.phase != seen:
                    self.say(f"{self.job_id}: {slot.phase}, {slot.progress_pct} %")
                    seen = slot.phase
            await asyncio.sleep(LOOK_EVERY_SECS)


def _address(task: Task, folder: Path) -> str:
    endpoints = running(folder)
    if endpoints is None:
        raise Unavailable(f"nothing runs here (no live run below {folder}); start one with: jennie run -f FILE")
    service = endpoints.service(task.service)
    if service is None:
        raise Unavailable(f"{task.service}, which runs {task}, is not part of this run")
    return service.url
