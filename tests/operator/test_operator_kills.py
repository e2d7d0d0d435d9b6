"""An operator killed while it writes leaves nothing that the next one does not finish."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.operator.world import World
from tests.support.api_proxy import ApiProxy
from tests.support.control_plane import ControlPlane
from tests.support.operator_kills import kill_leaders


@pytest.fixture
async def world(control_plane: ControlPlane, namespace: str) -> AsyncIterator[World]:
    async with ApiProxy(control_plane) as proxy:
        yield World(control_plane, namespace, proxy)


@pytest.mark.timeout(900)
async def test_killed_twenty_times_among_its_writes_it_ends_with_everything_as_wanted(
    world: World, tmp_path: Path
) -> None:
    await kill_leaders(world, tmp_path, times=20)
