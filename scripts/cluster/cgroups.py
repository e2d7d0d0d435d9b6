"""The control group in which all pods live: what is in it is ours, whoever its parent process was."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from scripts.cluster.place import CGROUP

GONE_WITHIN_SECS = 10.0


def make() -> None:
    """Make the group in every hierarchy, with every controller that the machine gives."""
    for hierarchy in _hierarchies():
        controllers = hierarchy / "cgroup.controllers"
        if controllers.exists():
            _delegate(hierarchy)
        (hierarchy / CGROUP).mkdir(exist_ok=True)
        if controllers.exists():
            _delegate(hierarchy / CGROUP)
        elif (hierarchy / "cpuset.cpus").exists():
            _inherit_cpuset(hierarchy)


def remove() -> None:
    """Kill what is left in the group and remove it with all groups below."""
    deadline = time.monotonic() + GONE_WITHIN_SECS
    for hierarchy in _hierarchies():
        while (hierarchy / CGROUP).exists():
            for group in _groups(hierarchy / CGROUP):
                for pid in _members(group):
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                with suppress(OSError):  # busy until its processes are gone
                    group.rmdir()
            if time.monotonic() > deadline:
                raise TimeoutError(f"the control group {hierarchy / CGROUP} does not go away")


def traces() -> list[str]:
    return [f"the control group {h / CGROUP}" for h in _hierarchies() if (h / CGROUP).exists()]


def _hierarchies() -> list[Path]:
    """List the mounted hierarchies: one of version 2, or one for each of version 1's controllers."""
    lines = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return [Path(words[1]) for words in lines if words[2] in ("cgroup", "cgroup2")]


def _groups(top: Path) -> list[Path]:
    """List the group and all below it, the innermost first."""
    groups = (path for path in (top, *top.rglob("*")) if path.is_dir())
    return sorted(groups, key=lambda path: -len(path.parts))


def _members(group: Path) -> list[int]:
    with suppress(OSError):
        return [int(pid) for pid in (group / "cgroup.procs").read_text().split()]
    return []


def _delegate(group: Path) -> None:
    for controller in (group / "cgroup.controllers").read_text().split():
        with suppress(OSError):  # one that is threaded or taken elsewhere: the kubelet says which it misses
            (group / "cgroup.subtree_control").write_text(f"+{controller}")


def _inherit_cpuset(hierarchy: Path) -> None:
    """Fill what version 1 leaves empty in a new group: without, no process may enter it."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        own = hierarchy / CGROUP / name
        if not own.read_text().strip():
            own.write_text((hierarchy / name).read_text())
