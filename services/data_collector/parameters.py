"""What a trigger, or a ScoutSchedule's `parameters`, may ask for."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal, TypeVar

from pydantic import BaseModel, Field, JsonValue, ValidationError

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.model import Record

P = TypeVar("P", bound=BaseModel)


class Kind(StrEnum):
    """The parts of a collection after the close, in their order."""

    DAILY = "daily"
    INDEX = "index"
    MINUTE = "minute"
    CAPS = "caps"
    QUOTES = "quotes"
    CLEANUP = "cleanup"


class CollectParameters(Record):
    """Which parts to collect after the close, and for how many stocks a quote of their own is asked."""

    kinds: tuple[Kind, ...] = Field(default=tuple(Kind), min_length=1)
    quotes: int = Field(default=0, ge=0, le=5_000)
    """Stocks beside watchlist and holdings whose PER, PBR and market cap are asked for, the stalest first."""


class MacroParameters(Record):
    """How far back history is looked at: only what is missing at its end, or also what is missing before its start."""

    history: Literal["tail", "full"] = "tail"


def read_parameters(model: type[P], given: Mapping[str, JsonValue]) -> P:
    """Read a job's parameters; BadInput names the field."""
    try:
        return model.model_validate(given)
    except ValidationError as error:
        raise BadInput.from_validation("parameters", error) from None
