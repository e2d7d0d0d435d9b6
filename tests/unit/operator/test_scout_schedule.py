"""What a person may get wrong in a ScoutSchedule: told by file, field and reason, before anything runs."""

from datetime import timedelta
from pathlib import Path

import pytest

from jennie.__main__ import run
from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.slots import Task
from prime_jennie_operator.resources.scout_schedule import ScoutScheduleSpec, span
from tests.support.schedules import schedule


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        (
            {"schedules": ["0 9 30 2 *"]},
            "spec.schedules[0]: '0 9 30 2 *' never fires: none of its months has such a day",
        ),
        ({"schedules": ["0 9 * * 1-5", "0 9 31 4,6 *"]}, "spec.schedules[1]: '0 9 31 4,6 *' never fires"),
        (
            {"schedules": ["0 9 * * 0,6"]},
            "schedules[0]: '0 9 * * 0,6' never fires: Saturdays and Sundays have no session",
        ),
        ({"schedules": ["0 9 * * 7"]}, "'7' is not within 0-6 (0 is Sunday)"),
        ({"calendar": "XTKS"}, "spec.calendar: 'XTKS' is none of XKRX, XNYS, none"),
        ({"timeZone": "Asia/Soul"}, "spec.timeZone: 'Asia/Soul' is no time zone"),
        (
            {"timeZone": "../../etc/passwd"},
            "spec.timeZone: must be an IANA name such as Asia/Seoul, not '../",
        ),
        ({"timeZone": ""}, "spec.timeZone: must be an IANA name"),
        ({"task": "lunch"}, "spec.task: 'lunch' is none of scout, macro-collect"),
        ({"anchor": "noon"}, "spec.anchor: 'noon' is none of clock, open, close"),
        ({"calendar": "none", "sessionsOnly": False, "anchor": "close"}, "calendar none has neither open nor close"),
        ({"deadline": "5s"}, "deadline: from 10s"),
        ({"deadline": "25h"}, "deadline: from 10s"),
        ({"deadline": "99999999h"}, "spec.deadline: must be a duration with its unit, such as 30m, 90s or 1h30m"),
        (
            {"deadline": "soon"},
            "spec.deadline: must be a duration with its unit, such as 30m, 90s or 1h30m",
        ),
        ({"retries": {"limit": 11}}, "spec.retries.limit"),
        ({"retries": {"backoff": "25h"}}, "backoff: at most 24h"),
        ({"retries": {"backoff": "99999999h"}}, "spec.retries.backoff: must be a duration"),
        ({"schedules": ["0 9 * * *", "0 9 * * *"]}, "spec: schedules must name each line once"),
        ({"dependsOn": ["early", "early"]}, "spec: dependsOn must name each schedule once"),
        ({"suspend": "yes"}, "spec.suspend"),
        ({"catchUpLimit": "5"}, "spec.catchUpLimit: must be a number, not '5'"),
        ({"catchUp": "some"}, "spec.catchUp: 'some' is none of none, latest, all"),
        ({"concurrencyPolicy": "Maybe"}, "spec.concurrencyPolicy"),
        ({"anchors": "open"}, "spec.anchors: unknown field; did you mean anchor?"),
    ],
)
def test_a_wrong_schedule_is_told_by_field_and_reason(spec: dict[str, object], says: str) -> None:
    with pytest.raises(BadInput) as refused:
        schedule(**spec)
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("schedules: ['0 9 1 1 *']", "ScoutSchedule hourly: spec.schedules[0]: '0 9 1 1 *' never fires"),
        ("schedules: ['0 9 * * *'], task: news", "ScoutSchedule hourly: spec.task: no service of this platform runs"),
    ],
)
@pytest.mark.parametrize("command", ["validate", "render"])
def test_what_the_calendar_and_the_platform_refuse_is_status_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], spec: str, says: str, command: str
) -> None:
    file = tmp_path / "hourly.yaml"
    file.write_text(
        "apiVersion: trading.prime-jennie.io/v1alpha1\nkind: ScoutSchedule\nmetadata: {name: hourly}\n"
        f"spec: {{{spec if 'task' in spec else spec + ', task: scout'}}}\n"
    )
    assert run([command, "-f", str(file)]) == 2
    complaint = capsys.readouterr().err
    assert says in complaint
    assert complaint.count("\n") == 1


def test_every_task_may_be_scheduled() -> None:
    written = ScoutScheduleSpec.model_json_schema()["properties"]["task"]["enum"]
    assert set(written) == {task.value for task in Task}


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("90s", timedelta(seconds=90)),
        ("20m", timedelta(minutes=20)),
        ("1h30m", timedelta(minutes=90)),
        ("0s", timedelta(0)),
    ],
)
def test_a_duration_means_its_length(text: str, length: timedelta) -> None:
    assert span(text) == length


def test_waits_double() -> None:
    retries = schedule(retries={"limit": 3, "backoff": "1m"}).spec.retries
    assert [retries.wait(failed) for failed in (1, 2, 3)] == [timedelta(minutes=n) for n in (1, 2, 4)]
    assert retries.attempts == 4
