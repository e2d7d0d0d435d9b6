"""`jennie chat` as a person uses it: real processes of exchange, gateway and command-handler, a pipe and a terminal."""

import fcntl
import json
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from prime_jennie.domain.risk import HaltState
from prime_jennie.infra.database.repositories.halts import HaltRepository
from tests.support import web
from tests.support.exchange import ACCOUNT
from tests.support.gateway import READ_TOKEN, STRATEGY, House, running_house, until
from tests.support.redis_server import free_port
from tests.support.warm_process import WarmProcess

OPERATOR_TOKEN = "an-operators-token-for-tests"


class CommandHandler:
    """One process of the service, and the folder in which `jennie chat` finds it."""

    def __init__(self, house: House, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()
        self._log = folder / "command-handler.log"
        self._environment = {
            **{name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")},
            "PORT": str(self.port),
            "REDIS_URL": house.redis.url,
            "DATABASE_URL": house.database_url,
            "JENNIE_CLOCK": house.redis.url,
            "KIS_GATEWAY_URL": house.gateway.url,
            "JENNIE_READ_TOKEN": READ_TOKEN,
            "JENNIE_OPERATOR_TOKEN": OPERATOR_TOKEN,
        }
        run = folder / "run"
        run.mkdir()
        endpoints = {
            "pid": os.getpid(),
            "redis_url": house.redis.url,
            "database_url": house.database_url,
            "account_no": ACCOUNT,
            "strategies": [STRATEGY],
            "services": {
                "command-handler": {"component": "command-handler", "strategy": None, "ports": {"http": self.port}}
            },
        }
        (run / "endpoints.json").write_text(json.dumps(endpoints))
        (folder / "secrets.json").write_text(json.dumps({"operator-token": OPERATOR_TOKEN}))
        self.process = self._start()

    def _start(self) -> WarmProcess:
        process = WarmProcess("command_handler", env=self._environment, log=self._log)
        until(self.is_ready, what="command-handler is ready")
        return process

    def is_ready(self) -> bool:
        try:
            return web.get(f"http://127.0.0.1:{self.port}/readyz").status_code == 200
        except httpx.HTTPError:
            return False

    def kill_and_start_again(self) -> None:
        self.process.kill()
        self.process.wait()
        self.process = self._start()

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(timeout=10)

    def log_text(self) -> str:
        return self._log.read_text()

    def chat(self, *words: str, piped: str | None = None) -> "subprocess.CompletedProcess[str]":
        """Run `jennie chat`, with words or behind a pipe."""
        command = [sys.executable, "-m", "jennie", "chat", *words, "--folder", str(self.folder)]
        return subprocess.run(command, input=piped, capture_output=True, text=True, timeout=60, check=False)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running_house(tmp_path_factory.mktemp("house")) as made:
        yield made


@pytest.fixture
def service(house: House, tmp_path: Path) -> Iterator[CommandHandler]:
    made = CommandHandler(house, tmp_path)
    yield made
    if made.process.poll() is None:
        made.stop()


def test_a_pipe_gets_one_answer_a_line_and_nothing_else(service: CommandHandler, house: House) -> None:
    done = service.chat(piped="/price 005930\n\n/balance\n")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.match(r"^005930\n현재가 [\d,]+원 \([+-][\d.]+%\)\n", done.stdout)
    assert "\n계좌 잔고\n총자산 " in done.stdout
    assert "jennie>" not in done.stdout


def test_one_line_as_arguments_and_a_status_that_scripts_can_trust(service: CommandHandler) -> None:
    assert service.chat("/portfolio").stdout == "보유 종목이 없습니다\n"
    refused = service.chat("/sell", "005930")
    assert (refused.returncode, refused.stdout) == (1, "005930: 보유하지 않습니다\n")
    assert service.chat("/nonsense").returncode == 1


async def test_a_pause_outlives_a_killed_service_and_is_lifted_by_the_next(
    service: CommandHandler, house: House
) -> None:
    assert service.chat("/pause", "점심").stdout.startswith("계좌 전체: 매수 중지\n")
    service.kill_and_start_again()
    (halt,) = await HaltRepository(house.db).in_force(ACCOUNT, STRATEGY)
    assert (halt.state, halt.who, halt.why) == (HaltState.PAUSED, "console operator", "점심")
    assert service.chat("/resume").returncode == 0
    assert await HaltRepository(house.db).in_force(ACCOUNT, STRATEGY) == []


def test_a_terminal_has_a_prompt_and_is_left_cleanly(service: CommandHandler) -> None:
    for leave in (b"\x04", b"\x03"):
        terminal, its_end = pty.openpty()
        command = [sys.executable, "-m", "jennie", "chat", "--folder", str(service.folder)]
        with subprocess.Popen(
            command, stdin=its_end, stdout=its_end, stderr=its_end, start_new_session=True, preexec_fn=own_terminal
        ) as talk:
            os.close(its_end)
            assert "/help" in read_until(terminal, "jennie> ")
            os.write(terminal, b"/portfolio\n")
            _, answer, rest = read_until(terminal, "없습니다").partition("보유 종목이 없습니다")
            assert answer
            if "jennie> " not in rest:  # a ^D that comes before the prompt means nothing to readline
                read_until(terminal, "jennie> ")
            left = leave_by(leave, terminal)
            assert talk.wait(timeout=20) == 0
        os.close(terminal)
        assert "Traceback" not in left


def test_the_service_stops_when_asked_and_its_log_shows_no_secret(service: CommandHandler) -> None:
    service.chat(piped="/status\n/diagnose\n/help\n")
    assert service.stop() == 0
    assert OPERATOR_TOKEN not in service.log_text()
    assert READ_TOKEN not in service.log_text()


def own_terminal() -> None:
    """Make the terminal the child's own, so that ^C reaches it."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def leave_by(key: bytes, terminal: int) -> str:
    """Press a key, and again as a person does: CPython loses a ^C between readline's prompt and its select()."""
    for _ in range(10):
        with suppress(OSError):  # the child has left
            os.write(terminal, key)
        with suppress(AssertionError):
            return read_until(terminal, None, within_secs=2.0)
    raise AssertionError(f"{key!r} does not leave")


def read_until(terminal: int, text: str | None, within_secs: float = 20.0) -> str:
    """Return what a terminal shows until a text comes, or until it is closed."""
    shown, deadline = b"", time.monotonic() + within_secs
    while text is None or text not in shown.decode(errors="replace"):
        readable, _, _ = select.select([terminal], [], [], 0.1)
        if not readable:
            if time.monotonic() > deadline:
                raise AssertionError(f"no {text!r} in {shown.decode(errors='replace')!r}")
            continue
        try:
            part = os.read(terminal, 4_096)
        except OSError:  # the child has left
            break
        if not part:
            break
        shown += part
    return shown.decode(errors="replace")
