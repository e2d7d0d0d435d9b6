"""Read single arguments: numbers as people write them, on and off."""

import re
from typing import Final

from command_handler.phrases import Phrase
from command_handler.replies import WrongArgument

_NUMBER: Final = re.compile(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,12})")
_ON: Final = frozenset({"on", "켜기", "켬"})
_OFF: Final = frozenset({"off", "끄기", "끔"})
ALL_SHARES: Final = frozenset({"전량", "all"})


def whole_number(word: str, what: Phrase, *, least: int = 1, most: int = 10**9, unit: str = "") -> int:
    """Read 10, 1,000 or 1000원; raise WrongArgument naming what it should have been."""
    text = word.removesuffix(unit) if unit else word
    found = _NUMBER.fullmatch(text)
    number = int(found[1].replace(",", "")) if found else None
    if number is None or not least <= number <= most:
        raise WrongArgument(
            Phrase(
                f"'{word}': {what.ko}은(는) {least:,}~{most:,}의 정수여야 합니다",
                f"'{word}': {what.en} must be a whole number from {least:,} to {most:,}",
            )
        )
    return number


def looks_like_number(word: str) -> bool:
    """Tell whether a word is meant as a number, a wrong one (-3, 1.5) included."""
    return re.fullmatch(r"[+-]?[0-9][0-9,.]*[원주]?", word) is not None


def switch(word: str) -> bool:
    """Read on or off."""
    if word.lower() in _ON:
        return True
    if word.lower() in _OFF:
        return False
    raise WrongArgument(Phrase(f"'{word}': on 또는 off를 적으십시오", f"'{word}': say on or off"))


def no_words(words: tuple[str, ...]) -> None:
    """Refuse arguments that a command does not take."""
    if words:
        raise WrongArgument(
            Phrase(f"이 명령은 '{words[0]}' 같은 인수를 받지 않습니다", f"this command takes no '{words[0]}'")
        )
