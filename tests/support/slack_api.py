"""Slack's twin on loopback: chat.postMessage, its refusals, its rate limit, and silence.

with SlackApi(channels={"C1"}) as slack:
    handler = SlackHandler(SlackHandlerConfig(bot_token=slack.token, error_channel="C1", base_url=slack.base_url))
    slack.fail(SlackFault(status=429, retry_after=1))
    slack.wait_for(1)[0].text
"""

import threading
import time
from collections import deque
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.http_twin import Answer, HttpTwin

TOKEN = "xoxb-" + "1234567890-abcdefghijklmnop"


@dataclass(frozen=True)
class SlackFault:
    """How one request goes wrong."""

    status: int = 200
    error: str = ""
    """`{"ok": false, "error": …}`, as Slack refuses with status 200."""
    retry_after: int | None = None
    hang_secs: float = 0.0
    """Wait so long, then do as if nothing had been wrong."""
    lost: bool = False
    """Do what is asked and cut the connection without an answer."""
    body: Mapping[str, Any] | None = None
    """Answer this instead."""


@dataclass(frozen=True)
class Posted:
    """One message as its channel received it."""

    channel: str
    text: str
    at: float
    """Monotonic seconds."""


class SlackApi(HttpTwin):
    """One workspace that knows one bot."""

    def __init__(self, channels: Collection[str] = (), *, token: str = TOKEN) -> None:
        super().__init__()
        self.token = token
        self.channels = set(channels)
        self.posted: list[Posted] = []
        self.requests = 0
        self.always: SlackFault | None = None
        """Set: every request goes wrong like this."""
        self._faults: deque[SlackFault] = deque()
        self._changed = threading.Condition()

    @property
    def base_url(self) -> str:
        """Return what a client is given as `base_url`."""
        return f"http://127.0.0.1:{self.port}/api/"

    def fail(self, *faults: SlackFault) -> None:
        """Let the next requests go wrong, one fault each."""
        self._faults.extend(faults)

    def texts(self, channel: str) -> list[str]:
        """Return what a channel shows."""
        with self._changed:
            return [message.text for message in self.posted if message.channel == channel]

    def wait_for(self, count: int, within_secs: float = 10.0) -> list[Posted]:
        """Return the messages once there are so many; fails the test when they do not come."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.posted) >= count, within_secs):
                raise AssertionError(f"{len(self.posted)} of {count} messages after {within_secs} s")
            return list(self.posted)

    def answer(self, path: str, parameters: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        with self._changed:
            self.requests += 1
            fault = self._faults.popleft() if self._faults else self.always
        if fault is not None and fault.hang_secs:
            self.stopping.wait(fault.hang_secs)
            return self._post(path, parameters, headers)
        if fault is not None and fault.lost:
            self._post(path, parameters, headers)
            return Answer(200, {}, lost=True)
        if fault is not None:
            wait = {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}
            return Answer(fault.status, fault.body or {"ok": False, "error": fault.error}, wait)
        return self._post(path, parameters, headers)

    def _post(self, path: str, parameters: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        given = headers.get("Authorization")
        if path != "/api/chat.postMessage":
            return _refusal("unknown_method")
        if not given:
            return _refusal("not_authed")
        if given != f"Bearer {self.token}":
            return _refusal("invalid_auth")
        if parameters.get("channel") not in self.channels:
            return _refusal("channel_not_found")
        if not str(parameters.get("text") or "").strip():
            return _refusal("no_text")
        with self._changed:
            self.posted.append(Posted(str(parameters["channel"]), str(parameters["text"]), time.monotonic()))
            self._changed.notify_all()
        return Answer(200, {"ok": True, "channel": parameters["channel"], "ts": f"{time.time():.6f}"})


def _refusal(error: str) -> Answer:
    return Answer(200, {"ok": False, "error": error})
