"""One ScoutSchedule as CronJobs, one a cron line: each starts a pod that brings its slot to an outcome."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from prime_jennie_operator.desired.closures import MOUNTS, closures_env, closures_volume
from prime_jennie_operator.desired.platform import RELEASE, clock_env, program_url
from prime_jennie_operator.desired.pods import (
    container,
    env_field,
    env_secret,
    env_value,
    labels,
    pod_spec,
    sorted_objects,
)
from prime_jennie_operator.desired.strategy import MANAGED_BY
from prime_jennie_operator.desired.values import PlatformValues
from prime_jennie_operator.manifest import BACKFILL_LABEL, SCHEDULE_LABEL, SLOT_MARK, Manifest
from prime_jennie_operator.resources import Backfill, ScoutSchedule
from prime_jennie_operator.resources.backfill import Reprocess

LONGEST_RUN_SECS = 4 * 3600  # a pod that watches its slot for longer, or waits longer for a late close, is ended
FINAL_STATUSES = [1, 2]  # the slot's own end, or wrong input: another pod would only say it again
JOB_NAME_LABEL = "metadata.labels['batch.kubernetes.io/job-name']"


def schedule_objects(
    schedule: ScoutSchedule, values: PlatformValues, beside: Iterable[ScoutSchedule] = ()
) -> list[Manifest]:
    """Render one schedule; a slot's minute stands in its Job's name, which Kubernetes makes of it.

    `beside` are the schedules among which those that it depends on are.
    """
    beside = list(beside)
    lines = enumerate(schedule.spec.schedules)
    return sorted_objects(_cron_job(schedule, values, beside, number, line) for number, line in lines)


def slot_job(
    schedule: ScoutSchedule,
    values: PlatformValues,
    slot: str,
    beside: Iterable[ScoutSchedule] = (),
    backfill: Backfill | None = None,
) -> Manifest:
    """Render the Job of one slot, which has the slot's name; its pod finds the minute there.

    It belongs to the schedule also where a backfill asks for it: who deletes the backfill stops further Jobs, and those
    that run end in order.
    """
    metadata = _metadata(schedule, slot)
    marks, told = {SLOT_MARK: slot}, list[dict[str, Any]]()
    if backfill is not None:
        metadata["labels"][BACKFILL_LABEL] = backfill.name
        marks[BACKFILL_LABEL] = str(backfill.metadata.uid)
        told = [
            env_value("JENNIE_BACKFILL", str(backfill.metadata.uid)),
            env_value("JENNIE_REDO", backfill.spec.strategy is Reprocess.COMPLETED),
        ]
        given = {**schedule.spec.parameters, **backfill.spec.parameters}
        schedule = schedule.model_copy(update={"spec": schedule.spec.model_copy(update={"parameters": given})})
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {**metadata, "annotations": marks},
        "spec": _job_spec(schedule, values, list(beside), metadata, told),
    }


def _cron_job(
    schedule: ScoutSchedule, values: PlatformValues, beside: Sequence[ScoutSchedule], number: int, line: str
) -> Manifest:
    spec = schedule.spec
    metadata = _metadata(schedule, cron_job_name(schedule, number))
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": metadata,
        "spec": {
            "schedule": line,
            "timeZone": spec.time_zone,
            "startingDeadlineSeconds": _deadline_secs(schedule),
            "concurrencyPolicy": spec.concurrency_policy,
            # In a virtual day the minutes of this world mean nothing: the slots are started by the clock's own.
            "suspend": spec.suspend or values.virtual_clock.enabled,
            "successfulJobsHistoryLimit": spec.successful_history_limit,
            "failedJobsHistoryLimit": spec.failed_history_limit,
            "jobTemplate": {
                "metadata": {"labels": metadata["labels"]},
                "spec": _job_spec(schedule, values, beside, metadata),
            },
        },
    }


def cron_job_name(schedule: ScoutSchedule, number: int) -> str:
    """Name the CronJob of a line."""
    return f"{schedule.name}-{number}"


def cron_jobs_job_names(schedule: ScoutSchedule, named_at: datetime) -> list[str]:
    """Name the Jobs that Kubernetes may make for a minute, one a line."""
    minutes = int(named_at.timestamp()) // 60
    return [f"{cron_job_name(schedule, number)}-{minutes}" for number in range(len(schedule.spec.schedules))]


def _job_spec(
    schedule: ScoutSchedule,
    values: PlatformValues,
    beside: Sequence[ScoutSchedule],
    metadata: dict[str, Any],
    told: Sequence[dict[str, Any]] = (),
) -> dict[str, Any]:
    """Describe the Job: attempts live inside one pod; a further pod only follows one that was lost."""
    return {
        "backoffLimit": schedule.spec.retries.limit,
        "activeDeadlineSeconds": _deadline_secs(schedule) + LONGEST_RUN_SECS,
        "podFailurePolicy": {
            "rules": [
                {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget"}]},
                {"action": "FailJob", "onExitCodes": {"operator": "In", "values": FINAL_STATUSES}},
            ]
        },
        "template": {"metadata": {"labels": metadata["labels"]}, "spec": _pod(schedule, values, beside, told)},
    }


def _pod(
    schedule: ScoutSchedule, values: PlatformValues, beside: Sequence[ScoutSchedule], told: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    needed = [_document(other) for other in beside if _needs(schedule, other)]
    main = container(
        "slot",
        image=values.image_of("operator"),
        pull_policy=values.image.pull_policy,
        command=["python", "-m", "prime_jennie_operator.fire"],
        env=[
            env_field("JENNIE_JOB_NAME", JOB_NAME_LABEL),
            env_value("JENNIE_SCHEDULE", _json(_document(schedule))),
            *([env_value("JENNIE_NEEDED", _json(needed))] if needed else []),
            *told,
            env_value("JENNIE_SERVICE_URL", program_url(values, schedule.spec.runs.service)),
            env_secret("DATABASE_URL", values.secrets.database, "url"),
            env_value("LOG_LEVEL", values.logging.level),
            env_value("LOG_JSON", values.logging.json_lines),
            closures_env(),
            *clock_env(values),
        ],
        ports={},
        resources=values.slots.resources.render(),
        mounts=MOUNTS,
        probes={},
    )
    return pod_spec(main, volumes=[closures_volume()], service_account=RELEASE, restartPolicy="Never")


def _needs(schedule: ScoutSchedule, other: ScoutSchedule) -> bool:
    return other.metadata.namespace == schedule.metadata.namespace and other.name in schedule.spec.depends_on


def _document(schedule: ScoutSchedule) -> dict[str, Any]:
    """Show the schedule as the pod reads it; what the API server adds to metadata would only change the CronJob."""
    document = schedule.model_dump(mode="json", by_alias=True, exclude={"status", "metadata"})
    return document | {"metadata": {"name": schedule.name, "namespace": schedule.metadata.namespace}}


def _json(document: object) -> str:
    return json.dumps(document, ensure_ascii=False, sort_keys=True)


def _deadline_secs(schedule: ScoutSchedule) -> int:
    return int(schedule.spec.deadline_span.total_seconds())


def _metadata(schedule: ScoutSchedule, name: str) -> dict[str, Any]:
    meta = schedule.metadata
    owner = {
        "apiVersion": schedule.api_version,
        "kind": schedule.kind,
        "name": schedule.name,
        "uid": meta.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    # Not the task's name: a Service that selects the program by it must never send requests to these pods.
    all_labels = labels("slot", component="schedule", instance=schedule.name, managed_by=MANAGED_BY)
    return {
        "name": name,
        "namespace": meta.namespace,
        "labels": all_labels | {SCHEDULE_LABEL: schedule.name},
        **({"ownerReferences": [owner]} if meta.uid else {}),
    }
