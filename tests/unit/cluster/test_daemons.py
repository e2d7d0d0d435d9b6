"""Programs that outlive their starter are found again, never started twice, and ended with all that they started."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.cluster.daemons import Daemon, Daemons

SLEEP = "/bin/sleep"


@pytest.fixture
def daemons(tmp_path: Path) -> Iterator[Daemons]:
    made = Daemons(f"test-{os.getpid()}", tmp_path / "logs")
    yield made
    made.end_everything()


def sleepers(seconds: str) -> list[str]:
    return subprocess.run(["pgrep", "-f", f"^{SLEEP} {seconds}$"], capture_output=True, text=True).stdout.split()


def wait_for(seconds: str, count: int) -> None:
    deadline = time.monotonic() + 60
    while len(sleepers(seconds)) != count:
        assert time.monotonic() < deadline, f"{len(sleepers(seconds))} sleepers"
        time.sleep(0.01)


def test_what_runs_as_described_is_left_alone(daemons: Daemons) -> None:
    sleeper = Daemon("sleeper", [SLEEP, "7101"])
    assert daemons.start(sleeper)
    (first,) = sleepers("7101")
    assert not daemons.start(sleeper)
    assert sleepers("7101") == [first]
    assert daemons.running() == ["sleeper"]


@pytest.mark.parametrize("change", ["command", "file"])
def test_what_is_described_otherwise_is_replaced(change: str, daemons: Daemons, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text("one")
    daemons.start(Daemon("sleeper", [SLEEP, "7102"], files=(config,)))
    wait_for("7102", 1)
    if change == "command":
        assert daemons.start(Daemon("sleeper", [SLEEP, "7103"], files=(config,)))
        wait_for("7103", 1)
        assert sleepers("7102") == []
    else:
        (before,) = sleepers("7102")
        config.write_text("two")
        assert daemons.start(Daemon("sleeper", [SLEEP, "7102"], files=(config,)))
        wait_for("7102", 1)
        assert sleepers("7102") != [before]


def test_a_stranger_of_the_same_name_is_not_ours(daemons: Daemons, tmp_path: Path) -> None:
    strangers = Daemons(f"other-{os.getpid()}", tmp_path / "other")
    strangers.start(Daemon("sleeper", [SLEEP, "7104"]))
    try:
        assert not daemons.is_running("sleeper")
        daemons.end_everything()
        wait_for("7104", 1)
    finally:
        strangers.end_everything()
    assert sleepers("7104") == []


def test_the_end_takes_orphans_and_unmarked_children_along(daemons: Daemons, tmp_path: Path) -> None:
    """As a container's shim does: leaves its session, loses its parent, and starts what carries no mark."""
    script = tmp_path / "shim"
    script.write_text(f"setsid sh -c 'env -i {SLEEP} 7105 & {SLEEP} 7106' &\n")
    daemons.start(Daemon("parent", ["/bin/sh", str(script)]))
    wait_for("7105", 1)
    wait_for("7106", 1)
    assert not daemons.is_running("parent"), "it ended and left its children"
    daemons.end_everything()
    assert sleepers("7105") == sleepers("7106") == []


def test_stopping_one_leaves_what_it_started(daemons: Daemons, tmp_path: Path) -> None:
    script = tmp_path / "parent"
    script.write_text(f"setsid {SLEEP} 7107 &\nexec {SLEEP} 7108\n")
    daemons.start(Daemon("sleeper", [SLEEP, "7109"]))
    daemons.start(Daemon("parent", ["/bin/sh", str(script)]))
    wait_for("7107", 1)
    daemons.stop("sleeper")
    assert sleepers("7109") == []
    assert len(sleepers("7107")) == 1


def test_what_a_program_says_is_in_its_log(daemons: Daemons) -> None:
    daemons.start(Daemon("teller", ["/bin/sh", "-c", "echo out; echo error >&2"]))
    deadline = time.monotonic() + 60
    while daemons.log("teller").read_text() != "out\nerror\n":
        assert time.monotonic() < deadline
        time.sleep(0.01)
