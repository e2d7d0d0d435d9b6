"""YAML files checked and rendered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import yaml

from prime_jennie.domain.errors import BadInput
from prime_jennie.infra.calendar import load_sessions
from prime_jennie_operator.desired.platform import SERVICES, platform_objects
from prime_jennie_operator.desired.schedule import schedule_objects
from prime_jennie_operator.desired.strategy import strategy_objects
from prime_jennie_operator.loading import CHART_VALUES, Item, load_files, load_values
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.schedule.faults import check_schedules


def yaml_files(named: Sequence[Path] | None, more: Sequence[Path] | None) -> list[Path]:
    """Join files given with -f and behind it; a folder stands for its YAML files. Raise BadInput without any."""
    given = [*(named or ()), *(more or ())]
    if not given:
        raise BadInput("-f", "", "name at least one YAML file")
    files: list[Path] = []
    for path in given:
        inside = sorted(p for p in path.iterdir() if p.suffix in (".yaml", ".yml")) if path.is_dir() else [path]
        if not inside:
            raise BadInput(str(path), "", "holds no YAML file")
        files += inside
    return files


def validate_files(files: Sequence[Path]) -> list[str]:
    """Check all files together and say what they hold."""
    loaded = load_files(files)
    check_schedules(loaded.schedules, load_sessions, SERVICES)
    found: list[Item] = [*loaded.strategies, *loaded.schedules, *loaded.backfills]
    return [f"{item.kind} {item.metadata.namespace}/{item.name}: valid" for item in found]


def render_files(files: Sequence[Path], *, with_platform: bool, values_file: Path | None) -> str:
    """Render strategies and schedules, and the platform once a namespace if asked for; same input, same text.

    A backfill is a comment: its Jobs are made one by one, for the slots that the database lacks when it begins.
    """
    loaded = load_files(files)
    check_schedules(loaded.schedules, load_sessions, SERVICES)
    values = load_values(values_file or CHART_VALUES)
    objects: list[Manifest] = []
    if with_platform:
        items: list[Item] = [*loaded.strategies, *loaded.schedules]
        for namespace in sorted({item.metadata.namespace for item in items} or {"default"}):
            objects += platform_objects(values, namespace)
    for strategy in loaded.strategies:
        objects += strategy_objects(strategy, values)
    for schedule in loaded.schedules:
        objects += schedule_objects(schedule, values, loaded.schedules)
    notes = [
        f"# Backfill {b.metadata.namespace}/{b.name}: the operator makes its Jobs as it runs\n"
        for b in loaded.backfills
    ]
    return (as_yaml(objects) if objects else "") + "".join(notes)


class _Dumper(yaml.SafeDumper):
    """Write texts of many lines as blocks, and never an anchor."""

    def ignore_aliases(self, data: object) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)


def as_yaml(objects: Iterable[Manifest]) -> str:
    """Write objects as a stream of documents."""
    return yaml.dump_all(objects, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120, explicit_start=True)
