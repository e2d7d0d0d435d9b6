"""/api/slots and /api/airflow: what ran, and a person's own run; the seeds call a schedule a DAG."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from dashboard_api.access import may_operate, may_read
from dashboard_api.desk import DashboardDesk
from dashboard_api.pages import Page, page
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.model import Record
from prime_jennie.domain.slots import Slot, Task, TriggerAnswer, TriggerRequest, task_of
from prime_jennie.infra.clients.job_service import JobServiceClient
from prime_jennie.infra.database.repositories.slots import SlotRepository


class Dag(Record):
    """One task that can be run, and its newest slot."""

    dag_id: str
    service: str
    last_slot: Slot | None


def slot_routes(desk: Callable[[], DashboardDesk]) -> APIRouter:
    """Return the routes of slots and tasks."""
    router = APIRouter(prefix="/api", tags=["slots"])

    @router.get("/slots", dependencies=[Depends(may_read)])
    async def slots(
        response: Response,
        at_page: Annotated[Page, Depends(page)],
        day: Annotated[date | None, Query(description="KST day; absent: all")] = None,
        task: Annotated[str | None, Query(max_length=40, description="a task's name or its slots' prefix")] = None,
    ) -> list[Slot]:
        """Return slots with their outcomes, the newest minute first."""
        at = desk()
        found = await SlotRepository(at.jobs.db).page(
            at.jobs.namespace,
            day=day,
            task=None if task is None else task_of(task),
            limit=at_page.one_more,
            offset=at_page.offset,
        )
        return at_page.close(found, response)

    @router.get("/airflow/dags", dependencies=[Depends(may_read)])
    async def dags() -> list[Dag]:
        """Return every task with its newest slot."""
        at = desk()
        repository = SlotRepository(at.jobs.db)
        newest = {task: await repository.page(at.jobs.namespace, task=task, limit=1) for task in tasks_of(at)}
        return [
            Dag(dag_id=task.value, service=task.service, last_slot=found[0] if found else None)
            for task, found in newest.items()
        ]

    @router.post(
        "/airflow/dags/{dag_id}/trigger",
        dependencies=[Depends(may_operate)],
        status_code=202,
        response_model_exclude_none=True,
    )
    async def trigger(dag_id: str) -> TriggerAnswer:
        """Run a task now, as a slot of this minute; a slot that exists is never run again."""
        at = desk()
        task = task_of(dag_id)
        return await _trigger(at, task)

    return router


async def _trigger(at: DashboardDesk, task: Task) -> TriggerAnswer:
    url = at.settings.addresses.get(task.service)
    if url is None:
        raise Unavailable(f"{task.service} is not installed")
    async with JobServiceClient() as client:
        return await client.trigger(url, TriggerRequest(task=task))


def tasks_of(at: DashboardDesk) -> list[Task]:
    """Return the tasks whose services are installed."""
    return [task for task in Task if task.service in at.settings.addresses]
