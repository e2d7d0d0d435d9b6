"""Mounts below a folder, found in the kernel's own list."""

import ctypes
import os
from pathlib import Path

MNT_DETACH = 2
_libc = ctypes.CDLL(None, use_errno=True)


def below(folder: Path) -> list[Path]:
    """List them, the innermost and newest first."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        path = Path(line.split()[4].encode().decode("unicode_escape"))  # spaces are written as \\040
        if path.is_relative_to(folder):
            found.append(path)
    return list(reversed(found))


def remove_below(folder: Path) -> None:
    """Unmount all of them; one that somebody looks into goes when they have left."""
    while found := below(folder):
        for path in found:
            if _libc.umount2(os.fsencode(path), MNT_DETACH) != 0:
                raise OSError(ctypes.get_errno(), f"cannot unmount {path}")
