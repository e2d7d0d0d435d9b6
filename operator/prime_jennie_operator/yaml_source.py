"""YAML text as plain data, with the traps closed: duplicate keys, and errors that name the line."""

from __future__ import annotations

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
        except ValueError as error:  # a date that does not exist, such as 2025-02-30
            raise yaml.constructor.ConstructorError(None, None, str(error), node.start_mark) from None


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
