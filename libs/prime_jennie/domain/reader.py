"""Say in which language a person reads."""

from enum import StrEnum


class Language(StrEnum):
    """What a reader reads."""

    KOREAN = "ko"
    ENGLISH = "en"
