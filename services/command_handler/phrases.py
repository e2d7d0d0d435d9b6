"""Say everything in Korean, and in English for who asks for it."""

from collections.abc import Iterable
from dataclasses import dataclass

from prime_jennie.domain.buying import Reason
from prime_jennie.domain.buying_words import said
from prime_jennie.domain.reader import Language


@dataclass(frozen=True, slots=True)
class Phrase:
    """One line in both languages: plain text, escaped by whoever shows it."""

    ko: str
    en: str

    def said_in(self, language: Language) -> str:
        """Return the line as a chat reads it."""
        return self.en if language is Language.ENGLISH else self.ko

    def __add__(self, other: "Phrase") -> "Phrase":
        return Phrase(self.ko + other.ko, self.en + other.en)


def same(text: object) -> Phrase:
    """Return what reads alike in both languages: names, codes, figures."""
    return Phrase(str(text), str(text))


def worded(reason: Reason) -> Phrase:
    """Say why nothing is bought."""
    return Phrase(said(reason, Language.KOREAN), said(reason, Language.ENGLISH))


def joined(parts: Iterable[Phrase], separator: str = ", ") -> Phrase:
    """Put phrases into one line."""
    parts = list(parts)
    return Phrase(separator.join(part.ko for part in parts), separator.join(part.en for part in parts))


def krw(amount: float) -> Phrase:
    """Write an amount of won."""
    return Phrase(f"{amount:,.0f}원", f"{amount:,.0f} KRW")


def signed_krw(amount: float) -> Phrase:
    """Write a profit or a loss."""
    return Phrase(f"{amount:+,.0f}원", f"{amount:+,.0f} KRW")


def shares(count: int) -> Phrase:
    """Write a number of shares."""
    return Phrase(f"{count:,}주", f"{count:,} shares")
