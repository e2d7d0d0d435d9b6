"""Logs that processes write themselves, kept small and read from their ends."""

import subprocess
from pathlib import Path

import pytest

from prime_jennie_operator.local.logs import LogTail, last_line, rotate


def test_a_log_that_grew_too_big_becomes_the_older_one_while_its_process_writes_on(tmp_path: Path) -> None:
    log = tmp_path / "scanner.log"
    with log.open("ab") as file:
        writer = subprocess.Popen(
            ["/bin/sh", "-c", "while read l; do echo $l; done"], stdin=subprocess.PIPE, stdout=file
        )
    assert writer.stdin is not None

    def say(line: str) -> None:
        size = log.stat().st_size
        assert writer.stdin is not None
        writer.stdin.write(f"{line}\n".encode())
        writer.stdin.flush()
        while log.stat().st_size == size:
            assert writer.poll() is None

    say("first")
    assert not rotate(log, biggest_bytes=6)
    say("second")
    assert rotate(log, biggest_bytes=6)
    say("third")
    writer.stdin.close()
    writer.wait()
    assert (tmp_path / "scanner.previous.log").read_text() == "first\nsecond\n"
    assert log.read_bytes() == b"third\n", "no hole where the old lines were"
    assert rotate(log, biggest_bytes=1)
    assert (tmp_path / "scanner.previous.log").read_text() == "third\n", "one older file is kept"


def test_a_log_that_cannot_be_kept_is_not_emptied(tmp_path: Path) -> None:
    log = tmp_path / "scanner.log"
    log.write_text("a line\n")
    (tmp_path / "scanner.previous.log").mkdir()
    with pytest.raises(OSError, match="directory"):
        rotate(log, biggest_bytes=1)
    assert log.read_text() == "a line\n"


def test_a_log_is_shown_from_its_beginning_once_it_was_rotated(tmp_path: Path) -> None:
    log, shown = tmp_path / "scanner.log", list[str]()
    tail = LogTail(lambda: {"scanner": log}, shown.append)
    log.write_text("a long first line\n")
    tail.write_new()
    rotate(log, biggest_bytes=1)
    log.write_text("new\n")
    tail.write_new()
    tail.write_new()
    assert shown == ["scanner | a long first line", "scanner | new"]


def test_last_words_are_read_from_the_end_of_however_big_a_log(tmp_path: Path) -> None:
    log = tmp_path / "scanner.log"
    with log.open("wb") as file:
        file.truncate(1 << 40)  # a hole of a terabyte: nobody could read it whole
        file.seek(0, 2)
        file.write(b"\nthe port is taken\n\n")
    assert last_line(log) == "the port is taken"
    assert last_line(tmp_path / "nobody.log") == ""
