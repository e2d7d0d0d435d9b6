"""Children are what is wanted: made once, healed when spoilt, pruned when unwanted, nobody else's ever touched."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from prime_jennie_operator import applier
from prime_jennie_operator.kube.kinds import (
    CONFIG_MAP,
    CRON_JOB,
    DEPLOYMENT,
    DISRUPTION_BUDGET,
    NETWORK_POLICY,
    SERVICE,
    SERVICE_ACCOUNT,
    STRATEGY,
    Kind,
    kind_of,
)
from tests.operator.world import MERGE, World
from tests.support.api_proxy import ApiProxy
from tests.support.control_plane import ControlPlane
from tests.support.eventually import eventually
from tests.support.tiny_operator import children_of, strategy

KINDS = (SERVICE_ACCOUNT, CONFIG_MAP, SERVICE, DEPLOYMENT, DISRUPTION_BUDGET, NETWORK_POLICY, CRON_JOB)
MAKERS = (DEPLOYMENT, CRON_JOB)
POD = ("spec", "template", "spec")


@pytest.fixture
async def world(control_plane: ControlPlane, namespace: str) -> AsyncIterator[World]:
    async with ApiProxy(control_plane) as proxy:
        yield World(control_plane, namespace, proxy)


def names(kinds: tuple[Kind, ...]) -> list[str]:
    return [kind.name for kind in kinds]


async def test_every_kind_of_child_is_made_with_one_request_and_one_manager(world: World) -> None:
    async with world.operator():
        owner = await world.make()
        await world.quiet()
    children = [asked for asked in world.proxy.writes() if "tradingstrategies" not in asked.path]
    assert len(children) == len(KINDS)
    makers = {kind.path(world.namespace, "one") for kind in MAKERS}
    assert {one.path for one in children[-2:]} == makers, "what pods need is there before what makes pods"
    asked = [one.method for one in world.proxy.asked if one.path == DEPLOYMENT.path(world.namespace, "one")]
    # The controller manager may have marked its revision before our answer came: then, and only then, it is looked at.
    assert asked in (["PATCH"], ["PATCH", "GET"])
    for kind in KINDS:
        live = await world.get(kind)
        (reference,) = live["metadata"]["ownerReferences"]
        assert (reference["uid"], reference["controller"]) == (owner["metadata"]["uid"], True)
        assert live["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "prime-jennie-operator"
        managers = {(m["manager"], m["operation"]) for m in live["metadata"]["managedFields"] if "subresource" not in m}
        assert ("prime-jennie-operator", "Apply") in managers
        assert {manager for manager, _ in managers} <= {"prime-jennie-operator", "kube-controller-manager"}


async def test_looking_again_asks_nothing_and_writes_nothing(world: World) -> None:
    async with world.operator() as operator:
        await world.make()
        await world.quiet()
        world.proxy.asked.clear()
        looked = len(world.reconcilers[0].reconciled)
        for _ in range(3):
            operator.look_at_all()
            await world.quiet()
        assert len(world.reconcilers[0].reconciled) == looked + 3
    assert [asked for asked in world.proxy.asked if not asked.is_watch and "/leases" not in asked.path] == []


async def test_a_new_process_finds_everything_as_wanted_and_writes_nothing(world: World) -> None:
    async with world.operator():
        await world.make()
        await world.quiet()
    world.proxy.asked.clear()
    async with world.operator():
        await eventually(lambda: world.reconcilers[-1].changes, what="the new process looks at the strategy")
        await world.quiet()
    assert world.proxy.writes() == []
    read = {asked.path.rsplit("/")[-2] for asked in world.proxy.asked if asked.path.endswith("/one")}
    assert read <= {"networkpolicies"}, "it knows from its watches, but for a default in a list that is one value"


EDITS: dict[str, tuple[Kind, Any]] = {
    "image": (
        DEPLOYMENT,
        [{"op": "replace", "path": "/spec/template/spec/containers/0/image", "value": "evil"}],
    ),
    "replicas": (DEPLOYMENT, {"spec": {"replicas": 3}}),
    "strategy type": (DEPLOYMENT, {"spec": {"strategy": {"type": "RollingUpdate"}}}),
    "environment variable changed": (
        DEPLOYMENT,
        [{"op": "replace", "path": "/spec/template/spec/containers/0/env/0/value", "value": "2"}],
    ),
    "environment variable added": (
        DEPLOYMENT,
        [{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "B", "value": "2"}}],
    ),
    "environment variable inserted first": (
        DEPLOYMENT,
        [{"op": "add", "path": "/spec/template/spec/containers/0/env/0", "value": {"name": "B", "value": "2"}}],
    ),
    "environment variable removed": (
        DEPLOYMENT,
        [{"op": "remove", "path": "/spec/template/spec/containers/0/env/1"}],
    ),
    "two containers added": (
        DEPLOYMENT,
        [
            {"op": "add", "path": "/spec/template/spec/containers/0", "value": {"name": "s", "image": "sidecar"}},
            {"op": "add", "path": "/spec/template/spec/containers/-", "value": {"name": "t", "image": "sidecar"}},
        ],
    ),
    "volume added": (
        DEPLOYMENT,
        [{"op": "add", "path": "/spec/template/spec/volumes/-", "value": {"name": "host", "hostPath": {"path": "/"}}}],
    ),
    "port added": (
        DEPLOYMENT,
        [{"op": "add", "path": "/spec/template/spec/containers/0/ports/-", "value": {"containerPort": 22}}],
    ),
    "limit added": (
        DEPLOYMENT,
        [{"op": "add", "path": "/spec/template/spec/containers/0/resources/limits/cpu", "value": "2"}],
    ),
    "quantity changed": (
        DEPLOYMENT,
        [{"op": "replace", "path": "/spec/template/spec/containers/0/resources/requests/cpu", "value": "100m"}],
    ),
    "host network": (DEPLOYMENT, {"spec": {"template": {"spec": {"hostNetwork": True}}}}),
    "node selector": (DEPLOYMENT, {"spec": {"template": {"spec": {"nodeSelector": {"disk": "ssd"}}}}}),
    "capability added": (
        DEPLOYMENT,
        [
            {
                "op": "add",
                "path": "/spec/template/spec/containers/0/securityContext/capabilities/add",
                "value": ["NET_ADMIN"],
            }
        ],
    ),
    "capabilities dropped no more": (
        DEPLOYMENT,
        [
            {
                "op": "replace",
                "path": "/spec/template/spec/containers/0/securityContext/capabilities/drop",
                "value": ["KILL"],
            }
        ],
    ),
    "label removed": (
        DEPLOYMENT,
        [{"op": "remove", "path": "/metadata/labels/app.kubernetes.io~1managed-by"}],
    ),
    "owner removed": (CONFIG_MAP, [{"op": "remove", "path": "/metadata/ownerReferences"}]),
    "configuration changed": (CONFIG_MAP, {"data": {"strategy.json": "{evil}"}}),
    "configuration added": (CONFIG_MAP, {"data": {"other.json": "{}"}}),
    "configuration removed": (CONFIG_MAP, {"data": None}),
    "binary configuration added": (CONFIG_MAP, {"binaryData": {"a": "AAAA"}}),
    "token mounted": (SERVICE_ACCOUNT, {"automountServiceAccountToken": True}),
    "token mounted by default": (SERVICE_ACCOUNT, {"automountServiceAccountToken": None}),
    "selector": (SERVICE, {"spec": {"selector": {"app.kubernetes.io/name": "other"}}}),
    "selector narrowed": (SERVICE, {"spec": {"selector": {"more": "x"}}}),
    "target port": (SERVICE, [{"op": "replace", "path": "/spec/ports/0/targetPort", "value": 22}]),
    "service port added": (
        SERVICE,
        [{"op": "add", "path": "/spec/ports/-", "value": {"name": "ssh", "port": 22, "targetPort": 22}}],
    ),
    "service type": (SERVICE, {"spec": {"type": "NodePort"}}),
    "budget": (DISRUPTION_BUDGET, {"spec": {"maxUnavailable": 1}}),
    "budget's policy": (DISRUPTION_BUDGET, {"spec": {"unhealthyPodEvictionPolicy": "AlwaysAllow"}}),
    "network opened": (NETWORK_POLICY, {"spec": {"ingress": [{}]}}),
    "network rule added": (NETWORK_POLICY, [{"op": "add", "path": "/spec/ingress/-", "value": {}}]),
    "egress closed": (NETWORK_POLICY, {"spec": {"policyTypes": ["Ingress", "Egress"]}}),
    "schedule": (CRON_JOB, {"spec": {"schedule": "* * * * *"}}),
    "schedule's deadline": (CRON_JOB, {"spec": {"startingDeadlineSeconds": 7}}),
    "job's container": (
        CRON_JOB,
        [
            {
                "op": "add",
                "path": "/spec/jobTemplate/spec/template/spec/containers/-",
                "value": {"name": "s", "image": "sidecar"},
            }
        ],
    ),
}


async def test_every_edit_of_every_kind_is_undone_and_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(applier, "CONTESTED_WITHIN_SECS", 0.0)  # this many edits by one hand are a fight
    left: dict[str, Any] = {}
    async with world.operator():
        await world.make()
        for what, (kind, patch) in EDITS.items():
            seen, before = len(world.changes), await world.get(kind)
            spoilt = await world.spoil(kind, patch)
            assert spoilt["metadata"]["resourceVersion"] != before["metadata"]["resourceVersion"], f"{what}: no edit"
            try:
                await world.settled(within_secs=5)
            except AssertionError as error:
                left[what] = error
                continue
            await world.quiet()
            healed = await world.get(kind)
            for read in (before, healed):
                for volatile in ("managedFields", "resourceVersion", "generation"):
                    read["metadata"].pop(volatile, None)
                read["metadata"].get("annotations", {}).pop("deployment.kubernetes.io/revision", None)
                read.pop("status", None)
            assert healed == before, what
            assert any(changes.healed for changes in world.changes[seen:]), f"{what}: nobody was told"
    assert left == {}


@pytest.mark.parametrize("kind", KINDS, ids=names(KINDS))
async def test_a_deleted_child_comes_back(world: World, kind: Kind) -> None:
    async with world.operator():
        await world.make()
        before = await world.get(kind)
        await world.delete(kind)
        await world.settled()
        after = await world.get(kind)
        await world.quiet()
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    sentences = [sentence for changes in world.changes for sentence in changes.healed.values()]
    assert sentences == [f"{kind.name} one: was deleted and has been made again"]


async def test_what_others_may_add_stays(world: World) -> None:
    async with world.operator():
        await world.make()
        await world.quiet()
        world.proxy.asked.clear()
        await world.spoil(DEPLOYMENT, {"metadata": {"annotations": {"note": "mine"}, "labels": {"team": "a"}}})
        restarted = {"kubectl.kubernetes.io/restartedAt": "2026-01-01T00:00:00Z"}
        await world.spoil(DEPLOYMENT, {"spec": {"template": {"metadata": {"annotations": restarted}}}})
        await world.spoil(SERVICE_ACCOUNT, {"imagePullSecrets": [{"name": "registry"}]})
        await world.quiet()
    assert world.proxy.writes() == []
    live = await world.get(DEPLOYMENT)
    assert live["metadata"]["annotations"]["note"] == "mine"
    assert live["spec"]["template"]["metadata"]["annotations"] == restarted


async def test_status_alone_causes_no_request(world: World) -> None:
    async with world.operator():
        await world.make()
        await world.quiet()
        world.proxy.asked.clear()
        path = DEPLOYMENT.path(world.namespace, "one", "status")
        await world.ask("PATCH", path, {"status": {"replicas": 1}}, content="application/merge-patch+json")
        await world.quiet()
    assert [a for a in world.proxy.asked if not a.is_watch and "/leases" not in a.path] == []


async def test_children_that_are_wanted_no_more_are_pruned_and_no_others(world: World) -> None:
    async with world.operator():
        await world.make()
        await world.make("two")
        labels = (await world.get(CONFIG_MAP))["metadata"]["labels"]
        foreign = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "helms", "labels": {**labels, "app.kubernetes.io/managed-by": "Helm"}},
        }
        await world.ask("POST", CONFIG_MAP.path(world.namespace), foreign)
        kept = "ServiceAccount,ConfigMap"
        await world.ask(
            "PATCH",
            STRATEGY.path(world.namespace, "one"),
            {"metadata": {"annotations": {"test/children": kept}}},
            content="application/merge-patch+json",
        )

        async def pruned() -> bool:
            return all([await world.find(kind) is None for kind in KINDS[2:]])

        await eventually(pruned)
        await world.quiet()
        for kind in KINDS[:2]:
            assert await world.find(kind) is not None
        assert await world.find(CONFIG_MAP, "helms") is not None
        assert await world.differences("two") == {}


async def test_what_we_took_away_and_make_again_was_lost_by_nobody(world: World) -> None:
    async with world.operator():
        await world.make()
        for kept, has_all in (("ServiceAccount", False), ("", True)):
            marks = {"test/children": kept or None}
            path = STRATEGY.path(world.namespace, "one")
            await world.ask("PATCH", path, {"metadata": {"annotations": marks}}, content=MERGE)

            async def is_done(has_all: bool = has_all) -> bool:
                found = [await world.find(kind) is not None for kind in KINDS[1:]]
                return all(found) if has_all else not any(found)

            await eventually(is_done)
            await world.quiet()
    assert [changes.healed for changes in world.changes if changes.healed] == []


async def test_a_new_process_prunes_what_was_dropped_while_nobody_looked(world: World) -> None:
    async with world.operator():
        await world.make()
        await world.quiet()
    await world.ask(
        "PATCH",
        STRATEGY.path(world.namespace, "one"),
        {"metadata": {"annotations": {"test/children": "ConfigMap"}}},
        content="application/merge-patch+json",
    )
    async with world.operator():

        async def pruned() -> bool:
            return all([await world.find(kind) is None for kind in KINDS if kind is not CONFIG_MAP])

        await eventually(pruned)


async def test_a_field_that_is_wanted_no_more_goes_even_after_a_restart(world: World) -> None:
    async with world.operator():
        await world.make()
        await world.quiet()
    # What an older operator applied, with the same name: a variable that this one does not want.
    live = next(child for child in children_of("one", world.namespace) if child["kind"] == "Deployment")
    container = live["spec"]["template"]["spec"]["containers"][0]
    container["env"].append({"name": "OLD", "value": "1"})
    full = await world.get(DEPLOYMENT)
    live["metadata"]["ownerReferences"] = full["metadata"]["ownerReferences"]
    live["metadata"]["labels"] = full["metadata"]["labels"]
    path = f"{DEPLOYMENT.path(world.namespace, 'one')}?fieldManager=prime-jennie-operator&force=true"
    await world.ask("PATCH", path, live, content="application/apply-patch+yaml")
    async with world.operator():
        await world.settled()
    env = (await world.get(DEPLOYMENT))["spec"]["template"]["spec"]["containers"][0]["env"]
    assert [entry["name"] for entry in env] == ["A", "EMPTY"]


@pytest.mark.parametrize(
    ("labels", "owner", "said"),
    [
        ({"app.kubernetes.io/managed-by": "Helm"}, None, "is managed by Helm"),
        ({}, None, "exists already and was not made for this object"),
        ({"app.kubernetes.io/managed-by": "prime-jennie-operator"}, SERVICE_ACCOUNT, "belongs to ServiceAccount other"),
        ({}, STRATEGY, "belongs to TradingStrategy other"),
    ],
    ids=["Helm's", "a person's", "a controller's", "another strategy's"],
)
async def test_an_object_of_somebody_else_is_never_touched_and_freed_names_are_used(
    world: World, labels: dict[str, str], owner: Kind | None, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applier, "RETRY_REFUSED_SECS", 1.2)
    metadata: dict[str, Any] = {"name": "one", "labels": labels}
    if owner is not None:
        about = {"apiVersion": owner.api_version, "kind": owner.name}
        other = about | {"metadata": {"name": "other", "annotations": {"test/children": "none"}}}
        made = await world.ask("POST", owner.path(world.namespace), other | ({"spec": {}} if owner is STRATEGY else {}))
        reference = {"name": "other", "uid": made["metadata"]["uid"], "controller": True}
        metadata["ownerReferences"] = [about | reference]
    foreign = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"a": "b"}}
    made = await world.ask("POST", CONFIG_MAP.path(world.namespace), foreign)
    async with world.operator():
        await world.ask(
            "POST",
            STRATEGY.path(world.namespace),
            {"apiVersion": "trading.prime-jennie.io/v1alpha1", "kind": "TradingStrategy", "metadata": {"name": "one"}}
            | {"spec": {}},
        )
        await eventually(lambda: any(changes.refused for changes in world.changes))
        await world.quiet()
        assert (await world.get(CONFIG_MAP)) == made
        (refused,) = world.changes[-1].refused
        assert (refused.reason, refused.message) == ("ForeignOwner", said)
        assert str(refused) == f"ConfigMap one: {said}"
        for kind in KINDS:
            if kind is not CONFIG_MAP:
                assert await world.find(kind) is not None, "other children are made all the same"
        await world.delete(CONFIG_MAP)
        await world.settled()
        assert (await world.get(CONFIG_MAP))["data"] == {"strategy.json": "{}"}


async def test_an_immutable_field_is_told_and_asked_for_once(world: World) -> None:
    async with world.operator() as operator:
        await world.make()
        live = await world.get(DEPLOYMENT)
        # Somebody deleted the Deployment and made one with another selector, in our name and with our labels.
        live["spec"]["selector"]["matchLabels"] = {"app.kubernetes.io/name": "one"}
        for volatile in ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp"):
            live["metadata"].pop(volatile)
        world.proxy.refuse(lambda asked: asked.is_write, 503, "ServiceUnavailable")
        await world.delete(DEPLOYMENT)
        await world.ask("POST", DEPLOYMENT.path(world.namespace), live)
        world.proxy.relent()
        await eventually(lambda: any(changes.refused for changes in world.changes))
        await world.quiet()
        (refused,) = world.changes[-1].refused
        assert refused.reason == "Immutable"
        assert "spec.selector" in refused.message
        assert world.changes[-1].retry_secs is None
        world.proxy.asked.clear()
        for _ in range(3):
            operator.look_at_all()
            await world.quiet()
        assert world.proxy.writes() == []
        assert world.changes[-1].refused == [refused], "it is still said"
        await world.delete(DEPLOYMENT)
        await world.settled()
        assert world.changes[-1].refused == []


async def test_what_several_children_are_refused_is_told_in_the_order_in_which_they_are_wanted(world: World) -> None:
    world.proxy.refuse(lambda asked: asked.is_write and not asked.path.endswith("/status"), 403, "Forbidden")
    async with world.operator() as operator:
        await world.ask("POST", STRATEGY.path(world.namespace), strategy("one", world.namespace))
        await eventually(lambda: any(changes.refused for changes in world.changes))
        operator.look_at_all()
        await world.quiet()
    for changes in world.changes:
        told = [refused.child.kind for refused in changes.refused]
        assert told == names((SERVICE_ACCOUNT, CONFIG_MAP, SERVICE, DISRUPTION_BUDGET, NETWORK_POLICY, *MAKERS))


async def test_a_quota_is_told_and_tried_again_until_it_is_lifted(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(applier, "RETRY_REFUSED_SECS", 1.2)
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}}
    quota |= {"spec": {"hard": {"count/deployments.apps": "0"}}}
    path = f"/api/v1/namespaces/{world.namespace}/resourcequotas"
    await world.ask("POST", path, quota)
    status = {"status": {"hard": {"count/deployments.apps": "0"}, "used": {"count/deployments.apps": "0"}}}
    await world.ask("PATCH", f"{path}/q/status", status, content="application/merge-patch+json")
    async with world.operator():
        spec = {"apiVersion": "trading.prime-jennie.io/v1alpha1", "kind": "TradingStrategy"}
        await world.ask("POST", STRATEGY.path(world.namespace), spec | {"metadata": {"name": "one"}, "spec": {}})
        await eventually(lambda: any(changes.refused for changes in world.changes))
        (refused,) = next(changes.refused for changes in world.changes if changes.refused)
        assert refused.reason == "QuotaExceeded"
        assert "exceeded quota: q" in refused.message
        await world.ask("DELETE", f"{path}/q")
        await world.settled()


async def test_who_keeps_changing_a_child_back_ends_a_fight_and_is_named(world: World) -> None:
    async with world.operator():
        await world.make()
        for number in range(applier.CONTESTED_HEALS + 1):
            await world.spoil(CONFIG_MAP, {"data": {f"k{number}": "x"}}, manager="rival")
            await world.quiet()
        (refused,) = world.changes[-1].refused
        assert refused.reason == "Contested"
        assert "rival keeps changing data.k" in refused.message
        world.proxy.asked.clear()
        await world.spoil(CONFIG_MAP, {"data": {"more": "x"}}, manager="rival")
        await world.quiet()
        assert world.proxy.writes() == []


async def test_a_storm_of_conflicts_ends_well(world: World) -> None:
    world.proxy.refuse(lambda asked: asked.is_write, 409, times=25)
    async with world.operator():
        await world.make()
        world.proxy.refuse(lambda asked: asked.is_write, 409, times=25)
        await world.spoil(CONFIG_MAP, {"data": {"strategy.json": "spoilt"}})
        await world.delete(SERVICE)
        await world.settled(within_secs=30)


async def test_edits_while_it_writes_are_not_lost(world: World) -> None:
    """Somebody edits all the time; when they stop, everything is as wanted."""
    async with world.operator():
        await world.make()
        for number in range(4):
            await world.spoil(DEPLOYMENT, {"spec": {"replicas": number + 1}}, manager=f"m{number}")
            await world.spoil(CONFIG_MAP, {"data": {"strategy.json": str(number)}}, manager=f"m{number}")
        await world.settled()


async def test_a_child_that_is_being_deleted_is_left_alone_and_made_again(world: World) -> None:
    async with world.operator() as operator:
        await world.make()
        await world.spoil(CONFIG_MAP, {"metadata": {"finalizers": ["test/hold"]}})
        before = (await world.get(CONFIG_MAP))["metadata"]["uid"]
        await world.delete(CONFIG_MAP)
        await world.quiet()
        world.proxy.asked.clear()
        operator.look_at_all()
        await world.quiet()
        assert world.proxy.writes() == []
        await world.spoil(CONFIG_MAP, {"metadata": {"finalizers": None}})
        await world.settled()
        assert (await world.get(CONFIG_MAP))["metadata"]["uid"] != before


async def test_kubectl_apply_by_a_person_with_our_name_is_undone(world: World) -> None:
    async with world.operator():
        await world.make()
        wanted = next(child for child in children_of("one", world.namespace) if child["kind"] == "ConfigMap")
        wanted["data"]["more"] = "x"
        path = f"{CONFIG_MAP.path(world.namespace, 'one')}?fieldManager=prime-jennie-operator&force=true"
        await world.ask("PATCH", path, wanted, content="application/apply-patch+yaml")
        await world.settled()
        live = await world.get(CONFIG_MAP)
        assert live["data"] == {"strategy.json": "{}"}
        assert live["metadata"]["ownerReferences"]


async def test_forgotten_managed_fields_are_written_anew_once(world: World) -> None:
    async with world.operator():
        await world.make()
        await world.spoil(CONFIG_MAP, [{"op": "replace", "path": "/metadata/managedFields", "value": [{}]}])
        await world.spoil(CONFIG_MAP, {"data": {"more": "x"}})
        await world.settled()
        await world.quiet()
        live = await world.get(CONFIG_MAP)
        assert live["data"] == {"strategy.json": "{}"}


def test_every_kind_is_covered() -> None:
    assert {kind_of(child) for child in children_of("one", "default")} == set(KINDS)
    assert {kind for kind, _ in EDITS.values()} == set(KINDS)
