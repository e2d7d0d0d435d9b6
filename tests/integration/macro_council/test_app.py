"""macro-council over its HTTP edge."""

import json
from typing import Any

import httpx
import pytest

from macro_council.app import create_app
from macro_council.config import CouncilSettings
from prime_jennie.domain.slots import Slot
from tests.support.council import FLAT
from tests.support.council_desk import ANALYST, JUDGE, STRATEGIST
from tests.support.eventually import eventually
from tests.support.insights import index_bars
from tests.support.language_server import language_server, saying
from tests.support.scanning import DAY, at
from tests.support.service_desk import ServiceDesk, desk, ready, started

__all__ = ["desk"]


def settings(desk: ServiceDesk, **more: Any) -> CouncilSettings:
    known = {"redis_url": desk.redis_url, "database_url": desk.database_url}
    return CouncilSettings.model_validate(known | more)


def with_index(desk: ServiceDesk) -> None:
    last = at("09:00", DAY).date()
    desk.broker.indexes["0001"] = [bar for bar in index_bars(FLAT, last=last) if bar.price_date < last]


async def ran(client: httpx.AsyncClient, **body: Any) -> Slot:
    """Trigger a slot and wait for its outcome."""
    answer = (await client.post("/trigger", json=body)).raise_for_status().json()

    async def is_over() -> bool:
        slot = Slot.model_validate_json((await client.get(f"/jobs/{answer['job_id']}")).content)
        return slot.state.value != "Running"

    await eventually(is_over, what=str(answer))
    return Slot.model_validate_json((await client.get(f"/jobs/{answer['job_id']}")).content)


async def test_the_seeds_trigger_runs_a_sitting_and_health_tells_of_it(desk: ServiceDesk) -> None:
    with_index(desk)
    async with started(create_app(settings(desk))) as client:
        await ready(client)
        slot = await ran(client, source="airflow", task="macro-council")
        assert (slot.name[:8], slot.state) == ("council-", "Ran")
        assert "offline council (deterministic, no model)" in slot.reason
        health = (await client.get("/health")).json()
        assert health["council"] == "offline council (deterministic, no model)"
        assert health["last_insight"]["insight_date"] == str(DAY)
        assert health["last_insight"]["regime"] == "SIDEWAYS"
        assert health["throttle_level"] is None
        again = (await client.post("/trigger", json={"task": "macro-council"})).json()
        assert (again["status"], again["outcome"]) == ("finished", "Ran")


async def test_the_throttle_shows_in_health_and_is_known_after_a_restart(desk: ServiceDesk) -> None:
    with_index(desk)
    desk.clock.set(at("10:00", DAY))
    async with started(create_app(settings(desk))) as client:
        await ready(client)
        assert (await ran(client, task="throttle")).state == "Ran"
    async with started(create_app(settings(desk))) as client:
        await ready(client)
        assert (await client.get("/health")).json()["throttle_level"] == "NORMAL"
        desk.clock.set(at("16:00", DAY))
        slot = await ran(client, task="throttle")
        assert (slot.state, slot.reason) == ("Skipped", "장중이 아님")


async def test_with_an_address_the_model_sits_and_a_failure_fails_the_slot(desk: ServiceDesk) -> None:
    with_index(desk)
    with language_server(saying(STRATEGIST), saying(ANALYST), saying(JUDGE)) as server:
        configured = settings(desk, llm_base_url=server.url, llm_model="exaone", llm_api_key="sk-hidden")
        async with started(create_app(configured)) as client:
            await ready(client)
            assert (await ran(client, task="macro-council")).state == "Ran"
            assert (await client.get("/health")).json()["council"] == "exaone"
            server.says(saying({"nothing": 1}))
            desk.clock.advance(60)
            failed = await ran(client, task="macro-council")
            assert failed.state == "Failed"
            assert "strategist" in failed.reason
            kept = json.loads(await desk.redis.get(f"macro:insight:{DAY}"))
            assert kept["regime_hint"] == "관망"


async def test_a_task_must_be_named_and_one_of_its_own(desk: ServiceDesk) -> None:
    async with started(create_app(settings(desk))) as client:
        await ready(client)
        assert (await client.post("/trigger", json={})).status_code == 400
        assert (await client.post("/trigger", json={"task": "scout"})).status_code == 400


@pytest.mark.parametrize("wrong", [{"index_code": "KOSPI"}, {"index_bars": 20}, {"llm_usd_per_million_in": -1}])
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="1 validation error"):
        CouncilSettings.model_validate(wrong)
