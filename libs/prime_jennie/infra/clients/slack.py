"""Bring what the logs say to Slack by level, without ever making a trading service wait.

CRITICAL and ERROR go at once, WARNING gathered, INFO and DEBUG never. A message whose answer got lost is sent again:
twice is better than never here.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

import structlog

from prime_jennie.domain.alerts import shortened
from prime_jennie.infra.clients.slack_config import SlackHandlerConfig
from prime_jennie.infra.clients.slack_messages import Line, Outbox, Post, Urgency, line_of
from prime_jennie.infra.logging import mask_text
from prime_jennie.infra.settings import ServiceSettings

if TYPE_CHECKING:
    from slack_sdk.web.slack_response import SlackResponse

QUEUE_LENGTH: Final = 1_000
ATTEMPTS: Final = 3
FIRST_PAUSE_SECS: Final = 0.5
LONGEST_RATE_WAIT_SECS: Final = 60.0
FLUSH_WITHIN_SECS: Final = 2.0  # inside the five seconds of a graceful stop (ServiceSettings.stop_within_secs)
LOOK_EVERY_SECS: Final = 1.0  # at the gathered warnings, while there are any

LONGEST_FAILURE: Final = 200
RATE_LIMITED: Final = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded"})
PASSING: Final = frozenset({"internal_error", "fatal_error", "service_unavailable", "request_timeout"})

log = structlog.get_logger(__name__)


class SlackHandler(logging.Handler):
    """A logging handler with a background thread and a bounded queue; `close`, which logging calls at exit, flushes.

    What the queue or Slack does not take is counted in `lost` and told with the next message. `monotonic` measures
    the windows.
    """

    def __init__(
        self, config: SlackHandlerConfig, *, service: str = "", monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        from slack_sdk.web.client import WebClient

        super().__init__(logging.WARNING)
        self._channels = {
            Urgency.CRITICAL: config.critical_channel,
            Urgency.ERROR: config.error_channel,
            Urgency.WARNING: config.warning_channel,
        }
        self._timeout_secs = config.timeout
        self._monotonic = monotonic
        self._outbox = Outbox(
            service, batch_interval_secs=config.batch_interval, duplicate_window_secs=config.duplicate_window
        )
        # A logger of its own that nobody listens to: the library logs its failures as errors, which would come back.
        mute = logging.Logger("slack_sdk.mute", logging.CRITICAL + 1)
        self._client = WebClient(
            config.bot_token.get_secret_value(), base_url=config.base_url, logger=mute, retry_handlers=[]
        )
        self.addFilter(lambda record: record.name != __name__)
        # Both may be used again inside themselves: a signal handler that logs must not wait for what it interrupted.
        self._queue: queue.SimpleQueue[tuple[Line, float] | None] = queue.SimpleQueue()
        self._lost_lock = threading.RLock()
        self._lost = 0
        self._failing = False
        self._closing = threading.Event()
        self._give_up_at = float("inf")
        self._thread = threading.Thread(target=self._run, name="slack", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> int:
        """Return how many log lines were lost and not yet told of."""
        return self._lost

    def emit(self, record: logging.LogRecord) -> None:
        """Queue a record for its channel; never blocks and never raises."""
        urgency = Urgency.of(record.levelno)
        if urgency is None or self._channels[urgency] is None:
            return
        if self._queue.qsize() >= QUEUE_LENGTH or self._closing.is_set():
            self._lose(1)
            return
        try:
            self._queue.put((line_of(record, urgency), self._monotonic()))
        except Exception:  # a value that cannot be shown must not break who logs it
            self._lose(1)

    def close(self) -> None:
        """Send what is queued and gathered within FLUSH_WITHIN_SECS, then stop."""
        if not self._closing.is_set():
            self._give_up_at = time.monotonic() + FLUSH_WITHIN_SECS
            self._closing.set()
            self._queue.put(None)
            self._thread.join(FLUSH_WITHIN_SECS)
            if self._lost:
                log.warning("lines for slack were lost", lines=self._lost)
        super().close()

    def _run(self) -> None:
        while not (self._closing.is_set() and self._queue.empty()):
            queued = self._next_line()
            for post in [
                *(self._outbox.take(*queued) if queued is not None else ()),
                *self._outbox.due(self._monotonic()),
            ]:
                self._post(post)
        for post in self._outbox.flush():
            self._post(post)

    def _next_line(self) -> tuple[Line, float] | None:
        due_at = self._outbox.due_at
        wait_secs = None if due_at is None else min(max(due_at - self._monotonic(), 0.01), LOOK_EVERY_SECS)
        try:
            return self._queue.get(timeout=wait_secs)
        except queue.Empty:
            return None

    def _post(self, post: Post) -> None:
        lost = self._take_lost()
        text = post.text + (f"\n_{lost} earlier line(s) were lost_" if lost else "")
        failure = self._sent(self._channels[post.urgency] or "", text)
        if failure is None:
            if self._failing:
                self._failing = False
                log.info("slack works again")
            return
        self._lose(lost + post.lines)
        if not self._failing:
            self._failing = True
            log.warning("slack takes no message", error=failure)

    def _sent(self, channel: str, text: str) -> str | None:
        """Send a message, again after a failure that may pass; return why it did not work, None when it did.

        While Slack is failing each message has one attempt: a long outage must not keep the newest lines waiting.
        """
        from slack_sdk.errors import SlackApiError

        failure, pause_secs = "no time left", FIRST_PAUSE_SECS
        for attempt in range(1 if self._failing else ATTEMPTS):
            if attempt:
                self._closing.wait(pause_secs)
                pause_secs *= 2
            left_secs = self._give_up_at - time.monotonic()
            if left_secs <= 0:
                break
            self._client.timeout = min(self._timeout_secs, left_secs)  # type: ignore[assignment] # sockets take fractions
            try:
                self._client.chat_postMessage(channel=channel, text=text, unfurl_links=False, unfurl_media=False)
            except SlackApiError as error:
                failure, may_pass, asked_secs = _refusal_of(error.response)
                pause_secs = asked_secs or pause_secs
                if not may_pass or pause_secs > LONGEST_RATE_WAIT_SECS:
                    break
            except Exception as error:  # whatever becomes of one message, the thread goes on with the next
                failure = shortened(mask_text(f"{type(error).__name__}: {error}"), LONGEST_FAILURE)
            else:
                return None
        return failure

    def _lose(self, lines: int) -> None:
        with self._lost_lock:
            self._lost += lines

    def _take_lost(self) -> int:
        with self._lost_lock:
            lost, self._lost = self._lost, 0
            return lost


def add_slack_handler(settings: ServiceSettings, service: str) -> SlackHandler | None:
    """Have the root logger tell Slack what `service` logs; None, and nothing done, without a token or a channel."""
    if settings.slack_bot_token is None:
        return None
    config = SlackHandlerConfig(
        bot_token=settings.slack_bot_token,
        critical_channel=settings.slack_critical_channel,
        error_channel=settings.slack_error_channel,
        warning_channel=settings.slack_warning_channel,
        batch_interval=settings.slack_batch_interval,
        duplicate_window=settings.slack_duplicate_window,
        timeout=settings.slack_timeout,
        base_url=settings.slack_url,
    )
    if not config.has_channel:
        log.warning("SLACK_BOT_TOKEN is set and no channel: Slack hears nothing")
        return None
    handler = SlackHandler(config, service=service if settings.strategy is None else f"{settings.strategy}:{service}")
    logging.getLogger().addHandler(handler)
    return handler


def _refusal_of(response: "SlackResponse") -> tuple[str, bool, float | None]:
    """Return what Slack said, whether asking again may help, and the pause it asks for."""
    code = str(response.data.get("error", "")) if isinstance(response.data, dict) else ""
    failure = shortened(mask_text(code or f"HTTP {response.status_code}"), LONGEST_FAILURE)
    if response.status_code == 429 or code in RATE_LIMITED:
        asked = str({name.lower(): value for name, value in response.headers.items()}.get("retry-after", ""))
        return failure, True, float(asked) if asked.isascii() and asked.isdecimal() else 1.0
    return failure, response.status_code >= 500 or code in PASSING, None
