"""Whether a live object is what was wanted: pure functions over plain data.

Three things may be wrong. A wanted field may be absent, differ, or not be ours any more: applying again mends that.
We may own a field that is not wanted any more: applying again removes it. And somebody may have added a field, a
container or an environment variable that nobody wanted: server-side apply leaves what others own, so it is removed
by name. The API server's own defaults belong to nobody (`managedFields` does not list them) and are let alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from prime_jennie_operator.manifest import Manifest

Path = tuple[str | int, ...]
Fields = dict[str, Any]
"""`fieldsV1`: f:name is a field, k:{…} an item of a list by its keys, v:… an item by its value, `.` the node itself."""

_ABSENT: Final = object()
_NOT_OURS_TO_REMOVE: Final = frozenset({"f:metadata", "f:status", "f:apiVersion", "f:kind"})
_LISTS_OF_OTHERS: Final = frozenset({"f:secrets", "f:imagePullSecrets"})
"""Of a ServiceAccount: clusters add their own."""
_QUANTITY_FIELDS: Final = frozenset({"limits", "requests", "hard", "sizeLimit", "divisor"})
_QUANTITY: Final = re.compile(r"([+-]?[0-9.]+)(m|u|n|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]+)?")
_FACTORS: Final = {
    "": Decimal(1),
    "m": Decimal("1e-3"),
    "u": Decimal("1e-6"),
    "n": Decimal("1e-9"),
    **{letter: Decimal(1000) ** power for power, letter in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Decimal(1024) ** power for power, letter in enumerate("KMGTPE", 1)},
}


@dataclass(frozen=True, slots=True)
class Difference:
    """What makes a live object another than the wanted one."""

    to_apply: str | None
    """Path of the first field that applying again mends; None when there is none."""
    to_remove: tuple[Path, ...]
    """Fields of others that nobody wanted, in an order in which they can be removed one by one."""
    by: tuple[str, ...] = ()
    """Managers whose fields these are, kubectl-edit for instance."""

    def __bool__(self) -> bool:
        return self.to_apply is not None or bool(self.to_remove)

    @property
    def where(self) -> str:
        """Name the first place, for a person."""
        return self.to_apply or (path_text(self.to_remove[0]) if self.to_remove else "")


def difference(wanted: Manifest, live: Manifest, manager: str) -> Difference:
    """Compare; `manager` is the name under which we apply."""
    entries: list[dict[str, Any]] = live["metadata"].get("managedFields") or []
    own: Fields = next(
        (e.get("fieldsV1") or {} for e in entries if _is_own(e, manager) and not e.get("subresource")), {}
    )
    checked = {key: value for key, value in wanted.items() if key not in ("apiVersion", "kind")}
    checked["metadata"] = {
        key: value for key, value in wanted["metadata"].items() if key not in ("name", "namespace", "uid")
    }
    to_apply = (
        _first_unlike(checked, live, ()) or _first_not_owned(checked, own, ()) or _first_not_wanted(own, wanted, ())
    )
    to_remove: set[Path] = set()
    by: list[str] = []
    for entry in entries:
        if not _is_own(entry, manager) and not entry.get("subresource"):
            skipped = _NOT_OURS_TO_REMOVE | (_LISTS_OF_OTHERS if wanted["kind"] == "ServiceAccount" else frozenset())
            fields = {key: sub for key, sub in (entry.get("fieldsV1") or {}).items() if key not in skipped}
            found = set(_added(fields, wanted, live, ()))
            to_remove |= found
            by += [str(entry.get("manager"))] * bool(found)
    ordered = sorted(to_remove, key=lambda path: tuple((isinstance(p, int), p) for p in path), reverse=True)
    return Difference(path_text(to_apply) if to_apply is not None else None, tuple(ordered), tuple(dict.fromkeys(by)))


def path_text(path: Path) -> str:
    """Write a path as a person reads it: spec.template.spec.containers[0].image."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).lstrip(".")


def pointer(path: Path) -> str:
    """Write a path as a JSON pointer."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def quantity(text: object) -> Decimal | None:
    """Read a Kubernetes quantity (1000m is 1, 1Ki is 1024); None for what is none."""
    match = _QUANTITY.fullmatch(str(text))
    if match is None or match[1].count(".") > 1 or match[1] in (".", "+", "-", "+.", "-."):
        return None
    number, suffix = Decimal(match[1]), match[2] or ""
    if suffix in _FACTORS:
        return number * _FACTORS[suffix]
    return number.scaleb(int(suffix[1:]))


def _is_own(entry: dict[str, Any], manager: str) -> bool:
    return entry.get("manager") == manager and entry.get("operation") == "Apply"


def _first_unlike(wanted: Any, live: Any, path: Path) -> Path | None:
    """Find a wanted value that is absent or differs. Absent is as good as empty: the API server omits zero values."""
    if wanted is None:
        return None
    if live is _ABSENT:
        return path if wanted not in ({}, [], "", 0, False) else None
    if isinstance(wanted, dict):
        if not isinstance(live, dict):
            return path
        for key, value in wanted.items():
            found = _first_unlike(value, live.get(key, _ABSENT), (*path, key))
            if found is not None:
                return found
        return None
    if isinstance(wanted, list):
        return _first_unlike_item(wanted, live, path)
    if wanted == live and isinstance(wanted, bool) == isinstance(live, bool):
        return None
    if len(path) > 1 and (path[-1] in _QUANTITY_FIELDS or path[-2] in _QUANTITY_FIELDS):
        asked = quantity(wanted)
        return None if asked is not None and asked == quantity(live) else path
    return path


def _first_unlike_item(wanted: list[Any], live: Any, path: Path) -> Path | None:
    if not isinstance(live, list) or len(wanted) != len(live):
        return path
    in_order = (_first_unlike(item, live[n], (*path, n)) for n, item in enumerate(wanted))
    found = next((place for place in in_order if place is not None), None)
    if found is None or not all(isinstance(item, dict) for item in (*wanted, *live)):
        return found
    left = list(live)  # lists whose items have keys keep whatever order they once got
    for item in wanted:
        match = next((n for n, other in enumerate(left) if _first_unlike(item, other, path) is None), None)
        if match is None:
            return found
        del left[match]
    return None


def _first_not_owned(wanted: Any, own: Fields, path: Path) -> Path | None:
    """Find a wanted field that we do not own any more: somebody took it or removed it."""
    if not own:
        return path if not path else None  # a leaf, or a list that is owned as one
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            if value is None:
                continue
            sub = own.get(f"f:{key}")
            found = (*path, key) if sub is None else _first_not_owned(value, sub, (*path, key)) if sub else None
            if found is not None:
                return found
        return None
    if isinstance(wanted, list):
        for n, item in enumerate(wanted):
            sub = next((fields for key, fields in own.items() if _picks(key, item)), None)
            found = (*path, n) if sub is None else _first_not_owned(item, sub, (*path, n)) if sub else None
            if found is not None:
                return found
    return None


def _first_not_wanted(own: Fields, wanted: Any, path: Path) -> Path | None:
    """Find a field of ours that is not wanted any more."""
    for key, sub in own.items():
        if key == ".":
            continue
        part, value = _resolve(wanted, key)
        if value is _ABSENT or value is None:
            return (*path, part)
        found = _first_not_wanted(sub, value, (*path, part)) if sub else None
        if found is not None:
            return found
    return None


def _added(fields: Fields, wanted: Any, live: Any, path: Path) -> Iterator[Path]:
    """Find what another manager owns, what is there and what is not wanted."""
    for key, sub in fields.items():
        if key == ".":
            continue
        part, value = _resolve(live, key)
        if value is _ABSENT:
            continue
        _, asked = _resolve(wanted, key)
        if asked is _ABSENT or asked is None:
            yield (*path, part)
        elif sub:
            yield from _added(sub, asked, value, (*path, part))


def _resolve(node: Any, key: str) -> tuple[str | int, Any]:
    """Follow one step of fieldsV1; return the step as a path's part, and what is there."""
    kind, _, told = key.partition(":")
    if kind == "f":
        return told, node.get(told, _ABSENT) if isinstance(node, dict) else _ABSENT
    if isinstance(node, list):
        for n, item in enumerate(node):
            if _picks(key, item):
                return n, item
    return told, _ABSENT


def _picks(key: str, item: Any) -> bool:
    """Tell whether a step of fieldsV1 picks an item; keys that the item leaves to the API server's defaults match."""
    kind, _, told = key.partition(":")
    if kind == "k" and isinstance(item, dict):
        return all(item.get(name, value) == value for name, value in json.loads(told).items())
    return kind == "v" and bool(json.loads(told) == item)
