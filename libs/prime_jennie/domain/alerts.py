"""Tell a person what happened, once."""

from enum import StrEnum

from pydantic import Field

from prime_jennie.domain.model import Message, Timestamp

LONGEST_TITLE = 200
LONGEST_TEXT = 3_000  # with its title and service it fits one Telegram message even after escaping a few characters


class AlertLevel(StrEnum):
    """How soon a person should look."""

    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"
    CRITICAL = "CRITICAL"


class Alert(Message):
    """One thing a person should know, in Korean; plain text, escaped by whoever shows it.

    `key` names the event (`daily-loss:krx-core:2025-02-14`): alerts of one key reach a person once.
    """

    level: AlertLevel
    title: str = Field(min_length=1, max_length=LONGEST_TITLE)
    text: str = Field(max_length=LONGEST_TEXT)
    service: str = Field(min_length=1, max_length=100)
    at: Timestamp
    strategy: str | None = None
    key: str = Field(min_length=1, max_length=200)


def shortened(text: str, longest: int) -> str:
    """Return `text` within `longest` characters, ending in … where something was left out."""
    return text if len(text) <= longest else text[: longest - 1] + "…"
