"""The Jobs that run slots in a cluster, as they are known and as they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

from prime_jennie_operator.children import MANAGED_BY_LABEL, Child, Children
from prime_jennie_operator.desired.strategy import MANAGED_BY
from prime_jennie_operator.firing.decided import ScheduleKey
from prime_jennie_operator.kube.api import KubeApi
from prime_jennie_operator.kube.errors import AlreadyExists, Forbidden, Invalid
from prime_jennie_operator.kube.kinds import JOB, POD, SCHEDULE
from prime_jennie_operator.manifest import BACKFILL_LABEL, SCHEDULE_LABEL, Manifest, labels_of
from prime_jennie_operator.work import Key

ENDED_BADLY: Final = "Failed"
ENDED_WELL: Final = "Complete"


@dataclass(frozen=True, slots=True)
class SlotJob:
    """One Job of a schedule."""

    name: str
    is_over: bool = False
    failure: str = ""
    """Why it failed, in the cluster's words; "" for one that runs or has ended well."""
    is_leaving: bool = False
    """Whether it is being deleted: it runs no more, and its name is not free yet."""
    is_own: bool = True
    """Whether the operator made it, not a CronJob."""
    backfill: str = ""
    """Uid of the Backfill that it was made for."""
    started_at: str = ""

    @property
    def is_alive(self) -> bool:
        return not self.is_over and not self.is_leaving


class JobRefused(Exception):  # noqa: N818 - the cluster's decision
    """The cluster does not take a Job; somebody must change that, and then it will."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.message = message


class SlotJobs(Protocol):
    """Jobs of schedules."""

    def of(self, schedule: ScheduleKey) -> dict[str, SlotJob]:
        """Return what a schedule has, by name."""

    async def create(self, manifest: Manifest) -> None:
        """Make a Job; one of this schedule that is there already will do. JobRefused says who stands against it."""

    async def delete(self, namespace: str, name: str) -> None:
        """Remove a Job with its pods, if it is still there."""

    def why_it_waits(self, schedule: ScheduleKey, job: str) -> str:
        """Say why no pod of a Job runs, "" where nothing is known."""


class KubeSlotJobs:
    """Known by the watches, made by the API server."""

    def __init__(self, api: KubeApi, children: Children) -> None:
        self._api = api
        self._children = children

    def of(self, schedule: ScheduleKey) -> dict[str, SlotJob]:
        found = self._children.of(_object_key(schedule), JOB)
        return {key.name: _slot_job(key.name, child) for key, child in found.items()}

    async def create(self, manifest: Manifest) -> None:
        try:
            self._children.saw(await self._api.create(manifest))
        except AlreadyExists:
            await self._adopt(manifest)
        except Forbidden as error:
            raise JobRefused(error.because, error.message) from None
        except Invalid as error:
            raise JobRefused("Invalid", error.message) from None

    async def delete(self, namespace: str, name: str) -> None:
        await self._api.delete(JOB, namespace, name)

    def why_it_waits(self, schedule: ScheduleKey, job: str) -> str:
        pods = self._children.of(_object_key(schedule), POD)
        told = [_why_pod_waits(pod) for key, pod in sorted(pods.items()) if key.name.rpartition("-")[0] == job]
        return next((why for why in told if why), "it has no pod" if not told else "")

    async def _adopt(self, manifest: Manifest) -> None:
        namespace, name = manifest["metadata"]["namespace"], manifest["metadata"]["name"]
        live = await self._api.get(JOB, namespace, name)
        if live is None:
            return  # gone again: whoever looks at it next makes it
        told, wanted = labels_of(live), labels_of(manifest)
        is_ours = told.get(MANAGED_BY_LABEL) == MANAGED_BY
        if not is_ours or told.get(SCHEDULE_LABEL) != wanted.get(SCHEDULE_LABEL):
            raise JobRefused("JobNameTaken", f"Job {name} exists and was not made for this schedule")
        self._children.saw(live)


def _object_key(schedule: ScheduleKey) -> Key:
    return Key(SCHEDULE.name, *schedule)


def _slot_job(name: str, child: Child) -> SlotJob:
    status = child.status
    ended = {told["type"]: told for told in status.get("conditions") or () if told.get("status") == "True"}
    failed = ended.get(ENDED_BADLY)
    return SlotJob(
        name=name,
        is_over=failed is not None or ENDED_WELL in ended,
        failure="" if failed is None else f"{failed.get('reason')}: {failed.get('message')}",
        is_leaving=child.deleting,
        is_own=child.prunable,
        backfill=child.marks.get(BACKFILL_LABEL, ""),
        started_at=str(status.get("startTime") or ""),
    )


def _why_pod_waits(pod: Child) -> str:
    status = pod.status
    for container in status.get("containers") or ():
        waiting = container.get("waiting")
        if waiting:
            return ": ".join(str(waiting[part]) for part in ("reason", "message") if waiting.get(part))
    for problem in status.get("problems") or ():
        return ": ".join(str(problem[part]) for part in ("reason", "message") if problem.get(part))
    return ""
