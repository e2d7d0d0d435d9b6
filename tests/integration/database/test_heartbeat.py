"""A process says that it lives, and a database that does not answer costs it nothing."""

import time

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.workers import WorkerRepository
from prime_jennie.infra.heartbeat import heartbeat, work_of
from prime_jennie.infra.settings import ServiceSettings
from tests.support.eventually import eventually


async def test_a_process_beats_with_its_figures_and_says_goodbye(db: Database) -> None:
    workers = WorkerRepository(db)
    figures: dict[str, object] = {"running_slots": ["x"], "current_phase": "idle"}
    settings = ServiceSettings(port=8092, strategy="krx-core")
    async with heartbeat(db, settings, "data-collector", lambda: figures, every_secs=0.05):

        async def says(work: str) -> bool:
            found = await workers.all()
            return bool(found) and found[0].current_work == work

        await eventually(lambda: says("current_phase=idle"))
        figures["current_phase"] = "prices"
        await eventually(lambda: says("current_phase=prices"))
        (worker,) = await workers.all()
        assert (worker.service, worker.strategy, worker.status) == ("data-collector", "krx-core", "RUNNING")
        assert worker.worker_id.endswith(":8092")
    (worker,) = await workers.all()
    assert worker.status == "EXITING"


async def test_a_database_that_is_away_costs_the_beat_alone(sqlite_url: str) -> None:
    db = Database(sqlite_url)  # never migrated: every write fails
    began = time.monotonic()
    async with heartbeat(db, ServiceSettings(), "buy-scanner", every_secs=0.01):
        pass
    assert time.monotonic() - began < 2
    await db.close()


def test_only_plain_figures_become_work() -> None:
    assert work_of({"a": 1, "b": "x", "c": None, "d": [1], "e": 1.5, "f": True}) == "a=1 b=x e=1.5 f=True"
    assert work_of({}) is None
