"""CronJobs in the cluster's own time: each minute is one slot and runs once, whoever is interrupted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from jennie.evidence import read_database
from scripts.cluster.demo import SMALL, database_url, make_room
from scripts.cluster.installation import CHART, Installation
from scripts.cluster.place import Place
from tests.support.trading_cluster import ACCOUNT, PODS_WITHIN_SECS, until
from tests.support.values import REAL_TIME

NAMESPACE = "jennie-clock"
NAME = "briefing"
SCHEDULE = {
    "apiVersion": "trading.prime-jennie.io/v1alpha1",
    "kind": "ScoutSchedule",
    "metadata": {"name": NAME},
    "spec": {
        "task": "daily-briefing",
        "schedules": ["* * * * *"],
        "calendar": "none",
        "sessionsOnly": False,
        "deadline": "55s",
        "catchUp": "none",
    },
}
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def clock(values: Path) -> Iterator[Installation]:
    """The chart in real time, without a strategy."""
    installation = Installation(NAMESPACE, Place().kubeconfig)
    make_room(installation)
    in_real_time = REAL_TIME | {"kisSimulator": {"rate": 1, "day": None}}
    installation.install(CHART / "presets" / "simulator.yaml", SMALL, values, values=in_real_time)
    installation.wait_for_pods(PODS_WITHIN_SECS)
    yield installation
    installation.remove()


def test_a_minute_is_one_slot_though_its_cron_job_is_made_anew_and_the_operator_killed(clock: Installation) -> None:
    clock.kubectl("apply", "--filename", "-", input=yaml.safe_dump(SCHEDULE))
    until(lambda: len(ledger(clock)) >= 1, 150, lambda: status(clock))
    before = clock.get("cronjobs")["items"]
    clock.kubectl("delete", "cronjobs", "--all")
    clock.kubectl("delete", "pods", "--selector=app.kubernetes.io/name=prime-jennie-operator", "--wait=false")
    until(
        lambda: (
            {one["metadata"]["name"] for one in clock.get("cronjobs")["items"]}
            == {one["metadata"]["name"] for one in before}
        ),
        120,
    )
    until(lambda: len(ledger(clock)) >= 3, 240, lambda: status(clock))
    slots = ledger(clock)
    outcomes = Counter(slot["outcome"] for slot in slots)
    assert set(outcomes) <= {"Ran", "Skipped", "Missed"}, slots
    assert outcomes["Ran"] + outcomes["Skipped"] >= 2, slots
    briefed = Counter(local_day(slot["slot"]) for slot in slots if slot["outcome"] == "Ran")
    assert set(briefed.values()) <= {1}, "a day has one briefing, and none before its session closes"
    rows = {str(row["name"]): row for row in slots_in_sql(clock)}
    assert {slot["slot"] for slot in slots} <= set(rows)
    assert {rows[slot["slot"]]["attempts"] for slot in slots if slot["outcome"] != "Missed"} == {1}


def test_kubectl_shows_when_and_what(clock: Installation) -> None:
    shown = clock.kubectl("get", "scoutschedules").splitlines()
    assert shown[0].split() == ["NAME", "TASK", "SCHEDULE", "NEXT", "LAST", "OUTCOME", "SUSPENDED", "AGE"]
    assert shown[1].split()[:2] == [NAME, "daily-briefing"]
    assert shown[1].split()[-3] in ("Ran", "Skipped")


def test_a_suspended_schedule_starts_nothing_more(clock: Installation) -> None:
    clock.kubectl("patch", "scoutschedule", NAME, "--type=merge", "--patch", '{"spec":{"suspend":true}}')
    until(lambda: all(one["spec"]["suspend"] for one in clock.get("cronjobs")["items"]), 60)
    suspended_at = datetime.now(UTC)
    until(lambda: (datetime.now(UTC) - suspended_at).total_seconds() > 65, 90)
    started = [datetime.fromisoformat(job["metadata"]["creationTimestamp"]) for job in clock.get("jobs")["items"]]
    assert [at for at in started if at > suspended_at] == []


def status(clock: Installation) -> dict[str, Any]:
    return dict(clock.get("scoutschedule", NAME).get("status", {}))


def ledger(clock: Installation) -> list[dict[str, Any]]:
    """Return the slots that are over, as the status tells them."""
    return [slot for slot in status(clock).get("slots", ()) if slot.get("outcome") not in (None, "", "Running")]


def local_day(slot: str) -> str:
    """Return the day in Seoul of a slot's name, as YYYYMMDD."""
    return slot.rsplit("-", 2)[1]


def slots_in_sql(clock: Installation) -> list[Any]:
    with clock.reached(("mariadb", 3307)) as at:
        return list(read_database(database_url(clock, at["mariadb"]), ACCOUNT)["slots"])
