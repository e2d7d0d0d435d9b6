"""Give every part of a spec its base: camelCase outside, strict types, rules the API server can check too."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

from prime_jennie.domain.keys import STRATEGY_NAME_PATTERN

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
