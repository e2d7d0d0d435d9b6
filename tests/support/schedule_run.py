"""A local run of a Redis, a stand-in scout-job and schedules, on a clock that the test leads; also a program to kill.

As a program: the folder, the Redis port, the schedules' YAML file.
"""

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from prime_jennie_operator.loading import load_files
from prime_jennie_operator.local.run import LocalRun
from prime_jennie_operator.local.secrets import LocalSecrets, load_generated
from prime_jennie_operator.local.signals import run_until_signal
from prime_jennie_operator.resources import ScoutSchedule
from tests.support.database import migrate_empty
from tests.support.stand_in_objects import Manifest, redis_store

PROGRAM = Path(__file__).with_name("stand_in_job_service.py")


def scout_job(folder: Path, work_secs: float) -> list[Manifest]:
    """Describe the service as the platform's rendering does."""
    labels = {"app.kubernetes.io/name": "scout-job", "app.kubernetes.io/instance": "test"}
    env = {
        "PORT": "8087",
        "REDIS_URL": "redis://redis:6379/0",
        "JENNIE_CLOCK": "redis://redis:6379/0",
        "DATABASE_URL": database_url(folder),
        "JOBS_FILE": str(folder / "jobs"),
        "WORK_SECS": str(work_secs),
        "PYTHONPATH": str(PROGRAM.parents[2]),
    }
    container = {
        "name": "scout-job",
        "command": ["python", str(PROGRAM)],
        "env": [{"name": name, "value": value} for name, value in env.items()],
        "ports": [{"name": "http", "containerPort": 8087}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http"}},
    }
    pod = {"metadata": {"labels": labels}, "spec": {"containers": [container]}}
    return [
        {
            "kind": "Deployment",
            "metadata": {"name": "scout-job", "labels": labels},
            "spec": {"replicas": 1, "template": pod},
        },
        {
            "kind": "Service",
            "metadata": {"name": "scout-job", "labels": labels},
            "spec": {"selector": labels, "ports": [{"name": "http", "port": 8087, "targetPort": "http"}]},
        },
    ]


def database_url(folder: Path) -> str:
    return f"sqlite:///{folder / 'slots.sqlite3'}"


def run_of(
    folder: Path,
    redis_port: int,
    schedules: tuple[ScoutSchedule, ...],
    *,
    work_secs: float = 0.0,
    report: Callable[[str, str], None] = lambda *_: None,
) -> LocalRun:
    """Put the run together; the database is migrated here."""
    migrate_empty(database_url(folder))
    secrets = LocalSecrets(load_generated(folder / "secrets.json"), database_url(folder))
    objects = [*redis_store(), *scout_job(folder, work_secs)]
    return LocalRun(objects, folder / "run", secrets, schedules=schedules, ports={"redis": redis_port}, report=report)


async def _live(folder: Path, redis_port: int, files: list[Path]) -> None:
    async with run_of(folder, redis_port, load_files(files).schedules, work_secs=3.0):
        await asyncio.Event().wait()


if __name__ == "__main__":
    run_until_signal(_live(Path(sys.argv[1]), int(sys.argv[2]), [Path(sys.argv[3])]))
