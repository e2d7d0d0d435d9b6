"""One command a chat every few seconds: the first that comes too early is answered, the others are counted."""

from datetime import datetime, timedelta
from enum import Enum


class Pace(Enum):
    """What becomes of a command by its pace."""

    FINE = "fine"
    TOO_FAST = "too fast"
    IGNORED = "ignored"


class FloodGate:
    """The pace of every chat; only allowed chats come here, so there are few."""

    def __init__(self, every_secs: float) -> None:
        self._every = timedelta(seconds=every_secs)
        self._last: dict[str, datetime] = {}
        self._ignored: dict[str, int] = {}

    def look(self, chat: str, at: datetime) -> Pace:
        """Judge a command of a chat; what is let through starts the wait anew, what is not does not prolong it.

        A clock that steps back ends the wait: nobody is silenced for as long as it takes to catch up.
        """
        last = self._last.get(chat)
        if last is not None and timedelta(0) <= at - last < self._every:
            self._ignored[chat] = self._ignored.get(chat, 0) + 1
            return Pace.TOO_FAST if self._ignored[chat] == 1 else Pace.IGNORED
        self._last[chat] = at
        return Pace.FINE

    def ignored(self, chat: str) -> int:
        """Return how many commands were held back since the last one let through, and count anew."""
        return self._ignored.pop(chat, 0)
