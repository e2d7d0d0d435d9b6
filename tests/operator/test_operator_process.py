"""The operator as a process: signals, probes, two of them, a killed leader, a lost API server, cut watches."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from prime_jennie_operator.kube.kinds import CONFIG_MAP, LEASE, SERVICE, STRATEGY
from tests.operator.world import World
from tests.support.api_proxy import ApiProxy
from tests.support.cluster_access import ROOT, Refused
from tests.support.control_plane import ControlPlane
from tests.support.eventually import eventually
from tests.support.operator_processes import QUICK_LEASE, running
from tests.support.tiny_operator import strategy


@pytest.fixture
async def world(control_plane: ControlPlane, namespace: str) -> AsyncIterator[World]:
    async with ApiProxy(control_plane) as proxy:
        yield World(control_plane, namespace, proxy)


async def test_a_process_lives_works_and_stops_in_order(
    world: World, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with running(control_plane, namespace, tmp_path) as one:
        await eventually(one.ready, within_secs=90)
        await world.make()
        assert (await one.ask("/livez"))[0] == 200
        status, text = await one.ask("/metrics")
        assert status == 200
        for name in (
            'controller_runtime_reconcile_total{controller="TradingStrategy",result="success"}',
            'controller_runtime_max_concurrent_reconciles{controller="TradingStrategy"} 16.0',
            'workqueue_depth{name="TradingStrategy"}',
            "rest_client_requests_total{",
        ):
            assert name in text, name
        one.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(one.process.wait, 15) == 0
        lease = await world.get(LEASE, "prime-jennie-operator")
    assert lease["spec"].get("holderIdentity", "") == ""
    assert [line for line in one.lines if line["level"] in ("error", "critical")] == []


async def test_of_two_one_writes_and_the_other_takes_over_from_a_killed_one(
    world: World, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    defaults = dict.fromkeys(QUICK_LEASE, "")
    async with (
        running(control_plane, namespace, tmp_path, **defaults) as one,
        running(control_plane, namespace, tmp_path, **defaults) as two,
    ):
        await eventually(one.ready, within_secs=90)
        await eventually(two.ready, within_secs=90)
        await world.make("first")
        leader, standby = (one, two) if await one.leads() else (two, one)
        assert leader.proxy.writes()
        assert standby.proxy.writes() == []
        leader.process.kill()
        killed_at = time.monotonic()
        await world.ask("POST", STRATEGY.path(namespace), strategy("second", namespace))
        await eventually(lambda: standby.proxy.writes(), within_secs=20, what="the standby writes")
        assert time.monotonic() - killed_at <= 15
        await world.settled("second")


async def test_a_leader_that_was_stopped_past_its_lease_never_writes_again(
    world: World, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """It comes back believing to lead, with the news of minutes; another leads by then, and one of the two writes."""
    async with (
        running(control_plane, namespace, tmp_path) as one,
        running(control_plane, namespace, tmp_path) as two,
    ):
        await eventually(one.ready, within_secs=90)
        await eventually(two.ready, within_secs=90)
        await world.make("first")
        stopped, standby = (one, two) if await one.leads() else (two, one)
        await asyncio.sleep(1)
        stopped.process.send_signal(signal.SIGSTOP)
        await world.ask("POST", STRATEGY.path(namespace), strategy("second", namespace))
        await world.settled("second", within_secs=20)
        written = len(stopped.proxy.writes())
        # Only now, with its watches full of news and its lease lost, does it go on.
        await world.ask("POST", STRATEGY.path(namespace), strategy("third", namespace))
        stopped.process.send_signal(signal.SIGCONT)
        await world.settled("third", within_secs=20)
        await asyncio.sleep(2)
        assert len(stopped.proxy.writes()) == written
        assert await standby.leads()
        assert not await stopped.leads()


async def test_sigterm_hands_over_at_once(
    world: World, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with (
        running(control_plane, namespace, tmp_path) as one,
        running(control_plane, namespace, tmp_path) as two,
    ):
        await eventually(one.ready, within_secs=90)
        await eventually(two.ready, within_secs=90)
        await world.make()
        leader, standby = (one, two) if await one.leads() else (two, one)
        leader.process.send_signal(signal.SIGTERM)
        assert await asyncio.to_thread(leader.process.wait, 15) == 0
        ended_at = time.monotonic()
        await eventually(standby.leads)
        assert time.monotonic() - ended_at < 3.0
        await world.delete(CONFIG_MAP)
        await world.settled()


async def test_a_defect_of_one_object_is_counted_and_touches_no_other(
    world: World, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with running(control_plane, namespace, tmp_path) as one:
        await eventually(one.ready, within_secs=90)
        broken = strategy("broken", namespace, defect="yes")
        await world.ask("POST", STRATEGY.path(namespace), broken)
        await world.make("whole")
        assert (await one.ask("/livez"))[0] == 200
        text = (await one.ask("/metrics"))[1]
        assert 'controller_runtime_reconcile_panics_total{controller="TradingStrategy"}' in text
        mended = {"metadata": {"annotations": {"test/defect": None}}}
        path = STRATEGY.path(namespace, "broken")
        await world.ask("PATCH", path, mended, content="application/merge-patch+json")
        await world.settled("broken", within_secs=30)
    defects = [line for line in one.lines if line["event"] == "reconciliation has a defect"]
    assert defects
    assert {line["name"] for line in defects} == {"broken"}


async def test_a_storm_of_conflicts_and_a_server_that_is_overwhelmed_are_outlived(
    world: World, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with running(control_plane, namespace, tmp_path) as one:
        await eventually(one.ready, within_secs=90)
        await world.make("first")
        for status, reason, times in ((409, "Conflict", 40), (429, "TooManyRequests", 6), (503, "Unavailable", 6)):
            one.proxy.refuse(lambda asked: asked.is_write, status, reason, times=times)
        for name in ("second", "third"):
            await world.ask("POST", STRATEGY.path(namespace), strategy(name, namespace))
        await world.delete(SERVICE, "first")
        for name in ("first", "second", "third"):
            await world.settled(name, within_secs=90)
        assert (await one.ask("/livez"))[0] == 200
    assert [line for line in one.lines if line["level"] in ("error", "critical")] == []


async def test_a_namespace_that_is_deleted_goes_and_the_operator_stays_well(
    world: World, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    async with running(control_plane, namespace, tmp_path) as one:
        await eventually(one.ready, within_secs=90)
        await world.make("first")
        await world.make("second")
        await world.ask("DELETE", f"/api/v1/namespaces/{namespace}")

        async def is_gone() -> bool:
            try:
                await world.ask("GET", f"/api/v1/namespaces/{namespace}")
            except Refused as refused:
                return refused.code == 404
            return False

        await eventually(is_gone, within_secs=90)
        assert one.process.poll() is None
        assert (await one.ask("/livez"))[0] == 200
    panics = [line for line in one.lines if line["level"] in ("error", "critical")]
    assert panics == []


async def test_edits_and_deletions_while_watches_are_cut_are_noticed(world: World) -> None:
    async with world.operator():
        await world.make()
        assert world.proxy.cut(lambda asked: asked.is_watch) > 0
        await world.spoil(CONFIG_MAP, {"data": {"strategy.json": "spoilt"}})
        await world.delete(SERVICE)
        await world.settled(within_secs=30)


async def test_a_deletion_that_no_watch_ever_tells_is_found(world: World) -> None:
    """The watch was away for so long that the API server lists anew: what is gone is not in the list."""
    async with world.operator():
        await world.make()
        await world.quiet()
        world.proxy.freeze(lambda asked: asked.is_watch)
        await world.delete(SERVICE)
        world.proxy.expire()
        world.proxy.thaw()
        await world.settled(within_secs=60)


async def test_a_frozen_watch_fails_the_liveness_probe_and_a_thawed_one_mends_it(
    world: World, control_plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    times = {"OPERATOR_WATCH_SECS": "3", "OPERATOR_STALE_WATCH_SECS": "12"}
    async with running(control_plane, namespace, tmp_path, **times) as one:
        await eventually(one.ready, within_secs=90)
        await asyncio.sleep(13)
        assert (await one.ask("/livez"))[0] == 200, "a quiet watch is not a stale one"
        one.proxy.freeze(lambda asked: asked.is_watch and asked.path.endswith("/configmaps"))

        async def stale() -> bool:
            status, text = await one.ask("/livez")
            return status == 503 and text == f"stale watch: {CONFIG_MAP.path(namespace)}\n"

        await eventually(stale, within_secs=90)
        one.proxy.thaw()

        async def alive() -> bool:
            return (await one.ask("/livez"))[0] == 200

        await eventually(alive, within_secs=90)


async def test_an_api_server_that_was_restarted_is_served_as_before(
    mortal_control_plane: ControlPlane, tmp_path: Path
) -> None:
    namespace = mortal_control_plane.new_namespace("test-restart")
    async with ApiProxy(mortal_control_plane) as proxy:
        world = World(mortal_control_plane, namespace, proxy)
        async with running(mortal_control_plane, namespace, tmp_path) as one:
            await eventually(one.ready, within_secs=90)
            await world.make()
            await asyncio.to_thread(mortal_control_plane.restart_api_server)
            await world.delete(CONFIG_MAP)
            await world.ask("POST", STRATEGY.path(namespace), strategy("second", namespace))
            await world.settled("second", within_secs=60)
            await world.settled(within_secs=60)
            assert one.process.poll() is None


async def test_it_waits_for_kinds_that_are_installed_after_it(
    mortal_control_plane: ControlPlane, tmp_path: Path
) -> None:
    namespace = mortal_control_plane.new_namespace("test-kinds")
    mortal_control_plane.kubectl("delete", "crd", "--all", "--wait")
    async with running(mortal_control_plane, namespace, tmp_path) as one:
        await eventually(lambda: any(line["event"] == "waiting for kinds" for line in one.lines), within_secs=90)
        assert (await one.ask("/livez"))[0] == 200
        assert (await one.ask("/readyz"))[0] == 503
        await asyncio.to_thread(mortal_control_plane.install_crds)
        await eventually(one.ready, within_secs=90)


def test_help_names_every_variable() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "prime_jennie_operator", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in ("OPERATOR_SCOPE", "OPERATOR_LEASE_SECS", "OPERATOR_VALUES", "JENNIE_CLOCK", "PORT"):
        assert f"\n  {name}" in done.stdout, name


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PORT", "x", "environment: PORT: "),
        ("OPERATOR_SCOPE", "world", "environment: OPERATOR_SCOPE: "),
        ("OPERATOR_REQUEST_SECS", "9", "must be less than lease minus renew deadline"),
        ("OPERATOR_STALE_WATCH_SECS", "61", "must be at least twice OPERATOR_WATCH_SECS"),
        ("KUBECONFIG", "/nowhere", "environment: KUBECONFIG: /nowhere: No such file"),
    ],
)
def test_a_wrong_variable_is_one_line_and_status_2(variable: str, value: str, said: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "prime_jennie_operator"],
        cwd=ROOT,
        env={**os.environ, "KUBECONFIG": "/nowhere", variable: value},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1
