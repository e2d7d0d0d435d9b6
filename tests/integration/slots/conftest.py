"""Offer the world around a service and around a slot to every test here."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.fakes.clock import ManualClock
from tests.support.database import migrate_empty
from tests.support.scanning import at
from tests.support.service_desk import desk
from tests.support.slot_world import SlotWorld, well

__all__ = ["desk"]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[SlotWorld]:
    """Return a world at 07:00 whose service is up; at the end no task may be left."""
    url = f"sqlite:///{tmp_path / 'slots.db'}"
    migrate_empty(url)
    db = Database(url)
    made = SlotWorld(db, ManualClock(at("07:00")), well)
    await made.start_service()
    yield made
    await made.kill_service()
    await made.client.__aexit__(None, None, None)
    db.close_now()
    left = [repr(task) for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert left == []
