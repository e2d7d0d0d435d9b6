"""A clock of the time that this machine had for itself."""

from __future__ import annotations

import os
import time
from pathlib import Path

_STOLEN = 8  # of the words of /proc/stat's first line


def own_secs() -> float:
    """Return seconds that only pass while the machine's processors are its own, not lent to others by their host."""
    words = Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()
    stolen_secs = int(words[_STOLEN]) / os.sysconf("SC_CLK_TCK") / (os.cpu_count() or 1)
    return time.monotonic() - stolen_secs
