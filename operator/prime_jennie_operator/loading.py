"""Files that people write, as typed objects: YAML documents of our kinds and the chart's values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from prime_jennie.domain.errors import BadInput
from prime_jennie.strategy.entries.catalogue import catalogue_of
from prime_jennie_operator.complaints import bad_input
from prime_jennie_operator.desired.values import PlatformValues
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.resources import API_VERSION, Backfill, ScoutSchedule, TradingStrategy
from prime_jennie_operator.yaml_source import read_documents

CHART_VALUES = Path(__file__).parents[2] / "charts" / "prime-jennie" / "values.yaml"
SIMULATOR_PRESET = CHART_VALUES.parent / "presets" / "simulator.yaml"
Item = TradingStrategy | ScoutSchedule | Backfill
KINDS: Mapping[str, type[TradingStrategy] | type[ScoutSchedule] | type[Backfill]] = {
    "TradingStrategy": TradingStrategy,
    "ScoutSchedule": ScoutSchedule,
    "Backfill": Backfill,
}
Model = TypeVar("Model", bound=BaseModel)
OfKind = TypeVar("OfKind", TradingStrategy, ScoutSchedule, Backfill)


@dataclass(frozen=True, slots=True)
class Loaded:
    """Everything that the files say."""

    strategies: tuple[TradingStrategy, ...] = field(default=())
    schedules: tuple[ScoutSchedule, ...] = field(default=())
    backfills: tuple[Backfill, ...] = field(default=())


def load_files(paths: Sequence[Path]) -> Loaded:
    """Read all files or none; raise BadInput as `file: document N: spec.field: reason` for the first problem."""
    documents: list[tuple[str, Any]] = []
    for path in paths:
        found = read_documents(path)
        if not found:
            raise BadInput(str(path), "", "holds no document")
        documents += [(f"{path}: document {number}", data) for number, data in found]
    return load_documents(documents)


def load_documents(documents: Iterable[tuple[str, Any]]) -> Loaded:
    """Validate documents, each with its place, and refuse two objects of the same kind and name."""
    found = [(where, load_document(data, where)) for where, data in documents]
    _refuse_duplicates(found)
    return Loaded(
        tuple(item for _, item in found if isinstance(item, TradingStrategy)),
        tuple(item for _, item in found if isinstance(item, ScoutSchedule)),
        tuple(item for _, item in found if isinstance(item, Backfill)),
    )


def load_document(data: Any, where: str) -> Item:
    """Validate one document of any kind of ours, but for its status: what another version wrote is no one's mistake."""
    if not isinstance(data, dict):
        raise BadInput(where, "", "must be a mapping with apiVersion, kind, metadata and spec")
    for name in ("apiVersion", "kind"):
        if name not in data:
            raise BadInput(where, name, "missing")
    if data["kind"] not in KINDS:
        raise BadInput(where, "kind", f"{data['kind']!r} is none of {', '.join(KINDS)}")
    if data["apiVersion"] != API_VERSION:
        raise BadInput(where, "apiVersion", f"{data['apiVersion']!r} is not {API_VERSION}")
    said = {name: value for name, value in data.items() if name != "status"}
    item = _validated(KINDS[data["kind"]], said, where)
    if isinstance(item, TradingStrategy):
        _demand_known_parameters(item, where)
    return item


def load_object(manifest: Manifest, kind: type[OfKind]) -> OfKind:
    """Validate an object of a cluster as `jennie validate` does; raise BadInput with the same words."""
    found = load_document(manifest, f"{kind.__name__} {manifest['metadata']['name']}")
    if not isinstance(found, kind):
        raise BadInput("object", "kind", f"is a {found.kind}")
    return found


def load_values(path: Path = CHART_VALUES, *overrides: Mapping[str, Any]) -> PlatformValues:
    """Read the chart's values; overrides, nested as in the file (`{"redis": {"port": 6380}}`), are laid over them."""
    values = read_values(path)
    for layer in overrides:
        values = _laid_over(values, layer)
    return _validated(PlatformValues, values, str(path))


def laptop_values(*overrides: Mapping[str, Any], path: Path = CHART_VALUES) -> PlatformValues:
    """Read the chart's values as a run on one machine has them: with our own exchange where no broker is named."""
    return load_values(path, read_values(SIMULATOR_PRESET), *overrides)


def read_values(path: Path) -> dict[str, Any]:
    """Read a file of values, which may be a part of them, such as a preset."""
    documents = read_documents(path)
    if len(documents) != 1 or not isinstance(documents[0][1], dict):
        raise BadInput(str(path), "", "must be one mapping of values")
    return documents[0][1]


def _validated(model: type[Model], data: Any, where: str) -> Model:
    try:
        # By alias only: the API server knows maxPositions, and would drop max_positions without a word.
        return model.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as error:
        raise bad_input(where, model, error) from None


def _demand_known_parameters(strategy: TradingStrategy, where: str) -> None:
    """Refuse thresholds that an entry does not know: the scanner would, and go on by the configuration before."""
    try:
        catalogue_of(strategy.spec.entries)
    except BadInput as error:
        raise BadInput(where, f"{error.where}.{error.field}", error.reason) from None


def _laid_over(base: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in overrides.items():
        below = merged.get(key)
        nested = isinstance(value, Mapping) and isinstance(below, Mapping)
        merged[key] = _laid_over(below, value) if nested else value  # type: ignore[arg-type]
    return merged


def _refuse_duplicates(found: Iterable[tuple[str, Item]]) -> None:
    first: dict[tuple[str, str, str], str] = {}
    for where, item in found:
        key = (item.kind, item.metadata.namespace, item.name)
        if key in first:
            raise BadInput(where, "metadata.name", f"{item.kind} {item.name} already stands in {first[key]}")
        first[key] = where
