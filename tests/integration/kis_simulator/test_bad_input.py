"""Bad input: one line that names what is wrong, exit status 2, nothing started."""

import socket
from pathlib import Path

import pytest

from tests.support.exchange import refused_exchange, running_exchange

FREE = ("--port", "0", "--ws-port", "0", "--control-port", "0")


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        (
            ("--day", "2025-03-01"),
            "2025-03-01 is no trading day; the session before is 2025-02-28, the next one 2025-03-04",
        ),
        (("--day", "2042-01-02"), "outside the known calendar"),
        (("--day", "tomorrow"), "--day"),
        (("--at", "15:30"), "not before the close of 15:30"),
        (("--until", "15:30"), "--until: 15:30 is not after the close of 15:30"),
        (("--day", "2024-11-14", "--until", "16:10"), "--until: 16:10 is not after the close of 16:30"),
        (("--until", "late"), "--until"),
        (("--port", "99999"), "--port"),
        (("--rate", "-1"), "--rate"),
        (("--layout", "2024"), "--layout"),
        (("--env", "moon"), "--env"),
        (("--cash", "0"), "--cash"),
        (("--no-such-flag", "1"), "--no-such-flag"),
        (("--data", "/nonexistent"), "/nonexistent/krx-daily.parquet"),
    ],
)
def test_a_wrong_flag_is_one_line_and_status_2(flags: tuple[str, ...], expected: str) -> None:
    ended = refused_exchange(*FREE, *flags)
    assert ended.returncode == 2
    assert expected in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    assert ended.stdout == ""


@pytest.mark.parametrize("flag", ["--port", "--ws-port", "--control-port"])
def test_a_taken_port_is_named(flag: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = refused_exchange(*FREE, "--day", "2025-03-04", flag, str(port))
    assert ended.returncode == 2
    assert flag in ended.stderr
    assert str(port) in ended.stderr


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ("code,date,open,high,low,close\n005930,2025-03-04,1,1,1,1\n", "volume: column is missing"),
        ("code,date,open,high,low,close,volume\n005930,2025-03-04,1,1,1,1,-5\n", "volume, row 1"),
        ("code,date,open,high,low,close,volume\n5930,2025-03-04,1,1,1,1,5\n", "code, row 1"),
    ],
)
def test_a_broken_data_file_is_named_with_field_and_reason(tmp_path: Path, rows: str, expected: str) -> None:
    (tmp_path / "krx-daily.csv").write_text(rows)
    (tmp_path / "stock-master.csv").write_text("code,name,industry,market,shares\n005930,삼성전자,,KOSPI,1\n")
    ended = refused_exchange(*FREE, "--data", str(tmp_path))
    assert ended.returncode == 2
    assert str(tmp_path / "krx-daily.csv") in ended.stderr
    assert expected in ended.stderr


def test_a_session_without_bars_is_refused_with_the_range_there_is(tmp_path: Path) -> None:
    (tmp_path / "krx-daily.csv").write_text(
        "code,date,open,high,low,close,volume\n005930,2025-03-04,100,100,100,100,5\n"
    )
    (tmp_path / "stock-master.csv").write_text("code,name,industry,market,shares\n005930,삼성전자,,KOSPI,1\n")
    ended = refused_exchange(*FREE, "--data", str(tmp_path), "--day", "2025-03-05")
    assert ended.returncode == 2
    assert "no bars of 2025-03-05; the prices cover 2025-03-04 to 2025-03-04" in ended.stderr


def test_a_folder_of_prices_is_played_on_its_last_day(tmp_path: Path) -> None:
    (tmp_path / "krx-daily.csv").write_text(
        "code,date,open,high,low,close,volume\n0004Y0,2025-03-04,0,0,0,100,0\n005930,2025-03-04,100,120,90,110,500\n"
    )
    (tmp_path / "stock-master.csv").write_text("code,name,industry,market,shares\n005930,삼성전자,,KOSPI,1\n")
    with running_exchange("--data", str(tmp_path)) as exchange:
        stats = exchange.control("stats")
    assert "data_source=real" in exchange.ready_line
    assert stats["data_source"] == "real"
    assert stats["universe"] == 2
    assert "one print a stock every 2 seconds" in stats["tick_density"]


def test_the_environment_works_like_the_flags() -> None:
    with running_exchange(env={"JENNIE_SIM_TICK_SECS": "5"}) as exchange:
        assert "every 5 seconds" in exchange.ready_line
