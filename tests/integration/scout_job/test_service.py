"""The service around the runs: triggers, status, health, and what is not loaded before it is needed."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import httpx
import pytest

from prime_jennie.domain.slots import SlotState
from scout_job.app import create_app
from scout_job.config import ScoutSettings
from tests.support.job_service import ended, slot_of, trigger
from tests.support.language_server import language_server, saying
from tests.support.scanning import at
from tests.support.scouting import ScoutWorld
from tests.support.service_desk import ServiceDesk, ready, started

OPINION = {"score": 70, "grade": "A", "reason": "수주 공시가 이어지고 실적 개선이 뉴스로 확인되었습니다."}


@pytest.fixture
async def scout(desk: ServiceDesk) -> ServiceDesk:
    """Return a desk with a filled market at 08:30."""
    await ScoutWorld(desk.db, desk.redis).fill()
    await desk.redis.delete("regime:current")
    desk.clock._now = at("08:30")
    return desk


@asynccontextmanager
async def scouting(desk: ServiceDesk, **settings: Any) -> AsyncIterator[httpx.AsyncClient]:
    given = ScoutSettings(redis_url=desk.redis_url, database_url=desk.database_url, **settings)
    async with started(create_app(given)) as client:
        await ready(client)
        yield client


async def test_a_trigger_starts_the_minutes_slot_and_the_list_follows(scout: ServiceDesk) -> None:
    async with scouting(scout) as client:
        answer = await client.post("/trigger", json={"source": "airflow"})
        assert answer.json() == {"job_id": "scout-20260219-0830", "status": "started"}
        slot = await ended(client, "scout-20260219-0830")
        assert (slot.state, slot.phase) == (SlotState.RAN, "selection")
        assert slot.reason.startswith("7 listed of 7 candidates")
        status = (await client.get("/status")).json()
        assert status["current_phase"] == "idle"
        assert datetime.fromisoformat(status["last_completed_at"]) == at("08:30")
        assert status["market_regime"] == "SIDEWAYS"
        again = (await client.post("/trigger", json={"source": "manual"})).json()
        assert (again["status"], again["outcome"]) == ("finished", "Ran")
    assert await scout.redis.exists("watchlist:active", "budget:sector:active", "regime:current") == 3


async def test_health_tells_what_the_last_run_came_to(scout: ServiceDesk) -> None:
    async with scouting(scout) as client:
        before = (await client.get("/health")).json()
        assert (before["universe"], before["watchlist_size"], before["gaps"]) == (None, None, [])
        assert before["analyst"] == "offline analyst (deterministic, no model)"
        await trigger(client)
        await ended(client, "scout-20260219-0830")
        found = (await client.get("/health")).json()
    assert (found["universe"], found["scored"], found["watchlist_size"]) == (13, 12, 7)
    assert (found["market_regime"], found["last_outcome"]) == ("SIDEWAYS", "Ran")
    assert "news: 7 of 7" in found["gaps"]


async def test_a_run_goes_through_the_seeds_phases(scout: ServiceDesk) -> None:
    with language_server(saying(OPINION, delay_secs=0.4)) as server:
        async with scouting(scout, llm_base_url=server.url, llm_model="exaone") as client:
            assert (await client.get("/health")).json()["analyst"] == "exaone"
            await trigger(client)
            seen: dict[str, int] = {}
            while (status := (await client.get("/status")).json())["current_phase"] != "idle":
                seen[status["current_phase"]] = status["progress_pct"]
                await asyncio.sleep(0.01)
            assert {"quant_scoring", "llm_analysis"} <= seen.keys()
            assert seen.keys() <= {"starting", "quant_scoring", "llm_analysis", "selection"}
            assert all(0 <= progress <= 100 for progress in seen.values())
            assert (await slot_of(client, "scout-20260219-0830")).state is SlotState.RAN


async def test_a_run_without_bars_fails_with_its_reason_and_the_service_lives_on(scout: ServiceDesk) -> None:
    await scout.db.write(lambda session: session.connection().exec_driver_sql("DELETE FROM stock_daily_price") and None)
    async with scouting(scout) as client:
        await trigger(client)
        slot = await ended(client, "scout-20260219-0830")
        assert slot.state is SlotState.FAILED
        assert slot.reason.startswith("Unavailable: no daily bars from")
        assert (await client.get("/readyz")).status_code == 200
    assert not await scout.redis.exists("watchlist:active")


async def test_parameters_that_make_no_sense_fail_their_slot_by_name(scout: ServiceDesk) -> None:
    async with scouting(scout) as client:
        await trigger(client, parameters={"topp": 3})
        slot = await ended(client, "scout-20260219-0830")
    assert slot.state is SlotState.FAILED
    assert slot.reason == "BadInput: parameters: topp: Extra inputs are not permitted"


@pytest.mark.parametrize("body", [{"source": "cron"}, {"source": 7}, {"source": "manual", "force": True}, []])
async def test_a_bad_trigger_is_refused_with_the_field(scout: ServiceDesk, body: Any) -> None:
    async with scouting(scout) as client:
        answer = await client.post("/trigger", json=body)
    assert answer.status_code == 400
    assert answer.json().keys() == {"error", "detail", "service", "timestamp"}
    assert (answer.json()["error"], answer.json()["service"]) == ("BadInput", "scout-job")


@pytest.mark.parametrize(
    "module",
    [
        "scout_job.app",
        "buy_scanner.app",
        "buy_executor.app",
        "sell_executor.app",
        "price_monitor.app",
        "kis_gateway.app",
    ],
)
def test_nothing_loads_numpy_that_does_not_score(module: str) -> None:
    """Thirty megabytes with what hangs on it: the scout loads it with its first run, the others never."""
    look = f"import sys, {module}; sys.exit('numpy' in sys.modules or 'openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", look], check=False, timeout=60).returncode == 0
