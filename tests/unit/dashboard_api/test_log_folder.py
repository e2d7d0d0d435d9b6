"""A log is read from its end, whole lines only, however long it is."""

from datetime import UTC, datetime
from pathlib import Path

from dashboard_api import log_folder
from dashboard_api.log_folder import BLOCK_BYTES, LogFolder


async def test_lines_across_blocks_are_whole_and_in_order(tmp_path: Path) -> None:
    lines = [f"line {number} " + "가" * (number % 700) for number in range(1_000)]
    (tmp_path / "a.log").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert (tmp_path / "a.log").stat().st_size > 3 * BLOCK_BYTES
    assert await LogFolder(tmp_path).newest("a", 1_000) == lines
    assert await LogFolder(tmp_path).newest("a", 3) == lines[-3:]


async def test_a_huge_log_is_read_back_only_so_far(tmp_path: Path, monkeypatch: object) -> None:
    (tmp_path / "a.log").write_text("x" * 100 + "\n" + "\n".join(str(number) for number in range(50)) + "\n")
    log_folder.MOST_BYTES, kept = 60, log_folder.MOST_BYTES  # type: ignore[misc]
    try:
        found = await LogFolder(tmp_path).newest("a", 1_000)
    finally:
        log_folder.MOST_BYTES = kept  # type: ignore[misc]
    assert found[-1] == "49"
    assert len(found) < 50


async def test_lines_without_a_time_stay_with_their_neighbours(tmp_path: Path) -> None:
    text = "2026-02-19T01:00:00Z one\ntrace of one\n2026-02-19T02:00:00Z two\n2026-02-19T99:00:00Z odd\n"
    (tmp_path / "a.log").write_text(text)
    until = datetime(2026, 2, 19, 1, 30, tzinfo=UTC)
    assert await LogFolder(tmp_path).newest("a", 10, until=until) == [
        "2026-02-19T01:00:00Z one",
        "trace of one",
    ]
    assert await LogFolder(tmp_path).newest("a", 10, since=until) == [
        "2026-02-19T02:00:00Z two",
        "2026-02-19T99:00:00Z odd",
    ]


async def test_an_empty_log_has_no_lines_and_folders_are_no_logs(tmp_path: Path) -> None:
    (tmp_path / "a.log").touch()
    (tmp_path / "b.log").mkdir()
    logs = LogFolder(tmp_path)
    assert await logs.services() == ["a"]
    assert await logs.newest("a", 10) == []
