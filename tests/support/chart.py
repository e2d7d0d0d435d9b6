"""The chart as Helm renders it, and Helm as a person runs it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from prime_jennie_operator.manifest import Manifest
from scripts.cluster.binaries import binary, go_is_there

CHART = Path(__file__).resolve().parents[2] / "charts" / "prime-jennie"
PRESETS = sorted(path.stem for path in (CHART / "presets").glob("*.yaml"))
HELM_SECS = 120.0
WORKLOADS = ("Deployment", "StatefulSet", "Job")


def build_helm() -> None:
    """Build Helm outside of any test's time limit; without Go, skip, and fail in CI."""
    if not go_is_there() and not os.environ.get("CI"):
        pytest.skip("NO GO IN PATH: the chart's tests need it to build Helm", allow_module_level=True)
    binary("helm")


def preset(name: str) -> Path:
    return CHART / "presets" / f"{name}.yaml"


def helm(
    *arguments: str, values: Mapping[str, Any] | None = None, kubeconfig: Path | None = None, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """Run Helm; `values` are laid over everything else. Fail with what it said."""
    given = ["--values", "-"] if values is not None else []
    given += ["--qps", "100", "--burst-limit", "500"] if kubeconfig else []  # five requests a second would take minutes
    done = subprocess.run(
        [str(binary("helm")), *arguments, *given],
        input=yaml.safe_dump(dict(values)) if values is not None else None,
        env={**os.environ, "KUBECONFIG": str(kubeconfig or os.devnull)},
        capture_output=True,
        text=True,
        timeout=HELM_SECS,
        check=False,
    )
    if check and done.returncode != 0:
        raise AssertionError(f"helm {' '.join(arguments)} exited with {done.returncode}: {done.stderr}")
    return done


def template(
    *presets: str, values: Mapping[str, Any] | None = None, namespace: str = "trading", release: str = "prime-jennie"
) -> subprocess.CompletedProcess[str]:
    """Run `helm template` whatever comes of it."""
    files = [part for name in presets for part in ("--values", str(preset(name)))]
    return helm("template", release, str(CHART), "--namespace", namespace, *files, values=values or {}, check=False)


def rendered(*presets: str, values: Mapping[str, Any] | None = None, namespace: str = "trading") -> list[Manifest]:
    """Render every object, hooks too."""
    done = template(*presets, values=values, namespace=namespace)
    assert done.returncode == 0, done.stderr
    return [found for found in yaml.safe_load_all(done.stdout) if found]


def pods(objects: Iterable[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Give every pod that the objects make, as `Kind/name` with its metadata and spec."""
    for found in objects:
        where = f"{found['kind']}/{found['metadata']['name']}"
        if found["kind"] == "CronJob":
            yield where, found["spec"]["jobTemplate"]["spec"]["template"]
        elif found["kind"] in WORKLOADS:
            yield where, found["spec"]["template"]
