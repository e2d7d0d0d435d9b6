"""SlackHandler against Slack's twin: what arrives by level, what is lost and told, and the last words of a process."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from prime_jennie.infra.clients import slack as slack_module
from prime_jennie.infra.clients.slack import SlackHandler, add_slack_handler
from prime_jennie.infra.clients.slack_config import SlackHandlerConfig
from prime_jennie.infra.settings import ServiceSettings
from tests.support import web
from tests.support.redis_server import free_port
from tests.support.slack_api import TOKEN, SlackApi, SlackFault

ROOT = Path(__file__).parents[3]


@pytest.fixture
def slack() -> Iterator[SlackApi]:
    with SlackApi(channels={"CRIT", "ERR", "WARN"}) as api:
        yield api


class Desk:
    """A logger with a handler of its own and a time that the test moves."""

    def __init__(self, slack: SlackApi, **config: object) -> None:
        self.now = 1_000.0
        given = {
            "bot_token": slack.token,
            "base_url": slack.base_url,
            "critical_channel": "CRIT",
            "error_channel": "ERR",
            "warning_channel": "WARN",
            **config,
        }
        self.handler = SlackHandler(
            SlackHandlerConfig.model_validate(given), service="buy-executor", monotonic=lambda: self.now
        )
        self.log = logging.Logger("buy_executor.app", logging.DEBUG)
        self.log.addHandler(self.handler)


@pytest.fixture
def desk(slack: SlackApi) -> Iterator[Desk]:
    desk = Desk(slack)
    yield desk
    desk.handler.close()


def test_every_level_goes_to_its_channel_and_info_nowhere(slack: SlackApi, desk: Desk) -> None:
    desk.log.debug("debug")
    desk.log.info("info")
    desk.log.warning("slow")
    desk.log.error("refused")
    desk.log.critical("cannot go on")
    slack.wait_for(2)
    desk.now += 300
    slack.wait_for(3)
    assert slack.texts("ERR") == [":x: *buy-executor* refused"]
    assert slack.texts("WARN") == [":warning: *buy-executor* 1 warning\n• slow"]
    (critical,) = slack.texts("CRIT")
    assert critical.startswith(":exclamation: *buy-executor* cannot go on\n```")
    assert "test_every_level_goes_to_its_channel_and_info_nowhere" in critical


def test_warnings_are_gathered_for_their_interval_and_no_longer(slack: SlackApi, desk: Desk) -> None:
    desk.log.warning("slow")
    desk.now += 299
    desk.log.warning("slower")
    time.sleep(slack_module.LOOK_EVERY_SECS + 0.3)
    assert slack.posted == []
    desk.now += 1
    slack.wait_for(1, within_secs=slack_module.LOOK_EVERY_SECS + 2)
    assert slack.texts("WARN") == [":warning: *buy-executor* 2 warnings\n• slow\n• slower"]


def test_the_same_error_reaches_slack_once_a_window(slack: SlackApi, desk: Desk) -> None:
    for _ in range(5):
        desk.log.error("refused")
    desk.log.error("other")
    slack.wait_for(2)
    desk.now += 60
    desk.log.error("refused")
    slack.wait_for(3)
    assert slack.texts("ERR") == [
        ":x: *buy-executor* refused",
        ":x: *buy-executor* other",
        ":x: *buy-executor* refused\n_4 more of the same were held back before_",
    ]


def test_a_level_without_a_channel_goes_nowhere(slack: SlackApi) -> None:
    desk = Desk(slack, warning_channel=None, critical_channel=None)
    desk.log.warning("slow")
    desk.log.critical("cannot go on")
    desk.log.error("refused")
    desk.handler.close()
    assert [message.channel for message in slack.posted] == ["ERR"]


def test_a_rate_limit_is_waited_for_and_nothing_is_lost(slack: SlackApi, desk: Desk) -> None:
    slack.fail(SlackFault(status=429, error="ratelimited", retry_after=1))
    started = time.monotonic()
    desk.log.error("refused")
    slack.wait_for(1)
    assert time.monotonic() - started >= 1
    assert desk.handler.lost == 0


def test_a_limit_of_many_minutes_is_not_waited_for(slack: SlackApi, desk: Desk) -> None:
    slack.fail(SlackFault(status=429, error="ratelimited", retry_after=600))
    desk.log.error("lost")
    desk.log.error("next")
    slack.wait_for(1)
    assert slack.texts("ERR") == [":x: *buy-executor* next\n_1 earlier line(s) were lost_"]


@pytest.mark.parametrize(
    "fault",
    [
        SlackFault(status=503, error="service_unavailable"),
        SlackFault(error="internal_error"),
        SlackFault(status=502, body={"not": "slack"}),
        SlackFault(body=["no", "object"]),  # type: ignore[arg-type]
        SlackFault(lost=True),
    ],
)
def test_a_failure_that_passes_costs_no_message(slack: SlackApi, desk: Desk, fault: SlackFault) -> None:
    slack.fail(fault)
    desk.log.error("refused")
    slack.wait_for(2 if fault.lost else 1)
    assert set(slack.texts("ERR")) == {":x: *buy-executor* refused"}


@pytest.mark.parametrize(
    "fault", [SlackFault(error="invalid_auth"), SlackFault(status=404), SlackFault(body={"ok": False})]
)
def test_a_refusal_is_not_repeated_and_the_loss_is_told_later(slack: SlackApi, desk: Desk, fault: SlackFault) -> None:
    slack.fail(fault)
    desk.log.error("refused")
    _until(lambda: desk.handler.lost == 1)
    assert slack.requests == 1
    desk.log.error("next")
    slack.wait_for(1)
    assert slack.texts("ERR") == [":x: *buy-executor* next\n_1 earlier line(s) were lost_"]
    assert desk.handler.lost == 0


def test_a_wrong_token_is_said_once_on_the_console_and_never_shown(
    slack: SlackApi, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(slack, bot_token="xoxb-wrong-token")
    for number in range(3):
        desk.log.error("refused %d", number)
    _until(lambda: desk.handler.lost == 3)
    desk.handler.close()
    assert slack.posted == []
    assert slack.requests == 3


def test_a_slack_that_says_nothing_costs_who_logs_nothing(slack: SlackApi) -> None:
    desk = Desk(slack, timeout=0.2)
    slack.always = SlackFault(hang_secs=5)
    started = time.monotonic()
    for number in range(100):
        desk.log.error("refused %d", number)
    assert time.monotonic() - started < 0.5
    desk.handler.close()
    assert time.monotonic() - started < slack_module.FLUSH_WITHIN_SECS + 1.5


def test_a_full_queue_drops_counts_and_tells(slack: SlackApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slack_module, "QUEUE_LENGTH", 10)
    desk = Desk(slack)
    slack.fail(SlackFault(hang_secs=0.5))
    desk.log.error("first")
    _until(lambda: slack.requests == 1)
    for number in range(25):
        desk.log.error("refused %d", number)
    assert desk.handler.lost == 15
    slack.wait_for(11)
    assert slack.texts("ERR")[1] == ":x: *buy-executor* refused 0\n_15 earlier line(s) were lost_"
    desk.handler.close()


def test_a_value_that_cannot_be_shown_is_counted_and_breaks_nobody(slack: SlackApi, desk: Desk) -> None:
    class Hostile:
        def __str__(self) -> str:
            raise RuntimeError("no")

    desk.log.error("%s", Hostile())
    assert desk.handler.lost == 1


def test_the_handlers_own_complaints_do_not_come_back_to_it(slack: SlackApi, desk: Desk) -> None:
    own = logging.LogRecord(slack_module.__name__, logging.ERROR, __file__, 1, "slack takes no message", (), None)
    desk.handler.handle(own)
    desk.log.error("refused")
    slack.wait_for(1)
    assert slack.texts("ERR") == [":x: *buy-executor* refused"]


def test_after_the_end_a_line_is_lost_and_nothing_hangs(slack: SlackApi, desk: Desk) -> None:
    desk.handler.close()
    desk.log.error("too late")
    desk.handler.close()
    assert desk.handler.lost == 1
    assert slack.posted == []


def test_without_a_token_or_a_channel_nobody_listens(slack: SlackApi) -> None:
    before = logging.getLogger().handlers[:]
    assert add_slack_handler(ServiceSettings(), "noisy") is None
    assert add_slack_handler(ServiceSettings.model_validate({"slack_bot_token": TOKEN}), "noisy") is None
    assert logging.getLogger().handlers == before


def _environment(slack: SlackApi) -> dict[str, str]:
    return {
        **os.environ,
        "SLACK_BOT_TOKEN": slack.token,
        "SLACK_URL": slack.base_url,
        "SLACK_CRITICAL_CHANNEL": "CRIT",
        "SLACK_ERROR_CHANNEL": "ERR",
        "SLACK_WARNING_CHANNEL": "WARN",
        "JENNIE_STRATEGY": "krx-core",
        "STOP_WITHIN_SECS": "30",  # the last resort of a stop is not what is tried here
        "PORT": str(free_port()),
    }


def _assert_all_was_said(slack: SlackApi) -> None:
    assert len(slack.texts("CRIT")) == len(slack.texts("WARN")) == 1
    assert slack.texts("WARN") == [":warning: *krx-core:noisy* 2 warnings\n• 2× memory is short mb=74"]
    assert slack.texts("ERR") == [":x: *krx-core:noisy* account ****5678-01 refused access_token=***"]
    assert "speak" in slack.texts("CRIT")[0]


def test_a_service_told_to_stop_says_what_it_had_gathered(slack: SlackApi) -> None:
    environment = _environment(slack)
    process = subprocess.Popen([sys.executable, "-m", "tests.support.noisy", "serve"], cwd=ROOT, env=environment)
    try:
        slack.wait_for(2, within_secs=30)
        assert slack.texts("WARN") == [], "still gathered"
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0
    finally:
        process.kill()
        process.wait()
    _assert_all_was_said(slack)


@pytest.mark.parametrize(("ending", "status"), [("end", 0), ("crash", 1)])
def test_a_process_that_ends_right_after_its_words_says_them_all(slack: SlackApi, ending: str, status: int) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.support.noisy", ending],
        cwd=ROOT,
        env=_environment(slack),
        timeout=30,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == status
    _assert_all_was_said(slack)
    assert TOKEN not in ended.stdout + ended.stderr


@pytest.mark.parametrize("away", [True, False])
def test_with_slack_away_or_silent_a_process_still_ends_in_time(slack: SlackApi, away: bool) -> None:
    environment = _environment(slack)
    if away:
        environment["SLACK_URL"] = f"http://127.0.0.1:{free_port()}/api/"
    slack.always = SlackFault(hang_secs=20)
    process = subprocess.Popen([sys.executable, "-m", "tests.support.noisy", "serve"], cwd=ROOT, env=environment)
    try:
        _until(lambda: _is_ready(environment["PORT"]), within_secs=30)
        process.send_signal(signal.SIGTERM)
        assert process.wait(slack_module.FLUSH_WITHIN_SECS + 8) == 0
    finally:
        process.kill()
        process.wait()


def _is_ready(port: str) -> bool:
    try:
        return web.get(f"http://127.0.0.1:{port}/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _until(condition: object, within_secs: float = 10.0) -> None:
    assert callable(condition)
    deadline = time.monotonic() + within_secs
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
