from typing import Any

import pytest
import yaml

from prime_jennie_operator.desired.values import OwnImage
from prime_jennie_operator.loading import CHART_VALUES, load_values

ROOT = CHART_VALUES.parents[2]
SKAFFOLD = yaml.safe_load((ROOT / "skaffold.yaml").read_text(encoding="utf-8"))
IMAGES = set(OwnImage.__args__)  # type: ignore[attr-defined]
[RELEASE] = SKAFFOLD["deploy"]["helm"]["releases"]


def test_it_builds_every_image_of_ours_from_the_one_recipe() -> None:
    built = {a["image"]: a["docker"]["buildArgs"]["SERVICE"] for a in SKAFFOLD["build"]["artifacts"]}
    assert built == {f"prime-jennie/{name}": name for name in IMAGES}
    services = {path.name.replace("_", "-") for path in (ROOT / "services").iterdir() if (path / "app.py").exists()}
    assert services | {"operator"} == IMAGES


def test_every_pod_runs_what_was_just_built() -> None:
    templates = dict(RELEASE["setValueTemplates"])
    assert templates.pop("image.registry") == '{{ trimSuffix "/operator" .IMAGE_REPO_prime_jennie_operator }}'
    assert templates == {
        f"image.tags.{name}": f"{{{{ .IMAGE_TAG_prime_jennie_{name.replace('-', '_')} }}}}" for name in IMAGES
    }


def test_what_it_sets_is_known_to_the_chart() -> None:
    overrides: dict[str, Any] = {}
    [profile] = SKAFFOLD["profiles"]
    [patch] = profile["patches"]
    for path, value in {**patch["value"], **dict.fromkeys(RELEASE["setValueTemplates"], "built")}.items():
        here = overrides
        *parents, last = path.split(".")
        for parent in parents:
            here = here.setdefault(parent, {})
        here[last] = value
    files = [yaml.safe_load((ROOT / name).read_text(encoding="utf-8")) for name in RELEASE["valuesFiles"]]
    values = load_values(CHART_VALUES, *files, overrides)
    assert values.image_of("buy-scanner") == "built/buy-scanner:built"
    assert values.virtual_clock.enabled
    assert (ROOT / RELEASE["chartPath"] / "Chart.yaml").exists()


@pytest.mark.parametrize("name", sorted(IMAGES))
def test_a_single_service_may_have_a_tag_of_its_own(name: str) -> None:
    values = load_values(CHART_VALUES, {"image": {"tags": {name: "9"}}})
    assert [other for other in IMAGES if values.image_of(other).endswith(":9")] == [name]
