"""Whether a live object is what was wanted: pure functions over plain data.

Three things may be wrong. A wanted field may be absent, differ, or not be ours any more: applying again mends that.
We may own a field that is not wanted any more: applying again removes it. And somebody may have added a field, a
container or an environment variable that nobody wanted: server-side apply leaves what others own, so it is taken
over first; then applying removes it, too. The API server's own defaults belong to nobody (`managedFields` does not
list them) and are let alone.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final

import orjson

from prime_jennie_operator.manifest import Manifest

Fields = dict[str, Any]
"""`fieldsV1`: f:name is a field, k:{…} an item of a list by its keys, v:… an item by its value, `.` the node itself."""

_ABSENT: Final = object()
_ZERO: Final = 0
_MAY_BE_OTHERS: Final = frozenset({"f:metadata", "f:status", "f:apiVersion", "f:kind"})
_MAY_BE_OTHERS_TOO: Final = {"ServiceAccount": frozenset({"f:secrets", "f:imagePullSecrets"})}
"""Lists to which clusters add their own."""
_QUANTITY_FIELDS: Final = frozenset({"limits", "requests", "hard", "sizeLimit", "divisor"})
_QUANTITY: Final = re.compile(
    r"([+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))(m|u|n|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei|[eE][+-]?[0-9]+)?"
)
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

    where: str
    """The first place, as a person reads it: spec.template.spec.containers[main].image."""
    added_by: tuple[str, ...] = ()
    """Managers that added what nobody wanted, kubectl-edit for instance; `take_over` before applying."""


def difference(wanted: Manifest, live: Manifest, manager: str) -> Difference | None:
    """Compare; None when a live object is as wanted. `manager` is the name under which we apply."""
    own = next((_fields(entry) for entry in _entries(live) if _is_own(entry, manager)), {})
    checked = _compared(wanted)
    added = {
        str(entry.get("manager")): unwanted
        for entry in _entries(live)
        if not _is_own(entry, manager) and (unwanted := _unwanted_of(entry, wanted, live))
    }
    where = (
        _first_unlike(checked, live, "")
        or _first_not_owned(checked, own, "")
        or _first_unwanted_path(own, wanted)
        or next((_first_path(unwanted) for unwanted in added.values()), None)
    )
    return None if where is None else Difference(where.lstrip("."), tuple(added))


def taken_over(wanted: Manifest, live: Manifest, manager: str) -> list[dict[str, Any]]:
    """Return the live object's managedFields as they must be for the next apply to remove what nobody wanted."""
    entries = [dict(entry) for entry in live["metadata"].get("managedFields") or ()]
    own = next((entry for entry in entries if _is_own(entry, manager) and not entry.get("subresource")), None)
    if own is None:
        about = {"manager": manager, "operation": "Apply", "apiVersion": wanted["apiVersion"]}
        own = {**about, "fieldsType": "FieldsV1", "fieldsV1": {}}
        entries.append(own)
    for entry in entries:
        if entry is own or entry.get("subresource"):
            continue
        unwanted = _unwanted_of(entry, wanted, live)
        if unwanted:
            entry["fieldsV1"] = _without(_fields(entry), unwanted)
            own["fieldsV1"] = _with(_fields(own), unwanted)
    return [entry for entry in entries if entry.get("fieldsV1")]


def applied_print(live: Manifest, manager: str) -> bytes | None:
    """Hash what we own of a live object, which equals `wanted_print` of what was wanted if nothing is wrong with it.

    None when others own more than they may. Nothing is wrong with an object whose print matches; one that does not
    match may be as wanted all the same, with a default of the API server inside a list that is owned as one, say.
    """
    own: Fields = {}
    for entry in _entries(live):
        if _is_own(entry, manager):
            own = _fields(entry)
        elif _others_fields(entry, live["kind"]):
            return None
    return blake2b(canonical(_project(own, live, is_quantity=False)), digest_size=16).digest()


def wanted_print(wanted: Manifest) -> bytes:
    """Hash a wanted object as `applied_print` hashes a live one."""
    return blake2b(canonical(_normal(_compared(wanted), is_quantity=False)), digest_size=16).digest()


def canonical(value: object) -> bytes:
    """Write JSON, the same for equal values."""
    written = orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    return bytes(memoryview(written))  # a copy: what is kept of it would keep its whole buffer from being used again


def quantity(text: object) -> Decimal | None:
    """Read a Kubernetes quantity (1000m is 1, 1Ki is 1024); None for what is none."""
    match = _QUANTITY.fullmatch(str(text))
    if match is None:
        return None
    number, suffix = Decimal(match[1]), match[2] or ""
    return number * _FACTORS[suffix] if suffix in _FACTORS else number.scaleb(int(suffix[1:]))


def _compared(wanted: Manifest) -> Manifest:
    """Leave out what tells only which object it is."""
    metadata = {key: value for key, value in wanted["metadata"].items() if key not in ("name", "namespace", "uid")}
    return {**{key: value for key, value in wanted.items() if key not in ("apiVersion", "kind")}, "metadata": metadata}


def _entries(live: Manifest) -> list[dict[str, Any]]:
    """List who manages the object itself; what a subresource's writer owns is compared by its value alone."""
    return [entry for entry in live["metadata"].get("managedFields") or () if not entry.get("subresource")]


def _fields(entry: dict[str, Any]) -> Fields:
    return entry.get("fieldsV1") or {}


def _is_own(entry: dict[str, Any], manager: str) -> bool:
    return entry.get("manager") == manager and entry.get("operation") == "Apply"


def _first_unlike(wanted: Any, live: Any, path: str, *, is_quantity: bool = False) -> str | None:
    """Find a wanted value that is absent or differs. Absent is as good as empty: the API server omits zero values."""
    if wanted is None:
        return None
    if live is _ABSENT:
        return path if wanted not in ({}, [], "", 0, False) else None
    if isinstance(wanted, dict):
        if not isinstance(live, dict):
            return path
        for key, value in wanted.items():
            inside = is_quantity or key in _QUANTITY_FIELDS
            found = _first_unlike(value, live.get(key, _ABSENT), f"{path}.{key}", is_quantity=inside)
            if found is not None:
                return found
        return None
    if isinstance(wanted, list):
        return _first_unlike_item(wanted, live, path)
    if wanted == live and isinstance(wanted, bool) == isinstance(live, bool):
        return None
    asked = quantity(wanted) if is_quantity else None
    return None if asked is not None and asked == quantity(live) else path


def _first_unlike_item(wanted: list[Any], live: Any, path: str) -> str | None:
    if not isinstance(live, list) or len(wanted) != len(live):
        return path
    in_order = (_first_unlike(item, live[n], _item_path(path, n, item)) for n, item in enumerate(wanted))
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


def _first_not_owned(wanted: Any, own: Fields, path: str) -> str | None:
    """Find a wanted field that we do not own any more: somebody took it or removed it."""
    if isinstance(wanted, dict):
        for key, value in wanted.items():
            if value is None:
                continue
            fields = own.get(f"f:{key}")
            if fields is None:
                return f"{path}.{key}"
            found = _first_not_owned(value, fields, f"{path}.{key}") if fields else None
            if found is not None:
                return found
    elif isinstance(wanted, list):
        for n, item in enumerate(wanted):
            fields = next((fields for key, fields in own.items() if _picks(key, item)), None)
            if fields is None:
                return _item_path(path, n, item)
            found = _first_not_owned(item, fields, _item_path(path, n, item)) if fields else None
            if found is not None:
                return found
    return None


def _first_unwanted_path(own: Fields, wanted: Manifest) -> str | None:
    """Find a field of ours that is not wanted any more."""
    unwanted = _unwanted(own, wanted)
    return _first_path(unwanted) if unwanted else None


def _unwanted_of(entry: dict[str, Any], wanted: Manifest, live: Manifest) -> Fields:
    """Find what another manager owns, what is there, what is not wanted and what is not others' to add."""
    return _unwanted(_others_fields(entry, wanted["kind"]), wanted, live)


def _others_fields(entry: dict[str, Any], kind: str) -> Fields:
    """Find what another manager owns of what is ours to say."""
    skipped = _MAY_BE_OTHERS | _MAY_BE_OTHERS_TOO.get(kind, frozenset())
    return {key: sub for key, sub in _fields(entry).items() if key not in skipped}


def _unwanted(fields: Fields, wanted: Any, live: Any = None) -> Fields:
    """Find the fields that are not wanted and, if `live` is given, are there.

    A template's annotations may be others': `kubectl rollout restart` lives of them.
    """
    found: Fields = {}
    for key, sub in fields.items():
        if key == "." or (live is not None and _resolve(live, key) is _ABSENT):
            continue
        if key == "f:metadata" and live is not None:
            sub = {inner: fields for inner, fields in sub.items() if inner != "f:annotations"}
            if sub.keys() <= {"."}:
                continue
        asked = _resolve(wanted, key)
        if asked is _ABSENT or asked is None:
            found[key] = sub
        elif sub and (inside := _unwanted(sub, asked, None if live is None else _resolve(live, key))):
            found[key] = inside
    return found


def _without(fields: Fields, removed: Fields) -> Fields:
    """Leave out subtrees; what has nothing left goes with them."""
    kept: Fields = {}
    for key, sub in fields.items():
        gone = removed.get(key)
        if gone is None:
            kept[key] = sub
        elif gone and sub and sub != gone and (left := _without(sub, gone)):
            kept[key] = left
    return kept


def _with(fields: Fields, added: Fields) -> Fields:
    return {**fields, **{key: _with(fields[key], sub) if key in fields else sub for key, sub in added.items()}}


def _first_path(fields: Fields) -> str:
    """Write the way to the first field as a person reads it."""
    key, sub = next(((key, sub) for key, sub in fields.items() if key != "."), ("", {}))
    kind, _, told = key.partition(":")
    if kind == "f":
        part = f".{told}"
    else:
        value = json.loads(told) if told else ""
        part = f"[{value.get('name', next(iter(value.values()), '')) if isinstance(value, dict) else value}]"
    return part + (_first_path(sub) if any(inner != "." for inner in sub) and "." not in sub else "")


def _project(fields: Fields, node: Any, *, is_quantity: bool) -> Any:
    """Keep the part of a live object that fields own."""
    if not fields:
        return _normal(node, is_quantity=is_quantity)
    if isinstance(node, list):
        steps = [(step, sub) for key, sub in fields.items() if (step := _step(key)) is not None]
        picked = ((item, sub) for item in node for step, sub in steps if _matches(step, item))
        return [_project(sub, item, is_quantity=is_quantity) for item, sub in picked]
    if not isinstance(node, dict):
        return _normal(node, is_quantity=is_quantity)
    kept = {}
    for key, sub in fields.items():
        if key.startswith("f:"):
            name = key[2:]
            kept[name] = _project(sub, node.get(name), is_quantity=is_quantity or name in _QUANTITY_FIELDS)
    return kept or _ZERO


def _normal(value: Any, *, is_quantity: bool) -> Any:
    """Write equal values equally: no matter how a quantity is written, and what kind of nothing stands for nothing."""
    if isinstance(value, dict):
        inside = {
            name: _normal(item, is_quantity=is_quantity or name in _QUANTITY_FIELDS)
            for name, item in value.items()
            if item is not None
        }
        return inside or _ZERO
    if isinstance(value, list):
        return [_normal(item, is_quantity=is_quantity) for item in value] or _ZERO
    if value is None or value is False or value == "" or value == 0:
        return _ZERO
    if is_quantity and (number := quantity(value)) is not None:
        return f"{number.normalize():f}"
    return value


def _item_path(path: str, number: int, item: Any) -> str:
    return f"{path}[{item.get('name', number) if isinstance(item, dict) else number}]"


def _resolve(node: Any, key: str) -> Any:
    """Follow one step of fieldsV1."""
    kind, _, told = key.partition(":")
    if kind == "f":
        return node.get(told, _ABSENT) if isinstance(node, dict) else _ABSENT
    if isinstance(node, list):
        return next((item for item in node if _picks(key, item)), _ABSENT)
    return _ABSENT


def _picks(key: str, item: Any) -> bool:
    """Tell whether a step of fieldsV1 picks an item; keys that the item leaves to the API server's defaults match."""
    step = _step(key)
    return step is not None and _matches(step, item)


def _step(key: str) -> tuple[str, Any] | None:
    kind, _, told = key.partition(":")
    return (kind, json.loads(told)) if kind in ("k", "v") else None


def _matches(step: tuple[str, Any], item: Any) -> bool:
    kind, told = step
    if kind == "k":
        return isinstance(item, dict) and all(item.get(name, value) == value for name, value in told.items())
    return bool(told == item)
