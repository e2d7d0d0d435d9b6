"""Read what somebody typed: a command, a confirmation, or something else."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from command_handler.phrases import Phrase
from prime_jennie.domain.keys import STRATEGY_NAME_PATTERN

LONGEST_TEXT: Final = 500
CODE_DIGITS: Final = 4
_CONFIRMATION: Final = re.compile(rf"/?(?:확인|confirm)\s+([0-9]{{{CODE_DIGITS}}})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Command:
    """A command's name without its slash, its words, and the strategy that `@name` means."""

    name: str
    words: tuple[str, ...] = ()
    strategy: str | None = None


@dataclass(frozen=True, slots=True)
class Confirmation:
    """The code that somebody was asked to repeat."""

    code: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Text that is no command, and what is wrong with it."""

    why: Phrase


def parse(text: str) -> Command | Confirmation | Unreadable:
    """Return what a text asks for; a bot's name behind the command (`/status@jennie_bot`) is not an argument."""
    if len(text) > LONGEST_TEXT:
        return Unreadable(
            Phrase(
                f"{len(text):,}자는 너무 깁니다 (최대 {LONGEST_TEXT}자)",
                f"{len(text):,} characters are too long (at most {LONGEST_TEXT})",
            )
        )
    line = _one_line(text)
    if found := _CONFIRMATION.fullmatch(line):
        return Confirmation(found[1])
    if not line.startswith("/"):
        return Unreadable(Phrase("명령은 / 로 시작합니다", "A command begins with /"))
    first, *rest = line[1:].split(" ")
    named = [word for word in rest if word.startswith("@")]
    if len(named) > 1:
        return Unreadable(Phrase("@전략은 하나만 적을 수 있습니다", "Only one @strategy may be named"))
    strategy = named[0][1:] if named else None
    if strategy is not None and not re.fullmatch(STRATEGY_NAME_PATTERN, strategy):
        return Unreadable(Phrase(f"@{strategy}: 전략 이름이 아닙니다", f"@{strategy} is no strategy's name"))
    words = tuple(word for word in rest if not word.startswith("@"))
    return Command(first.partition("@")[0].lower(), words, strategy)


def _one_line(text: str) -> str:
    """Return the text without control characters, each Korean syllable as one character (a Mac sends several)."""
    printable = "".join(char if char.isprintable() else " " for char in unicodedata.normalize("NFC", text))
    return " ".join(printable.split())
