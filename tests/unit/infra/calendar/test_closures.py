"""An installation's own closures lie over the shipped table; a wrong file is refused, never taken for an empty one."""

from datetime import date
from pathlib import Path

import pytest

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.sessions import KST, UnknownSession
from prime_jennie.infra.calendar import load_sessions

HEAD = "exchange,date,open,close,reason\n"
THURSDAY = date(2026, 2, 19)


def written(folder: Path, text: str) -> Path:
    """Replace the file as a mounted ConfigMap does: another file takes its place."""
    fresh = folder / "closures.csv.new"
    fresh.write_text(text, encoding="utf-8")
    return fresh.rename(folder / "closures.csv")


def test_a_closed_day_has_no_session_and_other_exchanges_do_not_mind(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD + "XKRX,2026-02-19,,,typhoon\n")
    assert load_sessions().is_session(THURSDAY)
    assert not load_sessions(closures=file).is_session(THURSDAY)
    assert load_sessions("XNYS", file).is_session(THURSDAY)
    assert load_sessions(closures=file).is_session(date(2026, 2, 20))


def test_a_day_may_have_other_hours_or_be_opened(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD + "XKRX,2026-02-20,10:00,16:30,exam\nXKRX,2026-02-19,09:00,12:00,half day\n")
    late, half = (load_sessions(closures=file).get(date(2026, 2, day)) for day in (20, 19))
    assert late is not None
    assert half is not None
    assert f"{late.opens_at.astimezone(KST):%H:%M}" == "10:00"
    assert f"{half.closes_at.astimezone(KST):%H:%M}" == "12:00"
    holiday = written(tmp_path, HEAD + "XKRX,2026-02-17,09:00,15:30,opened after all\n")
    assert load_sessions(closures=holiday).is_session(date(2026, 2, 17))


def test_new_yorks_hours_are_on_its_own_clocks(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD + "XNYS,2026-02-19,09:30,13:00,half day\n")
    session = load_sessions("XNYS", file).get(THURSDAY)
    assert session is not None
    assert f"{session.closes_at.astimezone(KST):%d %H:%M}" == "20 03:00"


def test_a_file_without_days_is_the_shipped_table(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD)
    table = load_sessions()
    assert load_sessions(closures=file).sessions_between(table.first, table.last) == table.sessions_between(
        table.first, table.last
    )


def test_a_changed_file_counts_from_the_next_question_on(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD)
    assert load_sessions(closures=file).is_session(THURSDAY)
    written(tmp_path, HEAD + "XKRX,2026-02-19,,,typhoon\n")
    assert not load_sessions(closures=file).is_session(THURSDAY)
    written(tmp_path, HEAD)
    assert load_sessions(closures=file).is_session(THURSDAY)


def test_a_closed_day_beyond_the_table_is_no_fault_as_nobody_buys_there(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD + "XKRX,2031-02-19,,,lunar new year\n")
    with pytest.raises(UnknownSession):
        load_sessions(closures=file).is_session(date(2031, 2, 19))


def test_an_unchanged_file_is_read_once(tmp_path: Path) -> None:
    file = written(tmp_path, HEAD)
    assert load_sessions(closures=file) is load_sessions(closures=file)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "closures.csv: line 1: must be exchange,date,open,close,reason"),
        ("date,open\n", "line 1: must be exchange,date,open,close,reason"),
        (HEAD + "XKRX,2026-02-19\n", "line 2: must have 5 columns, not 2"),
        (HEAD + "XTKS,2026-02-19,,,no\n", "closures.csv line 2: exchange: 'XTKS' is none of XKRX, XNYS"),
        (HEAD + "XKRX,19.02.2026,,,no\n", "line 2: date: must be a day such as 2026-10-05, not '19.02.2026'"),
        (HEAD + "XKRX,2026-02-30,,,no\n", "line 2: date: must be a day"),
        (HEAD + "XKRX,2026-02-19,,,a\nXKRX,2026-02-19,,,b\n", "line 3: date: 2026-02-19 stands there twice for XKRX"),
        (HEAD + "XKRX,2026-02-19,09:00,,a\n", "line 2: open: must be two clock times in order"),
        (HEAD + "XKRX,2026-02-19,15:30,09:00,a\n", "line 2: open: must be two clock times in order"),
        (HEAD + "XKRX,2026-02-19,9h,15h,a\n", "line 2: open: must be two clock times in order"),
        (HEAD + "XKRX,2031-02-19,09:00,15:30,a\n", "2031-02-19 lies outside the session table 2015-01-01…2027-12-31"),
        (HEAD + "XKRX,2026-02-19,,,\udcff\n", "cannot be read: UnicodeDecodeError"),
    ],
)
def test_a_wrong_file_is_told_by_line_and_column(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "closures.csv").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(BadInput) as refused:
        load_sessions(closures=tmp_path / "closures.csv")
    assert says in str(refused.value)


def test_closures_that_nobody_can_read_are_not_no_closures(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="cannot be read: No such file"):
        load_sessions(closures=tmp_path / "closures.csv")
    (tmp_path / "closures.csv").mkdir()
    with pytest.raises(BadInput, match="cannot be read: IsADirectoryError"):
        load_sessions(closures=tmp_path / "closures.csv")
