"""Give every part of a spec its base: camelCase outside, strict types, rules the API server can check too."""

import re
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, ClassVar, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from prime_jennie.domain.keys import STRATEGY_NAME_PATTERN

_DAY: Final = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _day(given: object) -> date:
    """Take a day as the API server does: pydantic alone would read 20260219 as seconds since 1970."""
    if isinstance(given, date) and not isinstance(given, datetime):
        return given
    try:
        if isinstance(given, str) and _DAY.fullmatch(given):
            return date.fromisoformat(given)
    except ValueError:
        pass
    raise ValueError(f"must be a day such as 2026-02-19, not {given!r}"[:200])


Day = Annotated[date, BeforeValidator(_day)]
Pct = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Count = Annotated[int, Field(strict=True)]
Flag = Annotated[bool, Field(strict=True)]
DnsLabel = Annotated[str, StringConstraints(pattern=STRATEGY_NAME_PATTERN, max_length=63)]
ParameterName = Annotated[str, StringConstraints(pattern="^[a-z][A-Za-z0-9]*$", max_length=40)]


@dataclass(frozen=True, slots=True)
class CelRule:
    """A cross-field rule as the API server checks it, on the object of the class that lists it."""

    rule: str
    message: str


class Spec(BaseModel):
    """Base of everything in a spec: camelCase outside, unknown fields refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
        serialize_by_alias=True,
        validate_default=True,
    )
    CEL_RULES: ClassVar[tuple[CelRule, ...]] = ()
