"""What a model refused, said so that a person can mend it: the path as they wrote it, the reason, what to write."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from prime_jennie.domain.errors import BadInput, field_path
from prime_jennie.domain.keys import STRATEGY_NAME_PATTERN
from prime_jennie.domain.symbols import STOCK_CODE_PATTERN
from prime_jennie_operator.resources.meta import NAME_PATTERN
from prime_jennie_operator.resources.overrides import LABEL_PATTERN, QUANTITY_PATTERN
from prime_jennie_operator.resources.scout_schedule import CRON_PATTERN, DURATION_PATTERN, ZONE_PATTERN
from prime_jennie_operator.structural import models_in

UNITS = (
    (re.compile("Pct$"), "a number of percent without a sign, such as 6 for 6 %"),
    (re.compile("Krw$"), "whole KRW without separators or a unit, such as 50000000"),
    (re.compile("Minutes$"), "a number of minutes, such as 15"),
    (re.compile("Days$"), "a number of days, such as 30"),
    (re.compile("PerSecond$"), "a number of calls a second, such as 5"),
)
SHAPES = {
    NAME_PATTERN: "a name of a-z, 0-9 and -, beginning with a letter",
    STRATEGY_NAME_PATTERN: "a name of a-z, 0-9 and -",
    STOCK_CODE_PATTERN: "six of 0-9 and A-Z",
    CRON_PATTERN: "five fields of numbers (minute hour day month weekday), such as 30 8-14 * * 1-5",
    DURATION_PATTERN: "a duration with its unit, such as 30m, 90s or 1h30m",
    ZONE_PATTERN: "an IANA name such as Asia/Seoul",
    QUANTITY_PATTERN: "an amount such as 1, 500m or 512Mi",
    LABEL_PATTERN: "a label's value: letters, digits, -, _ and .",
}


def bad_input(where: str, model: type[BaseModel], error: ValidationError) -> BadInput:
    """Tell the first thing that was refused, and how many more there are."""
    errors = _own(error.errors(include_url=False))
    first = errors[0]
    reason = explain(model, dict(first))
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return BadInput(where, field_path(_as_written(first["loc"])), reason + more)


def explain(model: type[BaseModel], problem: Mapping[str, Any]) -> str:
    """Say one problem in words; pydantic's own where they are clear enough."""
    kind, loc, given = problem["type"], problem["loc"], problem.get("input")
    if kind == "extra_forbidden":
        return "unknown field" + _did_you_mean(str(loc[-1]), _fields_at(model, loc[:-1]))
    if kind == "missing":
        return "missing"
    if kind == "string_type" and isinstance(given, int | float):
        return f"must be text, not {'' if isinstance(given, bool) else 'the number '}{_shown(given)}: put it in quotes"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"must be a mapping of fields, not {_shown(given)}"
    if kind == "tuple_type":
        return f"must be a list, not {_shown(given)}"
    if kind in ("too_short", "too_long"):
        return _length(problem["ctx"])
    if kind.startswith(("int_", "float_")):
        unit = next((text for pattern, text in UNITS if pattern.search(str(loc[-1]))), "a number")
        return f"must be {unit}, not {_shown(given)}"
    if kind in ("literal_error", "enum"):
        expected = str(problem["ctx"]["expected"])
        choices = re.findall(r"'([^']*)'", expected)
        return f"{_shown(given)} is none of {', '.join(choices)}{_did_you_mean(str(given), choices)}"
    if kind == "string_pattern_mismatch":
        pattern = problem["ctx"]["pattern"]
        return f"must be {SHAPES[pattern]}, not {_shown(given)}" if pattern in SHAPES else _unlike(pattern, given)
    message = str(problem["msg"]).removeprefix("Value error, ")
    shown = f", not {_shown(given)}" if isinstance(given, int | float | str) and kind != "value_error" else ""
    return re.sub(r"^(Input|String|List|Tuple|Dictionary) should", "must", message) + shown


def _as_written(loc: tuple[int | str, ...]) -> tuple[int | str, ...]:
    """Leave out pydantic's own marks inside a path, such as function-after[check(), str]."""
    return tuple(part for part in loc if isinstance(part, int) or not re.search(r"[\[\]()]", part))


def _shown(given: Any) -> str:
    words = {True: "true", False: "false", None: "null"}
    is_word = given is None or isinstance(given, bool)
    text = words[given] if is_word else repr(given) if isinstance(given, str) else str(given)
    return text if len(text) <= 60 else text[:57] + "…"


def _own(errors: list[ErrorDetails]) -> list[ErrorDetails]:
    """Leave out that a list is too short where pydantic says so only because it refused one of its entries."""
    return [one for one in errors if one["type"] != "too_short" or not _has_bad_entry(one["loc"], errors)]


def _has_bad_entry(loc: tuple[int | str, ...], errors: list[ErrorDetails]) -> bool:
    return any(len(other["loc"]) > len(loc) and other["loc"][: len(loc)] == loc for other in errors)


def _length(told: Mapping[str, Any]) -> str:
    word, bound = ("at least", told["min_length"]) if "min_length" in told else ("at most", told["max_length"])
    found = "more" if told["actual_length"] is None else told["actual_length"]
    return f"must have {word} {bound} {'entry' if bound == 1 else 'entries'}, not {found}"


def _unlike(pattern: str, given: Any) -> str:
    return f"{_shown(given)} does not match {pattern}"


def _did_you_mean(word: str, choices: list[str]) -> str:
    lowered = {choice.lower(): choice for choice in choices}
    close = get_close_matches(word.lower(), lowered, n=1, cutoff=0.6)
    return f"; did you mean {lowered[close[0]]}?" if close else ""


def _fields_at(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """List the fields, as written in YAML, of the model that a path leads to."""
    current: type[BaseModel] | None = model
    for part in loc:
        if isinstance(part, str) and current is not None:
            field = next((f for name, f in current.model_fields.items() if part in (f.alias, name)), None)
            inner = models_in(field.annotation) if field else []
            current = inner[0] if inner else None
    return [field.alias or name for name, field in current.model_fields.items()] if current else []
