"""Say what goes on, on a terminal's stderr only: a log has no use for it, and errors are told anyway."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager


def tell(text: str) -> None:
    """Write one line over the last one; an empty text clears it."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


@contextmanager
def step(what: str) -> Iterator[None]:
    """Show a step while it lasts, and how long it took when it is done."""
    began = time.monotonic()
    tell(what)
    yield
    if sys.stderr.isatty():
        tell(f"{what}: {time.monotonic() - began:.1f} s\n")
