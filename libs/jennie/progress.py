"""Show a day while it is lived: one changing line on a terminal, a plain line now and then elsewhere."""

import time
from datetime import datetime, timedelta
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.status import Status

from jennie.day_figures import DayFigures

PLAIN_EVERY = timedelta(minutes=30)  # of the day's own time
NEWS = ("killed", "exited", "ended", "failed", "ready again", "in force", "stays")


class Progress:
    """Quiet by default: services' starts and logs stay in their files, only news and figures are shown."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status: Status | None = console.status("starting") if console.is_terminal else None
        self._next_plain: datetime | None = None
        self._started_at = time.monotonic()

    def __enter__(self) -> Self:
        if self._status is not None:
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def say(self, what: str) -> None:
        """Say one thing that a person should know."""
        self._console.print(what, highlight=False, markup=False)

    def service(self, name: str, what: str) -> None:
        """Take a service's news from the runner; on a terminal a start only moves the status line."""
        if name == "runner" or any(word in what for word in NEWS):
            self.say(f"{name}: {what}")
        elif self._status is not None:
            self._status.update(f"starting  {name}: {what}")

    def show(self, figures: DayFigures) -> None:
        """Show the figures: at once on a terminal, every half hour of the day elsewhere."""
        if self._status is not None:
            self._status.update(figures.line())
            return
        if self._next_plain is None or figures.now >= self._next_plain:
            self.say(figures.line())
            self._next_plain = figures.now + PLAIN_EVERY
