"""What a person may write about closed days: told by field and reason, and read by every program as it was meant."""

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from prime_jennie.domain.errors import BadInput
from prime_jennie.infra.calendar import load_sessions
from prime_jennie_operator.desired.closures import CALENDAR, CLOSURES_FILE
from prime_jennie_operator.desired.platform import platform_objects
from prime_jennie_operator.desired.values import PlatformValues
from prime_jennie_operator.loading import laptop_values
from prime_jennie_operator.local.folder import RunFolder
from prime_jennie_operator.local.workloads import read_workloads


def values(*closures: Any) -> PlatformValues:
    return laptop_values({"calendar": {"closures": list(closures)}})


def text_of(found: PlatformValues) -> str:
    [config_map] = [o for o in platform_objects(found, "desk") if o["metadata"]["name"] == CALENDAR]
    return str(config_map["data"][CLOSURES_FILE])


def test_the_written_file_closes_the_days_that_were_named(tmp_path: Path) -> None:
    found = values(
        {"date": date(2026, 2, 19), "reason": "a typhoon"},
        {"exchange": "XNYS", "date": "2026-02-20", "open": "09:30", "close": "13:00", "reason": "half a day"},
    )
    (tmp_path / CLOSURES_FILE).write_text(text_of(found), encoding="utf-8")
    krx, nyse = (load_sessions(exchange, tmp_path / CLOSURES_FILE) for exchange in ("XKRX", "XNYS"))
    assert not krx.is_session(date(2026, 2, 19))
    half = nyse.get(date(2026, 2, 20))
    assert half is not None
    assert (half.closes_at - half.opens_at).total_seconds() == 3.5 * 3600


def test_without_closures_the_file_says_so() -> None:
    assert text_of(values()) == "exchange,date,open,close,reason\n"


def test_every_program_that_reads_it_has_it_mounted() -> None:
    objects = platform_objects(values(), "desk")
    readers = [w for w in read_workloads(objects) if "JENNIE_CLOSURES" in dict(w.env)]
    assert {"kis-gateway", "kis-simulator", "scout-job", "daily-briefing"} <= {w.name for w in readers}
    folder = RunFolder(Path("run"))
    for reader in readers:
        path = Path(str(dict(reader.env)["JENNIE_CLOSURES"]))
        [mount] = [m for m in reader.mounts if Path(m.path) == path.parent]
        assert folder.config_map(mount.source) / path.name == folder.config_map(CALENDAR) / CLOSURES_FILE


@pytest.mark.parametrize(
    ("closure", "says"),
    [
        ({"date": "2026-10-05"}, "calendar.closures[0].reason: missing"),
        ({"date": "05.10.2026", "reason": "x"}, "calendar.closures[0].date: '05.10.2026' does not match"),
        ({"date": "2026-02-30", "reason": "x"}, "calendar.closures[0].date: '2026-02-30' is no day such as 2026-10-05"),
        ({"date": 20261005, "reason": "x"}, "calendar.closures[0].date: must be text"),
        ({"exchange": "XTKS", "date": "2026-10-05", "reason": "x"}, "'XTKS' is none of XKRX, XNYS"),
        ({"date": "2026-10-05", "reason": "a, b"}, "calendar.closures[0].reason: 'a, b' does not match"),
        ({"date": "2026-10-05", "reason": "a\nXKRX,2026-10-06,,,b"}, "calendar.closures[0].reason"),
        ({"date": "2026-10-05", "reason": ""}, "calendar.closures[0].reason"),
        ({"date": "2026-10-05", "open": "09:00", "reason": "x"}, "open and close must both be given, in order"),
        ({"date": "2026-10-05", "open": "15:30", "close": "09:00", "reason": "x"}, "open and close must both be given"),
        ({"date": "2026-10-05", "open": "9", "close": "15:30", "reason": "x"}, "calendar.closures[0].open"),
        ({"day": "2026-10-05", "reason": "x"}, "calendar.closures[0].date: missing"),
    ],
)
def test_a_wrong_closure_is_told_by_field_and_reason(closure: dict[str, Any], says: str) -> None:
    with pytest.raises(BadInput) as refused:
        values(closure)
    assert says in str(refused.value)


def test_a_day_stands_there_once() -> None:
    one = {"date": "2026-10-05", "reason": "x"}
    with pytest.raises(BadInput, match="2026-10-05 stands there twice for XKRX"):
        values(one, one)
    assert values(one, {**one, "exchange": "XNYS"})
