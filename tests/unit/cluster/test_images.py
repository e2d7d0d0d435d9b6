"""An image's name is what it is made of: the same content is never built twice, another one always is."""

from pathlib import Path

import pytest

from scripts.cluster import images
from scripts.cluster.images import Image, chart_values, image_of, release_tag, services

BASE = "localhost/base:1"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with two services."""
    for name in ("kis_gateway", "buy_scanner"):
        folder = tmp_path / "services" / name
        folder.mkdir(parents=True)
        (folder / "__main__.py").write_text(name)
    (tmp_path / "libs/prime_jennie").mkdir(parents=True)
    (tmp_path / "libs/prime_jennie/shared.py").write_text("one")
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements/lock.txt").write_text("one")
    (tmp_path / "Dockerfile").write_text("FROM one")
    (tmp_path / "pyproject.toml").write_text("[project]\nname = 'x'\n[tool.y]\nz = 1\n")
    monkeypatch.setattr(images, "ROOT", tmp_path)
    return tmp_path


def test_every_service_and_the_operator_has_an_image(tree: Path) -> None:
    assert services() == ["buy-scanner", "kis-gateway", "operator"]


@pytest.mark.parametrize(
    ("changed", "to", "gateway", "scanner"),
    [
        ("services/kis_gateway/__main__.py", "other", True, False),
        ("libs/prime_jennie/shared.py", "other", True, True),
        ("requirements/lock.txt", "other", True, True),
        ("Dockerfile", "FROM other", True, True),
        ("pyproject.toml", "[project]\nname = 'x'\ndependencies = ['y']\n", True, True),
        ("pyproject.toml", "[project]\nname = 'x'\n[tool.y]\nz = 2\n", False, False),
        ("services/kis_gateway/__pycache__/x.pyc", "other", False, False),
        ("README.md", "other", False, False),
    ],
)
def test_a_change_renames_the_images_that_it_touches(
    tree: Path, changed: str, to: str, gateway: bool, scanner: bool
) -> None:
    before = image_of("kis-gateway", BASE), image_of("buy-scanner", BASE)
    (tree / changed).parent.mkdir(exist_ok=True)
    (tree / changed).write_text(to)
    after = image_of("kis-gateway", BASE), image_of("buy-scanner", BASE)
    assert (before[0] != after[0], before[1] != after[1]) == (gateway, scanner)


def test_another_base_is_another_image(tree: Path) -> None:
    assert image_of("kis-gateway", BASE) != image_of("kis-gateway", "python:3.11")


def test_a_moved_line_between_files_is_another_content(tree: Path) -> None:
    before = image_of("kis-gateway", BASE)
    (tree / "services/kis_gateway/__main__.py").rename(tree / "services/kis_gateway/main.py")
    assert image_of("kis-gateway", BASE) != before


def test_the_chart_gets_one_tag_for_our_programs_and_the_stores_by_name() -> None:
    ours, redis = [Image("kis-gateway", "1"), Image("operator", "2")], Image("redis", "3")
    values = chart_values([*ours, redis])
    assert values["image"]["tag"] == release_tag(reversed(ours))
    assert values["redis"] == {"image": "localhost/prime-jennie/redis:3"}
    assert "mariadb" not in values
    assert release_tag([*ours, redis]) != release_tag([ours[0], Image("operator", "4")])
