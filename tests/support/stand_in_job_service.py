"""A service that runs slots: its work takes WORK_SECS real seconds, each beginning is a line in JOBS_FILE."""

import asyncio
import os
from pathlib import Path

from prime_jennie.domain.slots import Task
from prime_jennie.infra.job_app import job_app
from prime_jennie.infra.jobs import Job, JobDesk, JobWork
from prime_jennie.infra.logging import configure_logging
from prime_jennie.infra.runtime import load_settings, serve
from prime_jennie.infra.settings import ServiceSettings


def note(line: str) -> None:
    with Path(os.environ["JOBS_FILE"]).open("a") as file:
        file.write(line + "\n")


async def work(job: Job) -> str:
    """Note the beginning, take the time, say that it is done."""
    note(f"{job.slot} {job.attempt}")
    await job.report("working", 50)
    await asyncio.sleep(float(os.environ.get("WORK_SECS", "0")))
    return f"{job.slot} is done"


def work_of(_desk: JobDesk) -> JobWork:
    return JobWork(tasks={Task.SCOUT: work})


if __name__ == "__main__":
    settings = load_settings(ServiceSettings)
    configure_logging("scout-job", as_json=False)
    serve(job_app(settings, "scout-job", work_of), settings)
