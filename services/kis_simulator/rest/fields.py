"""Fill response blocks: every field the provider names is there, and every value is a string."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files

_WORDS = ("_name", "isnm", "_date", "_dt", "_tmd", "_hour", "_month", "_code", "_odno", "_tlno", "_addr")


def block(names: tuple[str, ...], values: Mapping[str, object]) -> dict[str, str]:
    """Return every named field: the given values as text, else N for flags, "" for words, "0" for numbers.

    Raises KeyError on a value whose name is not in the block, so a misspelt field cannot pass unseen.
    """
    unknown = values.keys() - set(names)
    if unknown:
        raise KeyError(f"no such field: {sorted(unknown)}")
    return {name: str(values[name]) if name in values else _unknown_value(name) for name in names}


def _unknown_value(name: str) -> str:
    if name.endswith("_yn"):
        return "N"
    return "" if name.endswith(_WORDS) else "0"


def _read() -> dict[str, tuple[str, ...]]:
    blocks: dict[str, list[str]] = {}
    current = ""
    for line in files("kis_simulator.rest").joinpath("fields.txt").read_text("utf-8").splitlines():
        if line.startswith("["):
            current = line.strip("[]")
            blocks[current] = []
        elif line and not line.startswith("#"):
            blocks[current].extend(line.split())
    return {name: tuple(fields) for name, fields in blocks.items()}


_BLOCKS = _read()
PRICE = _BLOCKS["PRICE"]
DAILY_PRICE = _BLOCKS["DAILY_PRICE"]
DAILY_CHART_HEAD = _BLOCKS["DAILY_CHART_HEAD"]
DAILY_CHART_ROWS = _BLOCKS["DAILY_CHART_ROWS"]
INDEX_PRICE = _BLOCKS["INDEX_PRICE"]
INDEX_CHART_HEAD = _BLOCKS["INDEX_CHART_HEAD"]
INDEX_CHART_ROWS = _BLOCKS["INDEX_CHART_ROWS"]
HOLIDAY = _BLOCKS["HOLIDAY"]
BALANCE_ROWS = _BLOCKS["BALANCE_ROWS"]
BALANCE_SUMMARY = _BLOCKS["BALANCE_SUMMARY"]
ORDERABLE = _BLOCKS["ORDERABLE"]
DAILY_ORDERS_ROWS = _BLOCKS["DAILY_ORDERS_ROWS"]
DAILY_ORDERS_SUMMARY = _BLOCKS["DAILY_ORDERS_SUMMARY"]
MINUTE_CHART_HEAD = _BLOCKS["MINUTE_CHART_HEAD"]
MINUTE_CHART_ROWS = _BLOCKS["MINUTE_CHART_ROWS"]
MULTI_PRICE = _BLOCKS["MULTI_PRICE"]
OPEN_ORDERS = _BLOCKS["OPEN_ORDERS"]
