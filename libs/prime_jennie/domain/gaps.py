"""Say what should be known and is not: a gap is recorded, never filled by a guess."""

from datetime import date
from enum import StrEnum

from pydantic import Field

from prime_jennie.domain.model import Record


class GapKind(StrEnum):
    """Why something is missing, or is less than it looks."""

    SOURCE = "source"
    """No source is at hand for this input; the subject names it."""
    APPROXIMATE = "approximate"
    """Known by an approximation only."""
    HISTORY = "history"
    """The exchange has no bars up to the previous session; it is not asked again for that day."""
    HOLES = "holes"
    """Sessions without a bar between others."""
    UNQUOTED = "unquoted"
    """No usable quote: the stock vanished, is not listed yet, or its figures make no sense."""
    HALTED = "halted"
    """Not one share traded: the close is carried over."""
    NEW = "new"
    """The stock's first bar."""
    ADJUSTED = "adjusted"
    """The day's base is not the last close that is stored: a corporate action."""
    BAD = "bad"
    """The figures contradict themselves and were kept out."""
    FAILED = "failed"
    """The question was not answered; the next run asks again."""


class DataGap(Record):
    """One thing that is not known of a day; the subject is a stock, an index, an input, or "" for all of a kind."""

    kind: GapKind
    subject: str = Field(default="", max_length=64)
    day: date
    reason: str = Field(min_length=1)
