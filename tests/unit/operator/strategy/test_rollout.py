import base64
import copy
import json
import zlib
from datetime import UTC, datetime
from typing import Any

import pytest

from prime_jennie.domain.trading_strategy import Rollout
from prime_jennie_operator.children import pod_facts
from prime_jennie_operator.desired.strategy import Circumstances, strategy_objects
from prime_jennie_operator.loading import load_document, load_values
from prime_jennie_operator.manifest import Manifest, name_of, of_kind
from prime_jennie_operator.marks import FREEZE_ROLLOUT
from prime_jennie_operator.resources import TradingStrategy
from prime_jennie_operator.strategy.exchange_hours import ExchangeHours
from prime_jennie_operator.strategy.rollout import (
    APPLIED_TEMPLATE,
    Gate,
    gate,
    mark_of,
    stale_pod,
    staying,
    template_of,
    through_gate,
)
from prime_jennie_operator.strategy.standing import cannot_run

CLOSE = datetime(2026, 2, 19, 6, 30, tzinfo=UTC)
OPEN, CLOSED = ExchangeHours(CLOSE, CLOSE), ExchangeHours(None, None)
SHUT = Gate("ExchangeOpen", "until the exchange closes")


def rendered(services: dict[str, Any] | None = None, *, secrets: str = "s1") -> list[Manifest]:
    document = {
        "apiVersion": "trading.prime-jennie.io/v1alpha1",
        "kind": "TradingStrategy",
        "metadata": {"name": "krx"},
        "spec": {"services": services or {}},
    }
    strategy = load_document(document, "test")
    assert isinstance(strategy, TradingStrategy)
    return strategy_objects(strategy, load_values(), Circumstances(secrets_print=secrets))


def deployments(objects: list[Manifest]) -> dict[str, Manifest]:
    return {name_of(one): one for one in of_kind(objects, "Deployment")}


def marks(objects: list[Manifest]) -> dict[str, str]:
    return {name: one["metadata"]["annotations"][APPLIED_TEMPLATE] for name, one in deployments(objects).items()}


def image(objects: list[Manifest], name: str = "krx-buy-scanner") -> str:
    return str(deployments(objects)[name]["spec"]["template"]["spec"]["containers"][0]["image"])


NEW_IMAGE = {"buyScanner": {"image": "registry.local/buy-scanner:next"}}


@pytest.mark.parametrize(
    ("annotations", "rollout", "hours", "reason"),
    [
        ({}, Rollout.OUTSIDE_SESSION, OPEN, "ExchangeOpen"),
        ({}, Rollout.OUTSIDE_SESSION, CLOSED, ""),
        ({}, Rollout.IMMEDIATE, OPEN, ""),
        ({FREEZE_ROLLOUT: "true"}, Rollout.IMMEDIATE, CLOSED, "Frozen"),
        ({FREEZE_ROLLOUT: " True"}, Rollout.OUTSIDE_SESSION, OPEN, "Frozen"),
        ({FREEZE_ROLLOUT: "false"}, Rollout.OUTSIDE_SESSION, CLOSED, ""),
        ({FREEZE_ROLLOUT: ""}, Rollout.OUTSIDE_SESSION, CLOSED, ""),
    ],
)
def test_the_gate_is_shut_by_the_session_and_by_a_person(
    annotations: dict[str, str], rollout: Rollout, hours: ExchangeHours, reason: str
) -> None:
    found = gate(annotations, rollout, hours)
    assert (found.reason, found.is_shut) == (reason, bool(reason))
    if reason == "ExchangeOpen":
        assert found.why == "until the exchange closes at 2026-02-19 15:30 KST"


def test_new_deployments_never_wait_and_remember_their_template() -> None:
    passed = through_gate(rendered(), {}, SHUT)
    assert passed.waiting == {}
    for one in deployments(passed.objects).values():
        assert template_of(one["metadata"]["annotations"][APPLIED_TEMPLATE]) == one["spec"]["template"]


def test_a_changed_template_waits_in_the_session_and_comes_after_it() -> None:
    before = through_gate(rendered(), {}, Gate()).objects
    held = through_gate(rendered(NEW_IMAGE), marks(before), SHUT)
    assert deployments(held.objects) == deployments(before)
    assert held.waiting == {
        "krx-buy-scanner": "image registry.local/buy-scanner:next instead of ghcr.io/prime-jennie/buy-scanner:0.1.0"
    }
    after = through_gate(rendered(NEW_IMAGE), marks(held.objects), Gate())
    assert image(after.objects) == "registry.local/buy-scanner:next"
    assert after.waiting == {}


def test_what_is_taken_back_while_it_waits_never_comes() -> None:
    before = through_gate(rendered(), {}, Gate()).objects
    held = through_gate(rendered(NEW_IMAGE), marks(before), SHUT).objects
    back = through_gate(rendered(), marks(held), SHUT)
    assert (back.waiting, deployments(back.objects)) == ({}, deployments(before))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"services": {"buyScanner": {"resources": {"limits": {"memory": "3Gi"}}}}}, "resources"),
        ({"services": {"buyScanner": {"env": [{"name": "EXTRA", "value": "1"}]}}}, "env"),
        ({"secrets": "s2"}, "a Secret's contents"),
        ({"services": {"buyScanner": {"nodeSelector": {"disk": "fast"}}}}, "its template"),
    ],
)
def test_everything_of_a_pod_waits_and_is_named(change: dict[str, Any], said: str) -> None:
    before = through_gate(rendered(), {}, Gate()).objects
    held = through_gate(rendered(**change), marks(before), SHUT)
    assert held.waiting["krx-buy-scanner"] == said
    assert deployments(held.objects) == deployments(before)


def test_all_but_templates_passes_a_shut_gate() -> None:
    before = through_gate(rendered(), {}, Gate()).objects
    changed = rendered(NEW_IMAGE)
    deployments(changed)["krx-buy-scanner"]["spec"]["replicas"] = 0
    held = through_gate(changed, marks(before), SHUT).objects
    assert deployments(held)["krx-buy-scanner"]["spec"]["replicas"] == 0
    assert [one for one in held if one["kind"] != "Deployment"] == [o for o in changed if o["kind"] != "Deployment"]


DISABLED = {"buyScanner": {"enabled": False}}


def test_a_service_that_is_disabled_in_the_session_runs_until_its_end() -> None:
    before = through_gate(rendered(NEW_IMAGE), {}, Gate())
    passed = through_gate(rendered(DISABLED), marks(before.objects), SHUT)
    kept = staying(passed, rendered(), marks(before.objects), SHUT)
    assert kept.waiting == {"krx-buy-scanner": "its end"}
    assert image(kept.objects) == "registry.local/buy-scanner:next", "as it was let through, not as it would be now"
    assert {(one["kind"], name_of(one)) for one in kept.objects} >= {
        ("Deployment", "krx-buy-scanner"),
        ("Service", "krx-buy-scanner"),
    }
    gone = staying(through_gate(rendered(DISABLED), {}, Gate()), rendered(), marks(before.objects), Gate())
    assert "krx-buy-scanner" not in deployments(gone.objects)


def test_what_was_disabled_all_along_does_not_come_in_the_session() -> None:
    before = marks(through_gate(rendered(DISABLED), {}, Gate()).objects)
    passed = staying(through_gate(rendered(DISABLED), before, SHUT), rendered(), before, SHUT)
    assert (passed.waiting, "krx-buy-scanner" in deployments(passed.objects)) == ({}, False)


@pytest.mark.parametrize(
    "mark",
    [
        "",
        "not base64!",
        base64.b64encode(b"not compressed").decode(),
        base64.b64encode(zlib.compress(b"[1]")).decode(),
        base64.b64encode(zlib.compress(b'{"spec": ')).decode(),
        mark_of({"spec": {}})[:-8],
        base64.b64encode(zlib.compress(b'{"spec":"' + b"x" * 10_000_000 + b'"}')).decode(),
    ],
    ids=["empty", "no base64", "not compressed", "a list", "cut JSON", "cut text", "a bomb"],
)
def test_a_mark_that_nobody_can_read_counts_as_none(mark: str) -> None:
    assert template_of(mark) is None
    assert through_gate(rendered(NEW_IMAGE), {"krx-buy-scanner": mark}, SHUT).waiting == {}


def test_an_equal_template_keeps_the_text_of_its_mark() -> None:
    """Another zlib may pack the same template otherwise: that is no reason to write."""
    template = deployments(rendered())["krx-buy-scanner"]["spec"]["template"]
    other = base64.b64encode(zlib.compress(json.dumps(template).encode(), 1)).decode()
    assert other != mark_of(template)
    assert marks(through_gate(rendered(), {"krx-buy-scanner": other}, Gate()).objects)["krx-buy-scanner"] == other


def test_the_session_keeps_no_repair_from_what_cannot_run_and_a_persons_freeze_does() -> None:
    before = marks(through_gate(rendered(), {}, Gate()).objects)
    session = gate({}, Rollout.OUTSIDE_SESSION, OPEN)
    down = {"krx-buy-scanner"}
    repaired = through_gate(rendered(NEW_IMAGE), before, session, down)
    assert (repaired.waiting, image(repaired.objects)) == ({}, "registry.local/buy-scanner:next")
    others = through_gate(rendered(NEW_IMAGE), before, session, {"krx-price-monitor"})
    assert set(others.waiting) == {"krx-buy-scanner"}
    frozen = gate({FREEZE_ROLLOUT: "true"}, Rollout.OUTSIDE_SESSION, OPEN)
    assert set(through_gate(rendered(NEW_IMAGE), before, frozen, down).waiting) == {"krx-buy-scanner"}


def test_a_mark_is_small() -> None:
    assert all(len(mark) < 4_000 for mark in marks(through_gate(rendered(), {}, Gate()).objects).values())


def stateful_set(**status: Any) -> Manifest:
    return {
        "kind": "StatefulSet",
        "metadata": {"name": "kis-gateway", "generation": 2},
        "spec": {"replicas": 1},
        "status": {"updateRevision": "new", "observedGeneration": 2, **status},
    }


def pod(
    name: str,
    revision: str = "old",
    *,
    ready: bool = True,
    phase: str = "Running",
    ends: bool = False,
    waits_for: str = "",
) -> Manifest:
    metadata: dict[str, Any] = {"name": name, "uid": name, "labels": {"controller-revision-hash": revision}}
    if ends:
        metadata["deletionTimestamp"] = "2026-02-19T07:00:00Z"
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    state = {"waiting": {"reason": waits_for}} if waits_for else {"running": {}}
    containers = [{"name": "kis-gateway", "started": not waits_for and phase == "Running", "state": state}]
    status = {"phase": phase, "conditions": conditions, "containerStatuses": containers}
    return {"kind": "Pod", "metadata": metadata, "status": status}


@pytest.mark.parametrize(
    ("pods", "chosen"),
    [
        ([pod("kis-gateway-0")], "kis-gateway-0"),
        ([pod("kis-gateway-0", "new")], None),
        ([pod("kis-gateway-0", ends=True)], None),
        ([], None),
        ([pod("kis-gateway-0", phase="Pending", ready=False)], "kis-gateway-0"),
    ],
    ids=["stale", "new", "on its way out", "gone", "never came up"],
)
def test_a_stale_gateway_is_replaced(pods: list[Manifest], chosen: str | None) -> None:
    found = stale_pod(stateful_set(), pods)
    assert (found and name_of(found)) == chosen


def test_a_standby_goes_first_and_the_owner_once_it_runs() -> None:
    both = copy.deepcopy(stateful_set())
    both["spec"]["replicas"] = 2
    owner, standby = pod("kis-gateway-0"), pod("kis-gateway-1", ready=False)
    assert stale_pod(both, [owner, standby]) == standby
    assert stale_pod(both, [owner, pod("kis-gateway-1", ready=False, ends=True)]) is None
    assert stale_pod(both, [owner]) is None
    assert stale_pod(both, [owner, pod("kis-gateway-1", "new", ready=False, phase="Pending")]) is None
    assert stale_pod(both, [owner, pod("kis-gateway-1", "new", ready=False)]) == owner


def test_an_owner_stays_while_the_new_standby_ends_again_and_again_though_kubernetes_calls_that_running() -> None:
    both = stateful_set()
    both["spec"]["replicas"] = 2
    standby = pod("kis-gateway-1", "new", ready=False, waits_for="CrashLoopBackOff")
    assert stale_pod(both, [pod("kis-gateway-0"), standby]) is None


UNPLACED = {"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]}


@pytest.mark.parametrize(
    ("one", "cannot"),
    [
        (pod("kis-gateway-0"), False),
        (pod("kis-gateway-0", ready=False), False),
        (pod("kis-gateway-0", ready=False, phase="Pending", waits_for="ContainerCreating"), False),
        (pod("kis-gateway-0", ready=False, waits_for="CrashLoopBackOff"), True),
        (pod("kis-gateway-0", ready=False, phase="Pending", waits_for="ImagePullBackOff"), True),
        ({"kind": "Pod", "metadata": {"name": "kis-gateway-0"}}, False),
        ({"kind": "Pod", "metadata": {"name": "kis-gateway-0"}, "status": UNPLACED}, True),
    ],
    ids=["ready", "not ready", "being made", "crashing", "no image", "nothing known", "no place"],
)
def test_a_pod_that_only_starts_or_is_not_ready_may_still_come(one: Manifest, cannot: bool) -> None:
    assert cannot_run(pod_facts(one.get("status") or {})) == cannot


def test_a_revision_that_is_not_computed_yet_replaces_nobody() -> None:
    assert stale_pod(stateful_set(observedGeneration=1), [pod("kis-gateway-0")]) is None
    assert stale_pod({**stateful_set(), "status": {}}, [pod("kis-gateway-0")]) is None
