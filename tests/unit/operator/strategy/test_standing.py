from typing import Any

import pytest

from prime_jennie_operator.strategy.standing import Trouble, Workload, is_down, standing_of

IMAGE = "registry.local/buy-scanner:1"
RUNS = {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1}
STARTS = {"replicas": 1, "updatedReplicas": 1}


def container(**told: Any) -> dict[str, Any]:
    return {"containers": [{"name": "buy-scanner", "ready": False, "restarts": 0, "waiting": None, **told}]}


def waiting(reason: str, message: str = "", **told: Any) -> dict[str, Any]:
    return container(waiting={"reason": reason, "message": message}, **told)


def trouble(status: dict[str, Any] | None, *pods: dict[str, Any]) -> Trouble | None:
    return standing_of(Workload("buy-scanner", IMAGE, status, pods)).trouble


def condition(kind: str, status: str, **more: str) -> dict[str, Any]:
    return {"conditions": [{"type": kind, "status": status, **more}]}


@pytest.mark.parametrize(
    ("status", "ready"),
    [
        (None, 0),
        ({}, 0),
        (STARTS, 0),
        (RUNS, 1),
        ({"replicas": 1, "readyReplicas": 1}, 0),
    ],
    ids=["not there", "no status yet", "starts", "runs", "the old one still answers"],
)
def test_only_what_runs_as_asked_is_ready(status: dict[str, Any] | None, ready: int) -> None:
    found = standing_of(Workload("buy-scanner", IMAGE, status))
    assert (found.ready, found.desired, found.is_ready) == (ready, 1, bool(ready))
    assert found.trouble is None


@pytest.mark.parametrize(
    ("pod", "reason", "message"),
    [
        (
            waiting("ErrImagePull", "no such tag"),
            "ImagePullFailed",
            f"buy-scanner: image {IMAGE} cannot be pulled: no such tag",
        ),
        (
            waiting("ImagePullBackOff", f'Back-off pulling image "{IMAGE}": ErrImagePull: no such tag'),
            "ImagePullFailed",
            f"buy-scanner: image {IMAGE} cannot be pulled: no such tag",
        ),
        (
            waiting("InvalidImageName"),
            "ImagePullFailed",
            f"buy-scanner: image {IMAGE} cannot be pulled: InvalidImageName",
        ),
        (
            waiting("CreateContainerConfigError", "couldn't find key url in Secret desk/prime-jennie-database"),
            "SecretMissing",
            "buy-scanner: couldn't find key url in Secret desk/prime-jennie-database",
        ),
        (
            waiting("CreateContainerConfigError", 'configmap "krx-config" not found'),
            "ContainerNotMade",
            'buy-scanner: configmap "krx-config" not found',
        ),
        (
            waiting("CrashLoopBackOff", restarts=4, ended={"exitCode": 1, "reason": "Error"}),
            "CrashLooping",
            "buy-scanner ends again and again (exit status 1, Error): see its log",
        ),
        (
            container(restarts=7, ended={"exitCode": 137, "reason": "OOMKilled"}),
            "CrashLooping",
            "buy-scanner ends again and again (exit status 137, OOMKilled): see its log",
        ),
        (
            waiting("CrashLoopBackOff", restarts=1, ended={"exitCode": 2, "reason": "Error"}),
            "CrashLooping",
            "buy-scanner refuses what it was given (exit status 2, Error): see its log",
        ),
        (
            {"problems": [{"type": "PodScheduled", "reason": "Unschedulable", "message": "0/1 nodes: no memory"}]},
            "Unschedulable",
            "buy-scanner finds no node: 0/1 nodes: no memory",
        ),
    ],
)
def test_what_stands_in_a_pods_way_is_named(pod: dict[str, Any], reason: str, message: str) -> None:
    assert trouble(STARTS, pod) == Trouble(reason, message)


@pytest.mark.parametrize("pod", [waiting("ContainerCreating"), waiting("PodInitializing"), container(restarts=1)])
def test_a_start_is_no_trouble(pod: dict[str, Any]) -> None:
    assert trouble(STARTS, pod) is None


def test_a_service_that_runs_has_no_trouble_whatever_an_old_pod_says() -> None:
    assert trouble(RUNS, waiting("CrashLoopBackOff", restarts=9)) is None


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ('pods "krx-buy-scanner-5d4f9-x7k2p" is forbidden: exceeded quota: desk, requested: pods=1', "QuotaExceeded"),
        ('pods "krx-buy-scanner-5d4f9-9zq1a" is forbidden: violates PodSecurity "restricted"', "AdmissionDenied"),
    ],
)
def test_pods_that_the_cluster_refuses_are_told_without_their_passing_names(said: str, reason: str) -> None:
    found = trouble(STARTS | condition("ReplicaFailure", "True", reason="FailedCreate", message=said))
    assert found is not None
    assert found.reason == reason
    assert found.message == f"buy-scanner: {said.split('is forbidden: ')[1]}"


def test_a_rollout_that_was_given_up_is_stalled() -> None:
    late = condition("Progressing", "False", reason="ProgressDeadlineExceeded", message="has timed out progressing")
    found = standing_of(Workload("buy-scanner", IMAGE, STARTS | late))
    assert (found.is_stalled, found.trouble) == (True, Trouble("Stalled", "buy-scanner: has timed out progressing"))


@pytest.mark.parametrize(
    ("pods", "down"),
    [
        ([], False),
        ([container()], False),
        ([waiting("ContainerCreating")], False),
        ([waiting("CrashLoopBackOff")], True),
        ([waiting("ImagePullBackOff")], True),
        ([waiting("CreateContainerConfigError")], True),
        ([{"containers": [], "problems": [{"reason": "Unschedulable", "message": "no memory"}]}], True),
        ([waiting("CrashLoopBackOff"), container(ready=True)], False),
    ],
    ids=["no pod", "runs", "being made", "crashing", "no image", "no Secret", "no node", "one of two runs"],
)
def test_a_service_is_down_when_no_pod_of_it_can_run_as_it_is(pods: list[dict[str, Any]], down: bool) -> None:
    assert is_down(Workload("buy-scanner", IMAGE, STARTS, pods)) == down
