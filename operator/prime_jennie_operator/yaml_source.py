"""YAML text as plain data, read as kubectl and helm read it, with errors that name the line.

What a scalar without quotes means is their library's choice, not PyYAML's: 005930 and 0009E0 are numbers, a day is a
text, y is true. Read otherwise, a file that passes here would be refused, or mean something else, in the cluster.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from prime_jennie.domain.errors import BadInput

BIGGEST_FILE_BYTES = 1_000_000


class _StrictLoader(yaml.SafeLoader):
    """Refuse a key that stands twice in one mapping: YAML would silently let the last one win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[Any] = set()
        for key_node, _ in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is not None and key in seen and key != "<<":
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            seen.add(key)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ValueError as error:
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from None


_INT = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|[1-9][0-9]*|0)")
_FLOAT = re.compile(r"[-+]?([.][0-9]+|[0-9]+([.][0-9]*)?)([eE][-+]?[0-9]+)?")
_SAYS_TRUE = ("y", "yes", "true", "on")
_BASES = {"x": 16, "b": 2, "o": 8}


def _number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int | float | str:
    """Read a number as Go does; one too big for any is a text there, and a whole one is the same as without its dot."""
    text = str(loader.construct_scalar(node))
    plain = text.replace("_", "").lower()
    if _INT.fullmatch(plain):
        digits = plain.lstrip("+-")
        base = _BASES.get(digits[1:2], 8) if len(digits) > 1 and digits[0] == "0" else 10
        return int(plain, base)
    if not _FLOAT.fullmatch(plain):
        return text
    number = float(plain)
    if math.isinf(number):
        return text
    return int(number) if number.is_integer() else number


def _no_number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> float:
    raise ValueError(f"{loader.construct_scalar(node)} is no number that JSON knows")


def _truth(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> bool:
    return str(loader.construct_scalar(node)).lower() in _SAYS_TRUE


def _cases(*words: str) -> str:
    return "|".join(f"{word}|{word.capitalize()}|{word.upper()}" for word in words)


_StrictLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first, _constructor in (
    ("merge", "<<", "<", None),
    ("null", f"~|{_cases('null')}|", ["~", "n", "N", ""], None),
    ("bool", _cases(*_SAYS_TRUE, "n", "no", "false", "off"), list("yYtToOnNfF"), _truth),
    ("int", "[-+.]?[0-9][-+._0-9a-fA-FxXoO]*", list("-+.0123456789"), _number),
    ("float", f"[-+]?[.](inf|Inf|INF)|[.]({_cases('nan')}|NaN)", list("-+."), _no_number),
):
    _StrictLoader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first)
    if _constructor is not None:
        _StrictLoader.add_constructor(f"tag:yaml.org,2002:{_tag}", _constructor)


def read_documents(path: Path) -> list[tuple[int, Any]]:
    """Read a file's documents with their numbers (from 1, empty ones left out); raise BadInput for what is no YAML."""
    try:
        if path.stat().st_size > BIGGEST_FILE_BYTES:
            raise BadInput(str(path), "", f"larger than {BIGGEST_FILE_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise BadInput(str(path), "", (error.strerror or "cannot be read").lower()) from None
    except UnicodeDecodeError as error:
        raise BadInput(str(path), "", f"not UTF-8 text (byte {error.start})") from None
    return parse_documents(text, str(path))


def parse_documents(text: str, where: str) -> list[tuple[int, Any]]:
    """Parse text as `read_documents` does."""
    try:
        loader = _StrictLoader(text)
    except yaml.reader.ReaderError as error:
        number = text.count("\n", 0, error.position) + 1
        raise BadInput(where, f"line {number}", f"a control character (U+{ord(text[error.position]):04X})") from None
    documents: list[tuple[int, Any]] = []
    number = 0
    try:
        while loader.check_data():  # type: ignore[no-untyped-call]
            number += 1
            data = loader.get_data()
            if data is not None:
                documents.append((number, data))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f"line {mark.line + 1}" if mark else f"document {number + 1}"
        raise BadInput(where, line, " ".join((error.problem or "no YAML").split())) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise BadInput(where, f"document {max(number, 1)}", " ".join(str(error).split())) from None
    finally:
        loader.dispose()
    return documents
