"""One owner at a time, by the database's clock, under a growing epoch."""

import asyncio
import time

import pytest

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.leases import LeaseRepository, StaleLease, database_time


@pytest.fixture
def leases(db: Database) -> LeaseRepository:
    return LeaseRepository(db)


async def test_only_one_of_many_becomes_the_owner(leases: LeaseRepository) -> None:
    grants = await asyncio.gather(*(leases.acquire("key", f"gateway-{n}", 60) for n in range(10)))
    assert len([grant for grant in grants if grant]) == 1


async def test_a_held_lease_is_refused_and_a_released_one_changes_hands_under_a_new_epoch(
    leases: LeaseRepository,
) -> None:
    first = await leases.acquire("key", "gateway-1", 60)
    assert first is not None
    assert await leases.acquire("key", "gateway-2", 60) is None
    await leases.release(first)
    second = await leases.acquire("key", "gateway-2", 60)
    assert second is not None
    assert (first.epoch, second.epoch) == (1, 2)


async def test_an_expired_lease_changes_hands_and_its_old_owner_cannot_renew(leases: LeaseRepository) -> None:
    first = await leases.acquire("key", "gateway-1", 0.2)
    assert first is not None
    deadline = time.monotonic() + 10
    second = None
    while second is None and time.monotonic() < deadline:
        second = await leases.acquire("key", "gateway-2", 60)
        await asyncio.sleep(0.02)
    assert second is not None
    assert second.epoch == 2
    assert not first.is_good()
    with pytest.raises(StaleLease):
        await leases.renew(first, 60)
    await leases.release(first)
    row = await leases.current("key")
    assert row is not None
    assert (row.owner, row.epoch) == ("gateway-2", 2)
    assert row.expires_at == second.expires_at


async def test_renewing_extends_the_same_epoch(leases: LeaseRepository) -> None:
    first = await leases.acquire("key", "gateway-1", 60)
    assert first is not None
    renewed = await leases.renew(first, 120)
    assert renewed.epoch == first.epoch
    assert renewed.expires_at > first.expires_at
    assert renewed.good_until > first.good_until
    assert (await leases.acquire("key", "gateway-1", 60)) is not None


async def test_a_grant_knows_without_asking_how_long_it_is_good(leases: LeaseRepository) -> None:
    grant = await leases.acquire("key", "gateway-1", 60)
    assert grant is not None
    assert grant.is_good()
    assert grant.is_good(margin_secs=50)
    assert not grant.is_good(margin_secs=61)


async def test_leases_of_two_app_keys_are_apart(leases: LeaseRepository) -> None:
    assert await leases.acquire("key-1", "gateway-1", 60)
    assert await leases.acquire("key-2", "gateway-2", 60)
    assert await leases.current("key-3") is None


async def test_the_database_tells_utc(db: Database) -> None:
    told = await db.read(database_time)
    assert abs(told.timestamp() - time.time()) < 5
