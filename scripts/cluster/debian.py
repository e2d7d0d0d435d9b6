"""A base image's files from Debian's packages, fetched where the machine gets its own."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from scripts.cluster import mounts
from scripts.cluster.shell import run

SUITE = "bookworm"  # its Python is 3.11; that of the next one is not ours
PACKAGES = ("python3", "python3-venv", "ca-certificates")
DROPPED = ("var/cache/apt", "var/lib/apt/lists", "var/log", "usr/share/doc", "usr/share/man", "usr/share/locale")
PREFIX = "debian-"
REVISION = "1"  # raise it to fetch the packages' newest versions


def base_recipe() -> str:
    return " ".join((REVISION, SUITE, *PACKAGES, *DROPPED))


@contextmanager
def new_root(work: Path) -> Iterator[Path]:
    """Give the files of a minimal Debian with Python in a folder below `work`, removed in the end.

    While it works, debootstrap has the kernel's /proc in that folder, and leaves it there when it is killed: what reads
    or deletes the folder then reads or deletes that. So nothing does before all mounts are gone.
    """
    _remove_leftovers(work)
    folder = Path(tempfile.mkdtemp(dir=work, prefix=PREFIX))
    try:
        include = f"--include={','.join(PACKAGES)}"
        run("debootstrap", "--variant=minbase", include, SUITE, folder, *mirror(), timeout_secs=1800)
        mounts.remove_below(folder)
        for name in DROPPED:
            shutil.rmtree(folder / name, ignore_errors=True)
            (folder / name).mkdir(parents=True)
        yield folder
    finally:
        _remove_leftovers(work)


def _remove_leftovers(work: Path) -> None:
    for folder in work.glob(f"{PREFIX}*"):
        mounts.remove_below(folder)
        shutil.rmtree(folder)


def mirror() -> list[str]:
    """Return the machine's own mirror of the suite; none: debootstrap knows one."""
    listed = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages", check=False)
    for line in listed.splitlines():
        address, _, codename = line.partition(" ")
        if codename == SUITE and "debian" in address:
            return [address]
    return []
