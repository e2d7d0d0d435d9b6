"""Build a cluster's programs from the pinned Go modules beside this file, once a version, outside the checkout."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from scripts.cluster.progress import tell

HERE = Path(__file__).resolve().parent
KUBERNETES = "k8s.io/kubernetes"
NICENESS = 10  # a cold API server takes two cores for minutes; who works beside it goes first
TELL_EVERY_SECS = 0.5
KEPT_LINES = 40  # of what go said, for the error


class BuildError(RuntimeError):
    """Raised when a program cannot be built, with what Go said."""


class GoMissingError(BuildError):
    """Raised where there is no Go."""


@dataclass(frozen=True)
class Program:
    """A main package of a module that `folder`'s go.mod pins; `stamps` are the variables that carry its version."""

    folder: str
    module: str
    package: str
    stamps: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ("go.mod", "go.sum")  # the files that decide what is built

    @property
    def version(self) -> str:
        """Return the pinned version; the go.mod is the only place that says it. Our own programs have none."""
        if self.package == ".":
            return "own"
        found = re.search(rf"^(?:require |\t){re.escape(self.module)} (v\S+)", self._pins()[0], re.MULTILINE)
        if found is None:
            raise BuildError(f"{HERE / self.folder / 'go.mod'} does not require {self.module}")
        return found[1]

    def command(self, output: Path) -> list[str]:
        """Return Go's command line; trimmed paths let every checkout share Go's own cache."""
        major, _, minor = self.version.removeprefix("v").rpartition(".")[0].partition(".")
        values = {"version": self.version, "major": major, "minor": minor}
        stamps = [f"-X {name}={value.format(**values)}" for name, value in self.stamps.items()]
        return [
            *("go", "build", "-v", "-mod=readonly", "-buildvcs=false", "-trimpath"),
            *("-ldflags", " ".join(["-s", "-w", *stamps])),
            *("-o", str(output), self.package),
        ]

    def file_name(self, name: str) -> str:
        """Name the built program by its version and by everything else that makes it another one."""
        inputs = "\0".join([*self._pins(), *self.command(Path("out"))])
        return f"{name}-{self.version}-{hashlib.sha256(inputs.encode()).hexdigest()[:8]}"

    def _pins(self) -> list[str]:
        return [(HERE / self.folder / file).read_text() for file in self.sources]


def _kubernetes(name: str) -> Program:
    stamp = "k8s.io/component-base/version.git"
    stamps = {f"{stamp}Version": "{version}", f"{stamp}Major": "{major}", f"{stamp}Minor": "{minor}"}
    return Program("kubernetes", KUBERNETES, f"{KUBERNETES}/cmd/{name}", stamps)


@cache
def programs() -> dict[str, Program]:
    """Name everything that a node needs."""
    nodes = ("kube-apiserver", "kube-controller-manager", "kubectl", "kube-scheduler", "kubelet", "kube-proxy")
    kubernetes = {name: _kubernetes(name) for name in nodes}
    _, minor, _ = kubernetes["kubectl"].version.split(".", 2)
    # What `helm template` and `helm lint` take for the cluster's version where no cluster is asked.
    helm = {
        f"helm.sh/helm/v3/pkg/{package}.k8sVersion{part}": value
        for package in ("chartutil", "lint/rules")
        for part, value in (("Major", "1"), ("Minor", minor))
    } | {"helm.sh/helm/v3/internal/version.version": "{version}"}
    return {
        "etcd": Program("etcd", "go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/server/v3"),
        **kubernetes,
        "helm": Program("helm", "helm.sh/helm/v3", "helm.sh/helm/v3/cmd/helm", helm),
        "coredns": Program("coredns", "github.com/coredns/coredns", "github.com/coredns/coredns"),
        "kind": Program("kind", "sigs.k8s.io/kind", "sigs.k8s.io/kind"),
        "pause": Program("pause", "", ".", sources=("go.mod", "main.go")),
    }


def cache_folder() -> Path:
    """Return where built programs are kept, shared by all checkouts of a person."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "prime-jennie" / "bin"


def go_is_there() -> bool:
    return shutil.which("go") is not None


def binary(name: str) -> Path:
    """Return the program, built first where this version is not in the cache; minutes for the first Kubernetes one."""
    program = programs()[name]
    built = cache_folder() / program.file_name(name)
    if built.exists():
        return built
    if not go_is_there():
        raise GoMissingError(f"{name} {program.version} is built with Go, and no `go` is in PATH")
    built.parent.mkdir(parents=True, exist_ok=True)
    with _locked(built.parent / f".{program.folder}.lock", name):
        if not built.exists():  # another process may have built it while this one waited
            _build(name, program, built)
    return built


def _build(name: str, program: Program, built: Path) -> None:
    """Build into a folder of its own and move the whole program to its name: a cut build leaves nothing usable."""
    for leftover in built.parent.glob(f".{name}.part-*"):  # of a build that was killed; the lock says nobody uses it
        shutil.rmtree(leftover, ignore_errors=True)
    part = Path(tempfile.mkdtemp(dir=built.parent, prefix=f".{name}.part-"))
    try:
        _run(["nice", "-n", str(NICENESS), *program.command(part / name)], program, name)
        with (part / name).open("rb") as whole:
            os.fsync(whole.fileno())
        (part / name).rename(built)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _run(command: Sequence[str], program: Program, name: str) -> None:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOWORK": "off"}
    started = time.monotonic()
    told = 0.0
    packages = 0
    last: list[str] = []
    process = subprocess.Popen(  # noqa: S603
        command, cwd=HERE / program.folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None  # noqa: S101
    try:
        for line in process.stdout:
            packages += 1
            last = [*last[-KEPT_LINES:], line]
            if time.monotonic() - told > TELL_EVERY_SECS:
                told = time.monotonic()
                tell(f"building {name} {program.version}: {packages} packages, {told - started:.0f} s")
    except BaseException:
        process.terminate()
        raise
    finally:
        status = process.wait()
        tell("")
    if status != 0:
        raise BuildError(f"building {name} {program.version} failed ({status}):\n{''.join(last)}")


@contextmanager
def _locked(path: Path, name: str) -> Iterator[None]:
    """Hold a module's lock: programs of one module share most packages, so two builders would do the same twice."""
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            tell(f"{name}: waiting for another build")
            fcntl.flock(lock, fcntl.LOCK_EX)
            tell("")
        yield
