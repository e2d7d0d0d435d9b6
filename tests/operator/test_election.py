"""One leader at a time: by a real Lease, whatever becomes of connections, processes and clocks."""

import asyncio
import re
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from prime_jennie.infra.tasks import end_task
from prime_jennie_operator.election import Election
from prime_jennie_operator.kube.api import KubeApi
from prime_jennie_operator.kube.connection import Connection
from prime_jennie_operator.kube.errors import NotLeading
from prime_jennie_operator.kube.kinds import CONFIG_MAP, LEASE
from prime_jennie_operator.leadership import Leadership
from prime_jennie_operator.settings import OperatorSettings
from tests.support.api_proxy import ApiProxy
from tests.support.control_plane import ControlPlane
from tests.support.eventually import eventually

LEASE_SECS, DEADLINE_SECS, RETRY_SECS, REQUEST_SECS = 3.0, 1.8, 0.3, 1.0
MICROSECONDS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


@dataclass
class Contender:
    """One process that would like to lead, and the way on which it reaches the API server."""

    proxy: ApiProxy
    api: KubeApi
    leadership: Leadership
    election: Election
    task: asyncio.Task[None]

    @property
    def leads(self) -> bool:
        return self.leadership.is_leader


Contenders = Callable[..., Any]


@pytest.fixture
async def contender(control_plane: ControlPlane, namespace: str) -> AsyncIterator[Contenders]:
    """Start contenders; each has a proxy of its own."""
    async with AsyncExitStack() as stack:

        async def start(**more: Any) -> Contender:
            return await stack.enter_async_context(contending(control_plane, namespace, **more))

        yield start


@asynccontextmanager
async def contending(plane: ControlPlane, namespace: str, **more: Any) -> AsyncIterator[Contender]:
    settings = OperatorSettings(
        lease_duration_secs=LEASE_SECS,
        renew_deadline_secs=DEADLINE_SECS,
        retry_period_secs=RETRY_SECS,
        request_secs=REQUEST_SECS,
        instance="same-host",
    )
    async with ApiProxy(plane) as proxy:
        leadership = Leadership()
        connection = Connection(server=proxy.url, ssl_context=ssl.create_default_context())
        api = KubeApi(connection, leadership, request_secs=REQUEST_SECS)
        election = Election(api, leadership, settings, namespace, **more)
        task = asyncio.create_task(election.run())
        try:
            yield Contender(proxy, api, leadership, election, task)
        finally:
            proxy.thaw()
            await end_task(task)
            await api.close()


@asynccontextmanager
async def never_two(contenders: list[Contender]) -> AsyncIterator[list[int]]:
    """Look all the time how many lead."""
    seen: list[int] = []

    async def look() -> None:
        while True:
            seen.append(sum(one.leads for one in contenders))
            await asyncio.sleep(0.002)

    task = asyncio.create_task(look())
    try:
        yield seen
    finally:
        await end_task(task)
        assert max(seen) <= 1, "two wrote at the same time"


async def lease(plane: ControlPlane, namespace: str) -> dict[str, Any]:
    path = LEASE.path(namespace, "prime-jennie-operator")
    return await asyncio.to_thread(plane.request, "GET", path)


async def test_of_three_exactly_one_leads_and_says_so_in_utc_microseconds(
    contender: Contenders, control_plane: ControlPlane, namespace: str
) -> None:
    three = [await contender() for _ in range(3)]
    async with never_two(three):
        await eventually(lambda: any(one.leads for one in three))
        await asyncio.sleep(LEASE_SECS * 1.5)
    (leader,) = [one for one in three if one.leads]
    spec = (await lease(control_plane, namespace))["spec"]
    assert spec["holderIdentity"] == leader.election.identity
    assert spec["leaseDurationSeconds"] == LEASE_SECS
    assert spec["leaseTransitions"] == 0
    for told in (spec["acquireTime"], spec["renewTime"]):
        assert MICROSECONDS.fullmatch(told)
        assert abs(datetime.now(UTC) - datetime.fromisoformat(told)) < timedelta(seconds=10)


async def test_two_processes_of_one_name_are_two(contender: Contenders) -> None:
    one, two = await contender(), await contender()
    assert one.election.identity != two.election.identity
    assert one.election.identity.startswith("same-host_")


async def test_who_does_not_lead_cannot_write(contender: Contenders, namespace: str) -> None:
    one = await contender()
    two = await contender()
    await eventually(lambda: one.leads or two.leads)
    standby = two if one.leads else one
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": namespace}}
    writes = [
        lambda: standby.api.apply(config),
        lambda: standby.api.apply_status(config),
        lambda: standby.api.create(config),
        lambda: standby.api.patch(CONFIG_MAP, namespace, "x", {}),
        lambda: standby.api.delete(CONFIG_MAP, namespace, "x"),
    ]
    for write in writes:
        with pytest.raises(NotLeading):
            await write()
    assert standby.proxy.writes() == []


async def test_a_lease_that_is_given_back_is_taken_at_once(
    contender: Contenders, control_plane: ControlPlane, namespace: str
) -> None:
    one = await contender()
    await eventually(lambda: one.leads)
    two = await contender()
    async with never_two([one, two]):
        await end_task(one.task)
        await one.election.release()
        began = time.monotonic()
        await eventually(lambda: two.leads)
    assert time.monotonic() - began < LEASE_SECS
    assert (await lease(control_plane, namespace))["spec"]["leaseTransitions"] == 1


async def test_a_leader_that_hears_nothing_stops_at_its_deadline_and_only_then_another_leads(
    contender: Contenders,
) -> None:
    one = await contender()
    await eventually(lambda: one.leads)
    two = await contender()
    async with never_two([one, two]):
        one.proxy.freeze()
        began = time.monotonic()
        await eventually(lambda: not one.leads)
        stopped_secs = time.monotonic() - began
        await eventually(lambda: two.leads, within_secs=3 * LEASE_SECS)
        one.proxy.thaw()
        await asyncio.sleep(LEASE_SECS)
        assert two.leads
        assert not one.leads
    assert stopped_secs <= DEADLINE_SECS + 0.3


async def test_a_write_under_way_ends_before_another_may_lead(contender: Contenders, namespace: str) -> None:
    one = await contender()
    await eventually(lambda: one.leads)
    two = await contender()
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": namespace}}
    one.proxy.freeze()
    await eventually(lambda: one.leadership.left_secs < 0.1)
    write = asyncio.create_task(one.api.apply(config))
    await eventually(lambda: write.done() or two.leads, within_secs=3 * LEASE_SECS)
    assert write.done()
    assert not two.leads
    assert write.exception() is not None


@pytest.mark.parametrize("status", [500, 401, 403, 429])
async def test_refused_renewals_are_like_none(contender: Contenders, status: int) -> None:
    one = await contender()
    await eventually(lambda: one.leads)
    one.proxy.refuse(lambda asked: "/leases" in asked.path, status, "Refused")
    await eventually(lambda: not one.leads, within_secs=3 * DEADLINE_SECS)
    one.proxy.relent()
    await eventually(lambda: one.leads, within_secs=3 * LEASE_SECS)


async def test_a_lost_answer_does_not_cost_the_lease(contender: Contenders) -> None:
    """The renewal was written, the leader never heard of it, and renews again."""
    one = await contender()
    await eventually(lambda: one.leads)
    for _ in range(3):
        await eventually(lambda: one.proxy.cut(lambda asked: asked.method == "PUT") > 0, within_secs=5)
        await asyncio.sleep(RETRY_SECS * 2)
        assert one.leads


async def test_a_stolen_lease_ends_the_lead_with_the_next_look(
    contender: Contenders, control_plane: ControlPlane, namespace: str
) -> None:
    one = await contender()
    await eventually(lambda: one.leads)
    path = LEASE.path(namespace, "prime-jennie-operator")
    stolen = {"spec": {"holderIdentity": "thief", "leaseDurationSeconds": 60}}
    await asyncio.to_thread(control_plane.request, "PATCH", path, stolen, content_type="application/merge-patch+json")
    await eventually(lambda: not one.leads, within_secs=DEADLINE_SECS - RETRY_SECS)
    await asyncio.sleep(LEASE_SECS * 1.5)
    assert not one.leads, "the thief asked for a minute"


@pytest.mark.parametrize(
    "spec",
    [None, {}, {"holderIdentity": ""}, {"holderIdentity": "gone", "leaseDurationSeconds": 1}],
    ids=["no spec", "empty", "released", "abandoned"],
)
async def test_whatever_lease_is_found_is_taken_in_the_end(
    contender: Contenders, control_plane: ControlPlane, namespace: str, spec: dict[str, Any] | None
) -> None:
    found: dict[str, Any] = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease"}
    found |= {"metadata": {"name": "prime-jennie-operator"}} | ({} if spec is None else {"spec": spec})
    await asyncio.to_thread(control_plane.request, "POST", LEASE.path(namespace), found)
    one = await contender()
    await eventually(lambda: one.leads, within_secs=3 * LEASE_SECS)


async def test_a_deleted_lease_is_made_again(
    contender: Contenders, control_plane: ControlPlane, namespace: str
) -> None:
    one = await contender()
    await eventually(lambda: one.leads)
    path = LEASE.path(namespace, "prime-jennie-operator")
    await asyncio.to_thread(control_plane.request, "DELETE", path)
    await asyncio.sleep(DEADLINE_SECS)
    assert one.leads
    assert (await lease(control_plane, namespace))["spec"]["holderIdentity"] == one.election.identity


async def test_the_walls_clock_means_nothing(contender: Contenders) -> None:
    """A leader whose clock is wrong by a year keeps its lease, and loses it to nobody with a right one."""
    one = await contender(now=lambda: datetime(2001, 1, 1, tzinfo=UTC))
    await eventually(lambda: one.leads)
    two = await contender()
    async with never_two([one, two]):
        await asyncio.sleep(LEASE_SECS * 1.5)
    assert one.leads


async def test_a_process_that_was_stopped_for_long_does_not_lead_when_it_goes_on(contender: Contenders) -> None:
    offset_secs = 0.0
    one = await contender(now_secs=lambda: time.monotonic() + offset_secs)
    one.leadership._now_secs = lambda: time.monotonic() + offset_secs
    await eventually(lambda: one.leads)
    offset_secs = DEADLINE_SECS + 0.01
    assert not one.leads
    with pytest.raises(NotLeading):
        one.leadership.require()


async def test_an_end_without_a_connection_is_quick(contender: Contenders) -> None:
    one = await contender()
    await eventually(lambda: one.leads)
    await end_task(one.task)
    one.proxy.freeze()
    began = time.monotonic()
    await one.election.release()
    assert time.monotonic() - began < 5
    assert not one.leads


async def test_a_renewal_that_was_cut_off_when_the_end_came_does_not_keep_the_next_one_waiting(
    contender: Contenders, control_plane: ControlPlane, namespace: str
) -> None:
    one = await contender()
    await eventually(lambda: one.leads)
    await end_task(one.task)
    path = LEASE.path(namespace, "prime-jennie-operator")
    touched = {"metadata": {"annotations": {"renewed": "by a request that nobody waited for"}}}
    await asyncio.to_thread(control_plane.request, "PATCH", path, touched, content_type="application/merge-patch+json")
    await one.election.release()
    assert (await lease(control_plane, namespace))["spec"].get("holderIdentity", "") == ""
