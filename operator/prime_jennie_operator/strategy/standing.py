"""How a strategy's services stand, and what keeps one from running: read from what the watches tell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from prime_jennie_operator.kube.errors import Forbidden

_NOT_PULLED: Final = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable"}
)
_NOT_CONFIGURED: Final = frozenset({"CreateContainerConfigError", "CreateContainerError"})
_CRASHING: Final = "CrashLoopBackOff"
_UNPLACED: Final = "Unschedulable"
CANNOT_RUN: Final = _NOT_PULLED | _NOT_CONFIGURED | {_CRASHING, _UNPLACED}
_NAMED_POD: Final = re.compile(r'^pods "[^"]*" is forbidden: ')
"""Every attempt is a pod of another name: that would be another message each time."""
_OFTEN: Final = 3
_REFUSED: Final = 2  # exit status of a program that cannot start with its settings


@dataclass(frozen=True, slots=True)
class Trouble:
    """What stands in a service's way: one word for programs, a sentence for people."""

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment as the watch tells it: its status, and those of its pods."""

    program: str
    image: str
    status: Mapping[str, Any] | None
    """None where it does not exist yet."""
    pods: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """One service: how many of its pods are ready, and why not more."""

    program: str
    image: str
    ready: int
    desired: int
    trouble: Trouble | None = None
    is_stalled: bool = False
    """Whether Kubernetes has given up waiting for it."""

    @property
    def is_ready(self) -> bool:
        return self.ready >= self.desired


def standing_of(workload: Workload) -> Standing:
    """Judge one service; of several troubles the one that a person can mend first."""
    status = workload.status or {}
    conditions = {str(one.get("type")): one for one in status.get("conditions") or ()}
    # Updated ones alone count: while the old pod still answers, what was asked for does not run yet.
    ready = min(int(status.get("readyReplicas") or 0), int(status.get("updatedReplicas") or 0))
    stalled = conditions.get("Progressing", {}).get("status") == "False"
    troubles = [] if ready else [*_of_pods(workload), *_of_deployment(workload.program, conditions)]
    return Standing(
        program=workload.program,
        image=workload.image,
        ready=ready,
        desired=1,
        trouble=next(iter(troubles), None),
        is_stalled=stalled,
    )


def is_down(workload: Workload) -> bool:
    """Tell whether none of its pods can run as it is; not of pods that are starting, or wait for somebody else."""
    return bool(workload.pods) and all(cannot_run(pod) for pod in workload.pods)


def cannot_run(pod: Mapping[str, Any]) -> bool:
    """Tell by a pod's facts whether it waits for what will not come by itself: an image or a place."""
    reasons = {str((one.get("waiting") or {}).get("reason") or "") for one in pod.get("containers") or ()}
    reasons |= {str(one.get("reason") or "") for one in pod.get("problems") or ()}
    return not CANNOT_RUN.isdisjoint(reasons)


def _of_pods(workload: Workload) -> Iterator[Trouble]:
    for pod in workload.pods:
        for container in pod.get("containers") or ():
            trouble = _of_container(workload, container)
            if trouble is not None:
                yield trouble
        for problem in pod.get("problems") or ():
            if problem.get("reason") == _UNPLACED:
                yield Trouble(_UNPLACED, f"{workload.program} finds no node: {problem.get('message') or ''}")


def _of_container(workload: Workload, container: Mapping[str, Any]) -> Trouble | None:
    waiting = container.get("waiting") or {}
    reason, message = str(waiting.get("reason") or ""), str(waiting.get("message") or "")
    if reason in _NOT_PULLED:
        cause = message.rsplit("ErrImagePull: ", 1)[-1] or reason  # a back-off repeats it behind words of its own
        return Trouble("ImagePullFailed", f"{workload.program}: image {workload.image} cannot be pulled: {cause}")
    if reason in _NOT_CONFIGURED:
        kind = "SecretMissing" if "secret" in message.lower() else "ContainerNotMade"
        return Trouble(kind, f"{workload.program}: {message or reason}")
    restarts = int(container.get("restarts") or 0)
    if reason == _CRASHING or (restarts >= _OFTEN and not container.get("ready")):
        ended = container.get("ended") or {}
        how = f"exit status {ended.get('exitCode', '?')}, {ended.get('reason') or 'unknown'}"
        what = "refuses what it was given" if ended.get("exitCode") == _REFUSED else "ends again and again"
        return Trouble("CrashLooping", f"{workload.program} {what} ({how}): see its log")
    return None


def _of_deployment(program: str, conditions: Mapping[str, Mapping[str, Any]]) -> Iterator[Trouble]:
    failure = conditions.get("ReplicaFailure", {})
    if failure.get("status") == "True":
        message = str(failure.get("message") or failure.get("reason") or "")
        yield Trouble(Forbidden(message).because, f"{program}: {_NAMED_POD.sub('', message)}")
    progressing = conditions.get("Progressing", {})
    if progressing.get("status") == "False":
        yield Trouble("Stalled", f"{program}: {progressing.get('message') or progressing.get('reason') or ''}")
