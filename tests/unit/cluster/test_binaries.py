"""Built programs: once a version, whole or not at all, by one builder at a time. Go is played by a script."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from scripts.cluster.binaries import BuildError, GoMissingError, binary, programs

ROOT = Path(__file__).resolve().parents[3]
BUILD = (sys.executable, ROOT / "scripts/cluster/cluster.py", "binaries")
# Writes half of the program, waits, then the rest; says what it was asked.
FAKE_GO = """#!/bin/sh
echo "$@" >> "$FAKE_GO_LOG"
while [ "$1" != -o ]; do shift; done
echo "some/package"
printf '#!/bin/sh\\necho ' > "$2"
sleep "$FAKE_GO_SECS"
printf 'whole\\n' >> "$2"
chmod +x "$2"
exit "$FAKE_GO_STATUS"
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put the player of Go first in PATH and the cache into the test's folder; give the list of its calls."""
    player = tmp_path / "bin" / "go"
    player.parent.mkdir()
    player.write_text(FAKE_GO)
    player.chmod(0o755)
    monkeypatch.setenv("PATH", f"{player.parent}:/usr/bin:/bin")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("FAKE_GO_LOG", str(tmp_path / "calls"))
    monkeypatch.setenv("FAKE_GO_SECS", "0")
    monkeypatch.setenv("FAKE_GO_STATUS", "0")
    return tmp_path / "calls"


def kept(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "cache/prime-jennie/bin").iterdir() if path.suffix != ".lock")


def test_a_program_is_built_once_and_carries_its_pinned_version(calls: Path, tmp_path: Path) -> None:
    first = binary("kubectl")
    assert first == binary("kubectl")
    assert subprocess.check_output([first], text=True) == "whole\n"
    assert first.name.startswith("kubectl-v1.34.")
    (only_call,) = calls.read_text().splitlines()
    assert "gitVersion=v1.34." in only_call
    assert "gitMinor=34" in only_call
    assert "k8s.io/kubernetes/cmd/kubectl" in only_call


def test_what_is_in_the_cache_needs_no_go(calls: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = binary("etcd")
    monkeypatch.setenv("PATH", "/nowhere")
    assert binary("etcd") == built
    with pytest.raises(GoMissingError, match=r"helm v3.* no `go` is in PATH"):
        binary("helm")


def test_a_failed_build_tells_what_go_said_and_leaves_nothing(
    calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_STATUS", "2")
    with pytest.raises(BuildError, match=r"building coredns v1\..* failed \(2\):\nsome/package"):
        binary("coredns")
    assert kept(tmp_path) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_build_leaves_no_half_program(
    number: signal.Signals, calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_SECS", "30")
    builder = subprocess.Popen([*BUILD, "etcd"], start_new_session=True)
    deadline = time.monotonic() + 60
    while not list((tmp_path / "cache").glob("prime-jennie/bin/.etcd.part-*/etcd")):
        assert time.monotonic() < deadline, "the build did not begin"
        time.sleep(0.01)
    if number == signal.SIGINT:
        os.killpg(builder.pid, number)  # a terminal's Ctrl-C reaches the builder and Go
    else:
        builder.kill()
    builder.wait(60)
    assert [name for name in kept(tmp_path) if not name.startswith(".")] == []
    if number == signal.SIGINT:
        assert kept(tmp_path) == []

    monkeypatch.setenv("FAKE_GO_SECS", "0")
    assert subprocess.check_output([binary("etcd")], text=True) == "whole\n"
    assert len(kept(tmp_path)) == 1
    if number == signal.SIGKILL:
        os.killpg(builder.pid, signal.SIGKILL)


def test_two_builders_build_once_and_are_quiet_where_nobody_watches(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_GO_SECS", "0.5")
    both = [
        subprocess.Popen([*BUILD, "etcd"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)
    ]
    (out, error), (same, nothing) = (builder.communicate(timeout=90) for builder in both)
    assert out == same != ""
    assert (error, nothing) == ("", "")
    assert len(calls.read_text().splitlines()) == 1


def test_another_pin_is_another_program(calls: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pins = tmp_path / "pins"
    (pins / "etcd").mkdir(parents=True)
    (pins / "etcd/go.mod").write_text("require go.etcd.io/etcd/server/v3 v3.6.5\n")
    (pins / "etcd/go.sum").write_text("one")
    program = programs()["etcd"]
    monkeypatch.setattr("scripts.cluster.binaries.HERE", pins)
    first = program.file_name("etcd")
    (pins / "etcd/go.sum").write_text("other")
    assert program.file_name("etcd") != first
    assert first.startswith("etcd-v3.6.5-")
    (pins / "etcd/go.mod").write_text("require something/else v1.0.0\n")
    with pytest.raises(BuildError, match="does not require"):
        program.file_name("etcd")


def test_an_unknown_name_is_refused() -> None:
    refused = subprocess.run([*BUILD, "kubelt"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2
    assert "no program is called 'kubelt'" in refused.stderr
