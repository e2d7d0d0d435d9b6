"""SIGKILL of the operator among its writes, two hundred times: everything as wanted, no orphan, no pod rolled twice."""

from pathlib import Path

import pytest

from tests.operator.world import World
from tests.support.api_proxy import ApiProxy
from tests.support.control_plane import running_control_plane
from tests.support.operator_kills import kill_leaders

TIMES = 200


@pytest.mark.timeout(5_400)
async def test_killed_two_hundred_times_among_its_writes_it_ends_with_everything_as_wanted(
    kubernetes_programs: None, tmp_path: Path
) -> None:
    with running_control_plane(tmp_path / "control-plane") as plane:
        plane.install_crds()
        async with ApiProxy(plane) as proxy:
            world = World(plane, plane.new_namespace("test-kills"), proxy)
            await kill_leaders(world, tmp_path, times=TIMES)
