"""Give every domain model its base: immutable, and strict about what it does not know."""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict


def _in_utc(at: datetime) -> datetime:
    return at if at.tzinfo is UTC else at.astimezone(UTC)


Timestamp = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An aware moment, UTC inside and on the wire; a naive one is refused."""


class Record(BaseModel):
    """Refuse unknown fields: a misspelt field is an error, never a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Message(BaseModel):
    """Ignore unknown fields: a newer producer's optional field must not break an older consumer."""

    model_config = ConfigDict(frozen=True, extra="ignore")
