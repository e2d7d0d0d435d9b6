"""What a node needs from Debian: installed where root may, named where not."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

FOLDERS = ("/usr/sbin", "/sbin", "/usr/lib/cni", "/opt/cni/bin")  # beside PATH, which leaves them out for persons
# Package, and a program by which it is known to be there.
NODE = {
    "containerd": "containerd",
    "runc": "runc",
    "containernetworking-plugins": "host-local",
    "iptables": "iptables",
    "conntrack": "conntrack",
    "socat": "socat",
    "iproute2": "ip",
    "mount": "mount",
}
IMAGES = {"buildah": "buildah", "debootstrap": "debootstrap", "ca-certificates": "update-ca-certificates"}


class PackagesMissingError(RuntimeError):
    """Raised where something is missing and may not be installed here."""


def find(program: str) -> str | None:
    """Return the program's path, looking where root's programs and the network plugins are as well."""
    return shutil.which(program) or shutil.which(program, path=os.pathsep.join(FOLDERS))


def missing(packages: dict[str, str]) -> list[str]:
    return [package for package, program in packages.items() if find(program) is None]


def require(packages: dict[str, str]) -> None:
    """Install what is missing; without root or apt, say what to install."""
    absent = missing(packages)
    if not absent:
        return
    install = f"apt-get install --no-install-recommends {' '.join(absent)}"
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise PackagesMissingError(f"missing here; as root: {install}")
    sys.stderr.write(f"{install}\n")
    # RUNLEVEL=1: an installed service is not started, as the node runs its own containerd.
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    _apt(["update", "-qq"], environment)
    _apt(["install", "-y", "-qq", "--no-install-recommends", *absent], environment)
    if still := missing({package: packages[package] for package in absent}):
        raise PackagesMissingError(f"installed, and yet without their programs: {', '.join(still)}")


def _apt(arguments: Iterable[str], environment: dict[str, str]) -> None:
    done = subprocess.run(["apt-get", *arguments], env=environment, capture_output=True, text=True, check=False)  # noqa: S603, S607
    if done.returncode != 0:
        raise PackagesMissingError(f"apt-get failed: {done.stderr.strip()}")


def plugin_folder() -> Path:
    """Return where the network plugins are."""
    found = find("host-local")
    if found is None:
        raise PackagesMissingError("the network plugins of containernetworking-plugins are missing")
    return Path(found).parent
