"""What the console has been told unasked, kept for whoever asks for it."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from command_handler.replies import Reply

CONSOLE: Final = "console"
KEPT: Final = 200


@dataclass(frozen=True, slots=True)
class Shown:
    """One message and its number; numbers grow by one from 1."""

    number: int
    reply: Reply


class ConsoleRoom:
    """The last messages."""

    def __init__(self, kept: int = KEPT) -> None:
        self._shown: deque[Shown] = deque(maxlen=kept)
        self.newest = 0

    def add(self, reply: Reply) -> None:
        """Show a message to every console."""
        self.newest += 1
        self._shown.append(Shown(self.newest, reply))

    def after(self, number: int) -> list[Shown]:
        """Return what was shown behind a number; the oldest are gone when too many were."""
        return [shown for shown in self._shown if shown.number > number]
