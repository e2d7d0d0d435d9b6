"""Fixtures of the operator's tests: a Kubernetes API of our own, and a fresh namespace for each test."""

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.control_plane import ControlPlane, build_programs, running_control_plane

FIXTURES = {"control_plane", "mortal_control_plane"}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build what is missing before the first test: it takes minutes, and a test has three."""
    if not session.config.option.collectonly and any(FIXTURES & set(_fixtures(item)) for item in session.items):
        build_programs()


def _fixtures(item: pytest.Item) -> list[str]:
    return list(getattr(item, "fixturenames", ()))


@pytest.fixture(scope="session")
def control_plane(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Iterator[ControlPlane]:
    """A control plane with our kinds, shared by the whole run, by its parallel workers too: leave it running.

    What looks at more than its own namespace takes `mortal_control_plane`.
    """
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent
    with running_control_plane(shared / "control-plane") as plane:
        plane.install_crds()
        yield plane


@pytest.fixture
def mortal_control_plane(tmp_path: Path) -> Iterator[ControlPlane]:
    """A control plane of this test alone, with our kinds, whose API server may be stopped and restarted."""
    with running_control_plane(tmp_path / "control-plane") as plane:
        plane.install_crds()
        yield plane


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    """A namespace of this test alone, deleted behind it."""
    name = control_plane.new_namespace(f"test-{uuid.uuid4().hex[:8]}")
    yield name
    control_plane.drop_namespace(name)
