"""Decide which log lines become which Slack messages, and when; no thread, no network, no clock of its own."""

import hashlib
import logging
import re
import sys
import traceback
from collections import OrderedDict
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from prime_jennie.domain.alerts import shortened
from prime_jennie.infra.logging import LONGEST_TRACE, mask_text, mask_value

LONGEST_TEXT: Final = 2_500  # Slack shows about 4,000 characters of one message well
LONGEST_FIELD: Final = 500
MOST_FRAMES: Final = 15
MOST_WARNINGS: Final = 30
"""Different warnings that one batch lists; more are counted."""
MOST_REMEMBERED: Final = 1_000
"""Texts remembered to suppress duplicates; a service that invents new ones must not fill its memory."""
_NOT_FIELDS: Final = frozenset({"event", "level", "logger", "timestamp", "service", "exception", "stack"})
_NOT_THE_CALLER: Final = re.compile(r"[/\\](?:logging|structlog)[/\\]|[/\\]slack(?:_messages)?\.py$")


class Urgency(IntEnum):
    """Where a log line goes and how soon."""

    WARNING = logging.WARNING
    ERROR = logging.ERROR
    CRITICAL = logging.CRITICAL

    @classmethod
    def of(cls, level: int) -> "Urgency | None":
        """Return the urgency of a logging level; None for what Slack never hears of."""
        return next((urgency for urgency in reversed(cls) if level >= urgency), None)

    @property
    def emoji(self) -> str:
        """Return Slack's code of (!), (x) and (warning)."""
        return {self.CRITICAL: ":exclamation:", self.ERROR: ":x:", self.WARNING: ":warning:"}[self]


@dataclass(frozen=True, slots=True)
class Line:
    """One log record, rendered and without secrets, so that nothing of it must be kept alive."""

    urgency: Urgency
    source: str
    text: str
    trace: str = ""

    @property
    def fingerprint(self) -> str:
        """Return the SHA-256 by which the same line is known again."""
        return hashlib.sha256(f"{self.urgency}\0{self.source}\0{self.text}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Post:
    """One message for the channel of its urgency, in Slack's markup."""

    urgency: Urgency
    text: str
    lines: int = 1
    """Log lines that are lost with it."""


def line_of(record: logging.LogRecord, urgency: Urgency) -> Line:
    """Render a record of structlog or of the standard library; call it where the record was logged.

    A CRITICAL carries its exception's stack, or the caller's own where there is no exception.
    """
    if isinstance(record.msg, dict):
        text = str(record.msg.get("event", ""))
        fields = {name: value for name, value in record.msg.items() if name not in _NOT_FIELDS}
        trace = str(record.msg.get("exception") or "")
    else:
        text, fields = record.getMessage(), {}
        error = record.exc_info[1] if record.exc_info else None
        trace = "" if error is None else "".join(traceback.format_exception(error))
    cause = trace.rstrip().rpartition("\n")[2]
    if cause:
        text += f" ({shortened(cause, LONGEST_FIELD)})"
    for name, value in fields.items():
        text += f" {name}={shortened(str(mask_value(name, value)), LONGEST_FIELD)}"
    trace = trace or _callers_stack() if urgency is Urgency.CRITICAL else ""
    return Line(
        urgency,
        record.name,
        shortened(mask_text(text), LONGEST_TEXT),
        _cut_front(mask_text(trace, LONGEST_TRACE), LONGEST_TEXT),
    )


class Outbox:
    """Turns lines into posts: urgent ones at once, warnings gathered, the same line once a window."""

    def __init__(self, service: str, *, batch_interval_secs: float, duplicate_window_secs: float) -> None:
        self._service = service
        self._interval_secs = batch_interval_secs
        self._window_secs = duplicate_window_secs
        self._seen: OrderedDict[str, tuple[float, int]] = OrderedDict()
        self._warnings: OrderedDict[str, tuple[str, int]] = OrderedDict()
        self._warned = 0
        self.due_at: float | None = None
        """When the gathered warnings go out; None while there are none."""

    def take(self, line: Line, now: float) -> list[Post]:
        """Take a line in and return what is to be sent for it now."""
        if line.urgency is Urgency.WARNING:
            self._gather(line, now)
            return []
        repeats = self._repeats(line.fingerprint, now)
        if repeats is None:
            return []
        text = f"{line.urgency.emoji} *{_escaped(self._service)}* {_escaped(line.text)}"
        if repeats:
            text += f"\n_{repeats} more of the same were held back before_"
        if line.trace:
            text += f"\n```{_escaped(line.trace).replace('```', chr(39) * 3)}```"
        return [Post(line.urgency, text)]

    def due(self, now: float) -> list[Post]:
        """Return the gathered warnings once their time has come."""
        return self.flush() if self.due_at is not None and now >= self.due_at else []

    def flush(self) -> list[Post]:
        """Return the gathered warnings whatever the time."""
        if self.due_at is None:
            return []
        text = f"{Urgency.WARNING.emoji} *{_escaped(self._service)}* {self._warned} warning{'s' * (self._warned > 1)}"
        left = self._warned
        for warning, count in self._warnings.values():
            shown = f"\n• {count}× {warning}" if count > 1 else f"\n• {warning}"
            if len(text) + len(shown) > LONGEST_TEXT:
                break
            text, left = text + shown, left - count
        post = Post(Urgency.WARNING, text + (f"\n… and {left} more" if left else ""), self._warned)
        self._warnings.clear()
        self._warned, self.due_at = 0, None
        return [post]

    def _gather(self, line: Line, now: float) -> None:
        if self.due_at is None:
            self.due_at = now + self._interval_secs
        self._warned += 1
        text, count = self._warnings.get(line.fingerprint, (_escaped(shortened(line.text, LONGEST_FIELD)), 0))
        if count or len(self._warnings) < MOST_WARNINGS:
            self._warnings[line.fingerprint] = (text, count + 1)

    def _repeats(self, fingerprint: str, now: float) -> int | None:
        """Return how many of the same were held back until now; None when this one is to be held back too."""
        first_at, held_back = self._seen.get(fingerprint, (None, 0))
        if first_at is not None and now < first_at + self._window_secs:
            self._seen[fingerprint] = (first_at, held_back + 1)
            return None
        self._seen.pop(fingerprint, None)
        self._seen[fingerprint] = (now, 0)
        while len(self._seen) > MOST_REMEMBERED:
            self._seen.popitem(last=False)
        return held_back


def _callers_stack() -> str:
    frames = traceback.extract_stack(sys._getframe())
    while frames and (_NOT_THE_CALLER.search(frames[-1].filename)):
        frames.pop()
    return "".join(traceback.format_list(frames[-MOST_FRAMES:]))


def _escaped(text: str) -> str:
    """Escape what Slack reads as markup: a log line that holds <!channel> must not wake everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _cut_front(text: str, longest: int) -> str:
    return text if len(text) <= longest else "…" + text[-(longest - 1) :]
