"""The runner with real processes and a real Redis; nothing waits for a fixed time."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from prime_jennie_operator.local.errors import BadObjects, PortInUse, RunInUse, StartFailed
from prime_jennie_operator.local.ports import is_free
from prime_jennie_operator.local.registry import ProcessRegistry, end_leftovers
from prime_jennie_operator.local.run import LocalRun
from prime_jennie_operator.local.secrets import LocalSecrets, load_generated
from tests.support.stand_in_objects import Manifest, job, live_configuration, redis_store, stand_in

ROOT = Path(__file__).parents[3]


def run_of(objects: list[Manifest], folder: Path, said: list[str] | None = None, **options: object) -> LocalRun:
    secrets = LocalSecrets(load_generated(folder / "secrets.json"), "sqlite+aiosqlite:///unused")
    said = said if said is not None else []
    return LocalRun(
        objects,
        folder / "run",
        secrets,
        report=lambda name, text: said.append(f"{name}: {text}"),
        **options,  # type: ignore[arg-type]
    )


async def ask(run: LocalRun, name: str) -> dict[str, Any]:
    return (await run.health())[name]


async def until(condition: Callable[[], bool], within_secs: float = 15.0) -> None:
    deadline = time.monotonic() + within_secs
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true in time"
        await asyncio.sleep(0.02)


def alive(pid: int | None) -> bool:
    return pid is not None and psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.fixture
async def two_services(tmp_path: Path) -> AsyncIterator[tuple[LocalRun, list[str]]]:
    said: list[str] = []
    objects = redis_store() + stand_in("front", 28401, BACK_URL="http://back:28400", REDIS_URL="redis://redis:6379/0")
    objects += stand_in("back", 28400, READY_AFTER_SECS="0.5")
    async with run_of(objects, tmp_path, said) as run:
        yield run, said


async def test_services_start_after_what_they_name_is_ready(two_services: tuple[LocalRun, list[str]]) -> None:
    _, said = two_services
    order = [line.split(":")[0] for line in said if "ready on port" in line]
    assert order.index("front") > order.index("back")
    assert order.index("front") > order.index("redis")


async def test_health_is_a_snapshot_of_every_process(two_services: tuple[LocalRun, list[str]]) -> None:
    run, _ = two_services
    health = await run.health()
    assert {name: report["status"] for name, report in health.items()} == dict.fromkeys(run.services, "healthy")


async def test_a_proxy_of_the_persons_environment_is_no_way_to_this_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, proxy in (("HTTP_PROXY", "http://127.0.0.1:9"), ("ALL_PROXY", "socks5://127.0.0.1:9")):
        monkeypatch.setenv(name, proxy)
        monkeypatch.setenv(name.lower(), proxy)
    async with run_of(stand_in("alone", 28402), tmp_path, ready_timeout_secs=10.0) as run:
        assert (await ask(run, "alone"))["status"] == "healthy"


async def test_a_killed_service_is_restarted_on_the_same_port(two_services: tuple[LocalRun, list[str]]) -> None:
    run, said = two_services
    port, old = run.services["back"].port, run.kill("back")
    await until(lambda: run.services["back"].pid not in (None, old))
    await run.until_ready("back")
    assert (run.services["back"].port, run.services["back"].restarts) == (port, 1)
    assert any("back: killed by SIGKILL; starts again in 1 s" in line for line in said)
    assert not alive(old)


async def test_a_killed_redis_comes_back_with_what_it_acknowledged(two_services: tuple[LocalRun, list[str]]) -> None:
    from prime_jennie.infra.redis.connection import connect

    run, _ = two_services
    client = connect(run.redis_url)
    await client.config_set("appendfsync", "always")
    await client.set("kept", "acknowledged")
    old = run.kill("redis")
    await until(lambda: run.services["redis"].pid not in (None, old))
    await run.until_ready("redis")
    assert await client.get("kept") == "acknowledged"
    await client.aclose()


async def test_memory_counts_the_runner_and_every_process(two_services: tuple[LocalRun, list[str]]) -> None:
    run, _ = two_services
    total_mb = run.pss_bytes() / 1e6
    assert 10 < total_mb < 1000


async def test_a_process_sees_only_its_own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIS_APP_SECRET", "somebody's real secret")
    async with run_of(stand_in("alone", 28410), tmp_path) as run:
        assert "KIS_APP_SECRET" not in (await ask(run, "alone"))["seen_env"]


async def test_a_taken_port_is_avoided_and_addresses_follow(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 28420))
        taken.listen()
        async with run_of(stand_in("moved", 28420), tmp_path) as run:
            assert run.services["moved"].port not in (None, 28420)
            assert (await ask(run, "moved"))["status"] == "healthy"


async def test_two_runs_that_start_together_never_choose_the_same_port(tmp_path: Path) -> None:
    # Both look before either listens: without the claim both would take 28425.
    slow = stand_in("slow", 28426, READY_AFTER_SECS="0.5")
    objects = slow + stand_in("late", 28425, SLOW="http://slow:28426")
    first, second = run_of(objects, tmp_path / "a"), run_of(objects, tmp_path / "b")
    async with asyncio.TaskGroup() as group:
        group.create_task(first.start())
        group.create_task(second.start())
    try:
        ports = {run.services[name].port for run in (first, second) for name in ("slow", "late")}
        assert len(ports) == 4
        assert all(service.restarts == 0 for run in (first, second) for service in run.services.values())
    finally:
        await asyncio.gather(first.stop(), second.stop())


async def test_an_explicit_port_in_use_is_refused_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 28430))
        taken.listen()
        run = run_of(stand_in("here", 28431), tmp_path, ports={"here": 28430})
        with pytest.raises(PortInUse, match=r"port 28430 \(here\): already in use"):
            await run.start()
        kept = tmp_path / "run" / "jennie.sqlite3"
        kept.write_text("an earlier day")
        with pytest.raises(PortInUse):
            await run_of(stand_in("here", 28431), tmp_path, ports={"here": 28430}, fresh=True).start()
        assert kept.read_text() == "an earlier day"
    assert run.services == {}
    assert not (tmp_path / "run" / "processes.json").exists()


async def test_an_explicit_port_of_no_process_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadObjects, match="hear: no process of this name; there are here"):
        await run_of(stand_in("here", 28431), tmp_path, ports={"hear": 28430}).start()


async def test_a_program_that_cannot_start_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    objects = stand_in("good", 28440) + stand_in("bad", 28441, CRASHES="the port is a word", GOOD="http://good:28440")
    run = run_of(objects, tmp_path)
    with pytest.raises(StartFailed, match="bad: exited with 2: the port is a word") as refused:
        await run.start()
    assert refused.value.exit_code == 2
    assert is_free(28440)


async def test_a_program_that_never_becomes_ready_ends_the_start(tmp_path: Path) -> None:
    run = run_of(stand_in("slow", 28442, READY_AFTER_SECS="60"), tmp_path, ready_timeout_secs=0.5)
    with pytest.raises(StartFailed, match=r"slow: not ready within 0.5 s; its last words: slow listens on 28442"):
        await run.start()
    assert is_free(28442)


async def test_a_job_runs_before_the_services_that_use_the_database(tmp_path: Path) -> None:
    made = tmp_path / "made-by-job"
    program = f"import pathlib, time; time.sleep(0.3); pathlib.Path({str(made)!r}).touch()"
    waits = stand_in("reader", 28450, DATABASE_URL="sqlite://")
    async with run_of([job("tables", "python", "-c", program), *waits], tmp_path):
        started_after = (tmp_path / "run" / "logs" / "reader.log").stat().st_mtime
        assert made.stat().st_mtime <= started_after


async def test_a_failed_job_ends_the_start_with_its_last_words(tmp_path: Path) -> None:
    objects = [job("tables", "python", "-c", "raise SystemExit('no such table')")]
    with pytest.raises(StartFailed, match="tables: ended with 1: no such table"):
        await run_of(objects, tmp_path).start()


async def test_a_service_that_ignores_sigterm_is_ended_by_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("prime_jennie_operator.local.run.STOP_GRACE_SECS", 0.5)
    said: list[str] = []
    async with run_of(stand_in("deaf", 28460, IGNORES_SIGTERM="1"), tmp_path, said) as run:
        pid = run.services["deaf"].pid
    assert not alive(pid)
    assert "deaf: did not stop within 0.5 s and was killed" in said


async def test_a_changed_configuration_reaches_the_service_without_a_restart(tmp_path: Path) -> None:
    service = stand_in("scanner", 28470, strategy="krx", REDIS_URL="redis://redis:6379/0")
    base = redis_store() + service
    async with run_of([*base, live_configuration("krx", 1, 10)], tmp_path) as run:
        assert await run.until_acknowledged() == {}
        pid, before = run.services["scanner"].pid, await ask(run, "scanner")
        touched = await run.apply([*base, live_configuration("krx", 2, 3)])
        assert await run.until_acknowledged() == {}
        health = await ask(run, "scanner")
        assert (before["max_positions"], before["generation"]) == (10, 1)
        assert (touched, health["max_positions"], health["generation"], health["pid"]) == ([], 3, 2, pid)


async def test_a_configuration_that_redis_lost_is_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prime_jennie.infra.redis.connection import connect

    monkeypatch.setattr("prime_jennie_operator.live_config.RESYNC_SECS", 0.1)
    async with run_of([*redis_store(), live_configuration("krx", 4, 10)], tmp_path) as run:
        client = connect(run.redis_url)
        await client.flushall()
        restored = [await client.get("krx:config")]
        while restored[-1] is None and len(restored) < 200:
            await asyncio.sleep(0.05)
            restored.append(await client.get("krx:config"))
        assert '"maxPositions": 10' in restored[-1]
        await client.aclose()


async def test_a_changed_program_restarts_alone(tmp_path: Path) -> None:
    before = stand_in("same", 28480) + stand_in("changed", 28481, COLOUR="red")
    after = stand_in("same", 28480) + stand_in("changed", 28481, COLOUR="blue")
    async with run_of(before, tmp_path) as run:
        pids = {name: service.pid for name, service in run.services.items()}
        assert await run.apply(after) == ["changed"]
        assert run.services["same"].pid == pids["same"]
        assert run.services["changed"].pid != pids["changed"]
        assert not alive(pids["changed"])


async def test_a_second_run_in_the_same_folder_is_refused_and_the_first_lives_on(tmp_path: Path) -> None:
    async with run_of(stand_in("one", 28490), tmp_path) as first:
        with pytest.raises(RunInUse, match=f"in use by process {os.getpid()}"):
            await run_of(stand_in("two", 28491), tmp_path).start()
        assert (await first.health())["one"]["status"] == "healthy"


@contextlib.contextmanager
def runner_process(folder: Path, names: str, *env: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.support.local_runner", str(folder), names, *env]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def read_until(process: subprocess.Popen[str], word: str) -> list[str]:
    lines: list[str] = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line.rstrip())
        if word in line:
            return lines
    raise AssertionError(f"{word!r} was never said: {lines}")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    with runner_process(tmp_path, "a,b") as runner:
        read_until(runner, "running")
        children = psutil.Process(runner.pid).children(recursive=True)
        assert len(children) == 3
        runner.send_signal(number)
        assert runner.wait(timeout=20) == 128 + number
        assert not any(alive(child.pid) for child in children)
    assert not (tmp_path / "run" / "processes.json").exists()


def test_the_next_start_ends_what_a_killed_runner_left_and_says_so(tmp_path: Path) -> None:
    # The kernel's own signal at the runner's death is SIGTERM: a service that ignores it is what the registry is for.
    with runner_process(tmp_path, "stubborn", "IGNORES_SIGTERM=1") as runner:
        read_until(runner, "running")
        children = psutil.Process(runner.pid).children(recursive=True)
        stubborn = next(c for c in children if "stubborn" in c.cmdline())
        runner.kill()
        runner.wait()
        assert alive(stubborn.pid)
        with runner_process(tmp_path, "calm") as following:
            said = read_until(following, "running")
            assert any("did not stop cleanly; ended the" in line and "stubborn" in line for line in said), said
            assert f"process {runner.pid}" in said[0]
            assert not any(alive(child.pid) for child in children)
            following.send_signal(signal.SIGINT)
            following.wait(timeout=20)


async def test_a_reused_pid_is_never_signalled(tmp_path: Path) -> None:
    innocent = await asyncio.create_subprocess_exec("sleep", "60", start_new_session=True)
    try:
        registry = ProcessRegistry(tmp_path / "processes.json")
        registry.open()
        registry.add("ours", innocent.pid)
        path = tmp_path / "processes.json"
        text = path.read_text()
        started = int(text.split('"started": ')[1].split("\n")[0])
        path.write_text(text.replace(f'"started": {started}', f'"started": {started - 1}'))
        leftovers = await end_leftovers(path)
        assert leftovers is not None
        assert leftovers.ended == ()
        assert alive(innocent.pid)
    finally:
        innocent.kill()
        await innocent.wait()


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    first = load_generated(tmp_path / "private" / "secrets.json")
    assert load_generated(tmp_path / "private" / "secrets.json") == first
    assert (tmp_path / "private" / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert (len(first["app-key"]), len(first["app-secret"])) == (36, 180)


@pytest.mark.parametrize("text", ["{", "[]", "7", '{"token-key": 5}', '{"token-key": ""}', "\x00"])
def test_a_file_of_secrets_that_is_none_is_named_and_kept(tmp_path: Path, text: str) -> None:
    file = tmp_path / "secrets.json"
    file.write_text(text)
    with pytest.raises(BadObjects, match=r"secrets\.json: not .*; move it away"):
        load_generated(file)
    assert file.read_text() == text
