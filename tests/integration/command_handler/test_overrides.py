"""A person's overrides: what is set, what is absent, and what nobody can read."""

from datetime import UTC, datetime

import pytest

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.overrides import Overrides, dry_run_key, max_buys_key

AT = datetime(2025, 3, 10, 3, 0, tzinfo=UTC)


async def set_to(db: Database, key: str, value: str) -> None:
    await ConfigRepository(db).put(key, value, who="owner", at=AT)


async def test_nobody_said_anything(db: Database) -> None:
    overrides = Overrides(db)
    assert await overrides.max_buys_per_day("krx") is None
    assert not await overrides.dry_run("krx")


async def test_an_override_is_its_own_strategys(db: Database) -> None:
    await set_to(db, max_buys_key("krx"), "3")
    await set_to(db, dry_run_key("krx"), "on")
    overrides = Overrides(db)
    assert (await overrides.max_buys_per_day("krx"), await overrides.dry_run("krx")) == (3, True)
    assert (await overrides.max_buys_per_day("other"), await overrides.dry_run("other")) == (None, False)
    await set_to(db, dry_run_key("krx"), "off")
    assert not await overrides.dry_run("krx")


@pytest.mark.parametrize("value", ["", "three", "-1", "1.5", "٣"])
async def test_what_nobody_can_read_is_the_strictest(db: Database, value: str) -> None:
    await set_to(db, max_buys_key("krx"), value)
    assert await Overrides(db).max_buys_per_day("krx") == 0
    await set_to(db, dry_run_key("krx"), value or "yes")
    assert await Overrides(db).dry_run("krx")
