"""One house for the tests that leave it standing."""

from collections.abc import Iterator

import pytest

from tests.support.database import sqlite_db, sqlite_url
from tests.support.gateway import House, running_house

__all__ = ["sqlite_db", "sqlite_url"]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Run redis, exchange and gateway for the tests of one module."""
    folder = tmp_path_factory.mktemp("house")
    with running_house(folder, KIS_TIMEOUT_SECS="1", RESOLVE_EVERY_SECS="1") as started:
        yield started
