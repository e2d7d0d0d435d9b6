"""Images of our programs for a machine without a registry: built with buildah, once for what they are made of."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tarfile
import tempfile
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.cluster import mounts
from scripts.cluster.binaries import cache_folder
from scripts.cluster.debian import base_recipe, new_root
from scripts.cluster.packages import IMAGES as PACKAGES
from scripts.cluster.packages import require
from scripts.cluster.place import ROOT
from scripts.cluster.progress import step
from scripts.cluster.shell import run

REGISTRY = "localhost/prime-jennie"
CODE = (ROOT / "libs", ROOT / "services", ROOT / "operator")
HERE = Path(__file__).resolve().parent
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
# Passed on to the builds, as the machine's owner set them: where packages come from is not the repository's to say.
PACKAGE_SOURCES = ("PIP_INDEX_URL", "UV_DEFAULT_INDEX", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
# Others' programs, from Debian's packages: as the chart runs them, by command, with no entry point of an image.
STORES = {"redis": "redis-server", "mariadb": "mariadb-server"}


def services() -> list[str]:
    """Name every program of ours that has an image."""
    folders = sorted(path.parent.name for path in (ROOT / "services").glob("*/__main__.py"))
    return [*(folder.replace("_", "-") for folder in folders), "operator"]


@dataclass(frozen=True)
class Image:
    """An image by what it is made of: another content is another tag."""

    name: str
    digest: str

    @property
    def reference(self) -> str:
        return f"{REGISTRY}/{self.name}:{self.digest}"


def digest(paths: Iterable[Path], *more: str) -> str:
    """Name the contents of files and folders, and further texts that they are built with."""
    found = hashlib.sha256("\0".join(more).encode())
    for path in sorted(paths):
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        for file in files:
            if file.is_file() and "__pycache__" not in file.parts:
                found.update(f"\0{file.relative_to(ROOT)}\0".encode())
                found.update(file.read_bytes())
    return found.hexdigest()[:12]


def dependencies_digest(base: str) -> str:
    """Name what the packages of all images depend on; of pyproject.toml not what only tools read."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return digest((ROOT / "Dockerfile", ROOT / "requirements"), base, json.dumps(project))


def sources_digest(service: str) -> str:
    """Name a program's code, and that which all share."""
    own = ROOT / (
        "operator/prime_jennie_operator" if service == "operator" else f"services/{service.replace('-', '_')}"
    )
    return digest((ROOT / "libs/prime_jennie", own))


def image_of(service: str, base: str) -> Image:
    return Image(service, digest((), dependencies_digest(base), sources_digest(service)))


def _image(name: str, base: str) -> Image:
    return Image(name, digest((), STORES[name], base)) if name in STORES else image_of(name, base)


def release_tag(images: Iterable[Image]) -> str:
    """Name a set of programs' images, as the chart knows one tag for all; a changed one rolls the pods."""
    return f"local-{digest((), *sorted(image.reference for image in images if image.name not in STORES))}"


class Builder:
    """buildah with a store of its own beside the cache of programs."""

    def __init__(self, base: str | None = None) -> None:
        """Build on `base`; none: on one made of Debian's packages."""
        require(PACKAGES)
        self._cache = cache_folder().parent
        self._work = self._cache / "tmp"
        self._work.mkdir(parents=True, exist_ok=True)
        self._base = base

    def build(self, wanted: Iterable[str]) -> list[Image]:
        """Return the images of these services and stores, built where they are not there as they are now."""
        with (self._work / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                base = self._base or self._debian()
                # All names before the first build: who edits meanwhile gets the next images, not half of these.
                images = [_image(name, base) for name in wanted]
                lacking = [image for image in images if not self.has(image.reference)]
                stages = self._stages(base) if any(image.name not in STORES for image in lacking) else {}
                for image in lacking:
                    with step(f"image {image.name}"):
                        if image.name in STORES:
                            self._build_store(image, base)
                        else:
                            self._build_service(image, stages)
                    self._forget_others(image)
                return images
            finally:
                self._leave_nothing_mounted()

    def _leave_nothing_mounted(self) -> None:
        """Remove what steps and interrupted builds leave: their containers, and stages mounted in the store."""
        self._buildah("rm", "--all", check=False)
        mounts.remove_below(self._cache / "buildah")

    def has(self, reference: str) -> bool:
        return bool(self._buildah("images", "--quiet", "--filter", f"reference={reference}", check=False).strip())

    @contextmanager
    def archive(self, images: Iterable[Image]) -> Iterator[Path]:
        """Give an OCI archive of these images, each layer once."""
        with tempfile.TemporaryDirectory(dir=self._work) as folder:
            layout, archive = Path(folder) / "layout", Path(folder) / "images.tar"
            for image in images:
                self._buildah("push", "--disable-compression", image.reference, f"oci:{layout}:{image.reference}")
            with tarfile.open(archive, "w") as tar:
                for path in layout.iterdir():
                    tar.add(path, path.name)
            yield archive

    def _stages(self, base: str) -> dict[str, str]:
        """Make what all programs share, as images: taken from a cache, a stage may show buildah an old state."""
        dependencies = dependencies_digest(base)
        shared = {"BASE": base, "DEPENDENCIES_DIGEST": dependencies}
        build = self._stage("build", digest(CODE, dependencies), shared)
        common = self._stage("common", dependencies, shared | {"BUILD": build})
        return shared | {"BUILD": build, "COMMON": common}

    def _stage(self, name: str, made_of: str, arguments: Mapping[str, str]) -> str:
        stage = Image(name, made_of)
        if not self.has(stage.reference):
            with step(f"image stage {name}"):
                self._bud(stage, ROOT / "Dockerfile", arguments, "--target", name)
            self._forget_others(stage)
        return stage.reference

    def _build_service(self, image: Image, stages: Mapping[str, str]) -> None:
        self._bud(image, ROOT / "Dockerfile", {**stages, "SERVICE": image.name, "SOURCES_DIGEST": image.digest})

    def _build_store(self, image: Image, base: str) -> None:
        self._bud(image, HERE / "store.Dockerfile", {"BASE": base, "PACKAGE": STORES[image.name]})

    def _bud(self, image: Image, recipe: Path, arguments: Mapping[str, str], *more: str) -> None:
        given = [f"--build-arg={name}={value}" for name, value in arguments.items()]
        given += [f"--build-arg={name}={os.environ[name]}" for name in PACKAGE_SOURCES if name in os.environ]
        given += [f"--volume={CERTIFICATES}:{CERTIFICATES}:ro"] if CERTIFICATES.exists() else []
        self._buildah(
            *("bud", "--isolation", "chroot", "--layers", "--quiet", "--format", "oci"),
            *given,
            *more,
            *("--file", str(recipe), "--tag", image.reference, str(ROOT)),
        )

    def _debian(self) -> str:
        """Make the base once for each recipe: 40 s and no registry."""
        base = Image("base", digest((), base_recipe()))
        if not self.has(base.reference):
            with step("base image from Debian's packages"), new_root(self._work) as folder:
                container = self._buildah("from", "scratch").strip()
                self._buildah("add", "--quiet", container, str(folder), "/")
                self._buildah("config", "--env", "PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin", container)
                self._buildah("commit", "--quiet", "--rm", container, base.reference)
        return base.reference

    def _forget_others(self, image: Image) -> None:
        """Remove a program's former images: their layers stay only as far as they are used."""
        listed = self._buildah(
            "images", "--format", "{{.Name}}:{{.Tag}}", "--filter", f"reference={REGISTRY}/{image.name}"
        )
        for reference in listed.split():
            if reference != image.reference and not reference.startswith("<"):
                self._buildah("rmi", reference, check=False)

    def _buildah(self, command: str, *arguments: str, check: bool = True) -> str:
        store = ("--root", str(self._cache / "buildah"), "--runroot", "/run/prime-jennie-buildah")
        return run(
            "buildah",
            *store,
            command,
            *arguments,
            check=check,
            env={**os.environ, "TMPDIR": str(self._work)},
            timeout_secs=1800,
        )


def chart_values(images: Iterable[Image]) -> dict[str, Any]:
    """Return the chart's values that name these images; the tag is that of the whole set."""
    found = {image.name: image for image in images}
    stores = {name: {"image": found[name].reference} for name in STORES if name in found}
    return {
        "image": {"registry": REGISTRY, "tag": release_tag(found.values()), "pullPolicy": "IfNotPresent"},
        **stores,
    }
