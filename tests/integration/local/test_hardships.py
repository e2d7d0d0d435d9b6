"""What a run lives through: a full disk, a terminal that is gone, a file that nobody can read; and what ends it."""

import asyncio
import errno
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from prime_jennie_operator.loading import load_values
from prime_jennie_operator.local import run as run_module
from prime_jennie_operator.local.errors import RunBroken
from prime_jennie_operator.local.opening import follow_files
from prime_jennie_operator.local.process import ManagedProcess
from prime_jennie_operator.local.registry import ProcessRegistry
from prime_jennie_operator.local.run import LocalRun
from prime_jennie_operator.local.secrets import LocalSecrets, load_generated
from prime_jennie_operator.local.watch import fingerprint
from tests.support.eventually import eventually
from tests.support.schedules import schedule
from tests.support.stand_in_assembly import HEAD, StandInAssembly
from tests.support.stand_in_objects import Manifest, stand_in


def disk_full(*_: object) -> NoReturn:
    raise OSError(errno.ENOSPC, "No space left on device")


def nobody_listens(*_: object) -> NoReturn:
    raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def run_of(folder: Path, report: Callable[[str, str], None], objects: list[Manifest], **options: object) -> LocalRun:
    secrets = LocalSecrets(load_generated(folder / "secrets.json"), f"sqlite:///{folder / 'rows.db'}")
    return LocalRun(objects, folder / "run", secrets, report=report, **options)  # type: ignore[arg-type]


async def until_it_lives_again(run: LocalRun, name: str, old: int | None) -> None:
    await eventually(lambda: run.services[name].pid not in (None, old), within_secs=30)
    await run.until_ready(name)


async def live(run: LocalRun, *, killing: str | None = None) -> None:
    """Run until something ends it."""
    async with run:
        assert run.services
        if killing is not None:
            run.kill(killing)
        await asyncio.sleep(60)


async def test_a_service_is_restarted_on_a_full_disk_that_nobody_can_be_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_of(tmp_path, nobody_listens, stand_in("alone", 28610)) as run:
        monkeypatch.setattr(ProcessRegistry, "_write", disk_full)
        for _ in range(2):
            await until_it_lives_again(run, "alone", run.kill("alone", signal.SIGKILL))
    assert not (tmp_path / "run" / "processes.json").exists(), "it stopped cleanly"


async def test_a_restart_that_fails_for_now_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    real, failures = ManagedProcess._spawn, 1

    async def spawn(self: ManagedProcess) -> asyncio.subprocess.Process:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            disk_full()
        return await real(self)

    async with run_of(tmp_path, lambda _, text: said.append(text), stand_in("alone", 28611)) as run:
        monkeypatch.setattr(ManagedProcess, "_spawn", spawn)
        await until_it_lives_again(run, "alone", run.kill("alone"))
    assert "cannot be started: [Errno 28] No space left on device; tried again in 2 s" in said


async def test_a_run_whose_schedules_end_stops_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fire(*_: object) -> NoReturn:
        await asyncio.sleep(0.1)
        raise KeyError("a bug")

    monkeypatch.setattr(run_module, "fire_here", fire)
    monkeypatch.setattr(run_module, "SCHEDULES_WITHIN_SECS", 0.05)
    said: list[str] = []
    run = run_of(tmp_path, lambda _, text: said.append(text), stand_in("alone", 28612), schedules=[schedule()])
    with pytest.raises(RunBroken, match="firing of schedules ended with KeyError: 'a bug'; the run is stopped") as told:
        await live(run)
    assert told.value.exit_code == 1
    assert str(told.value) in said
    assert run.services == {}
    current = asyncio.current_task()
    assert current is not None
    assert current.cancelling() == 0, "who catches it may go on"


async def test_a_supervisor_that_fails_ends_the_run_with_its_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_self: ManagedProcess, _secs: float) -> NoReturn:
        raise KeyError("a bug")

    monkeypatch.setattr(ManagedProcess, "_start_again", fail)
    run = run_of(tmp_path, nobody_listens, [*stand_in("alone", 28613), *stand_in("other", 28614)])
    with pytest.raises(RunBroken, match="supervision of alone ended with KeyError"):
        await live(run, killing="alone")
    assert run.services == {}


async def test_a_change_that_the_disk_cannot_take_stops_nothing_and_acts_once_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, said = tmp_path / "krx.yaml", list[str]()
    file.write_text(HEAD + "spec: {risk: {maxPositions: 5}}")
    assembly = StandInAssembly([file], load_values(), tmp_path / "run")
    async with run_of(tmp_path, nobody_listens, assembly.objects()) as run:
        following = asyncio.create_task(follow_files(assembly, run, lambda _, text: said.append(text)))
        await run.until_acknowledged()
        pid = run.services["scanner"].pid
        real = run_module.write_atomically
        monkeypatch.setattr(run_module, "write_atomically", disk_full)
        services = "services: {buyScanner: {env: [{name: A, value: b}]}}"
        file.write_text(HEAD + f"spec: {{risk: {{maxPositions: 2}}, {services}}}")
        await eventually(lambda: said, within_secs=30)
        await asyncio.sleep(1.5)
        assert said == [
            "the change was not taken: no space left on device; what was in force stays, and it is tried again"
        ]
        assert (run.services["scanner"].pid, (await run.health())["scanner"]["max_positions"]) == (pid, 5)

        monkeypatch.setattr(run_module, "write_atomically", real)
        await eventually(lambda: "in force: krx generation 2; restarted: scanner" in said, within_secs=60)
        assert (await run.health())["scanner"]["max_positions"] == 2
        assert not following.done()
        following.cancel()


async def test_a_file_that_becomes_unreadable_is_told_and_changes_nothing(tmp_path: Path) -> None:
    file, said = tmp_path / "krx.yaml", list[str]()
    text = HEAD + "spec: {risk: {maxPositions: 5}}"
    file.write_text(text)
    assembly = StandInAssembly([file], load_values(), tmp_path / "run")
    run = run_of(tmp_path, nobody_listens, [])
    following = asyncio.create_task(follow_files(assembly, run, lambda _, text: said.append(text)))
    await asyncio.sleep(0.1)
    file.unlink()
    file.symlink_to("/proc/self/mem")  # opens, and fails when read
    await eventually(lambda: said, within_secs=30)
    assert said == [f"{file}: input/output error; what was in force stays"]
    file.unlink()
    file.write_text(text)
    await asyncio.sleep(1.5)
    assert (len(said), following.done()) == (1, False)
    following.cancel()


def test_an_unreadable_file_has_a_fingerprint_of_its_own(tmp_path: Path) -> None:
    file, nothing = tmp_path / "mem.yaml", tmp_path / "none.yaml"
    file.symlink_to("/proc/self/mem")
    assert fingerprint([file]) == fingerprint([file]) != fingerprint([nothing])


def test_a_terminal_that_is_gone_fails_nothing_and_changes_no_exit_status() -> None:
    program = "from jennie.commands.run import _say\nfor n in range(3): _say('runner', 'x' * 100_000)"
    process = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.wait(60) == 0
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_full_disk_behind_stdout_fails_nothing() -> None:
    program = "import os\nfrom jennie.commands.run import _say\n_say('runner', 'x' * 100_000)\nos._exit(7)"
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        assert subprocess.run([sys.executable, "-c", program], stdout=full, check=False).returncode == 7
