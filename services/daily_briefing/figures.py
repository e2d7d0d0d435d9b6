"""Tell whether a text names a figure that is not one of ours."""

import re
import unicodedata
from collections.abc import Iterable
from decimal import Decimal
from typing import Final, NamedTuple

_FIGURE: Final = re.compile(
    r"(?P<sign>[+\-−–])?\s?(?P<number>\d[\d,]*(?:\.\d+)?)\s?(?P<unit>%|퍼센트|프로|percent|pct|원"
    r"|종목|건|승|패|점|포인트|배|[십백천만억조])?",
    re.IGNORECASE,
)
_UNITS: Final = {"퍼센트": "%", "프로": "%", "percent": "%", "pct": "%"}
_WORDS: Final = (
    # 백만 원, 삼천오백 포인트, 두 배, 세 종목, 절반
    re.compile(
        r"(?<![가-힣])[일이삼사오육칠팔구]?[십백천만억조][일이삼사오육칠팔구십백천만억조]*\s?(?:여\s?)?"
        r"(?:원|퍼센트|프로|배|종목|포인트|건)(?<!조건)"
    ),
    re.compile(r"(?<![가-힣])(?:영|일|이|삼|사|오|육|칠|팔|구)(?:퍼센트|프로|종목|포인트)"),
    re.compile(
        r"(?<![가-힣])(?:한|두|세|네|다섯|여섯|일곱|여덟|아홉|열|열한|열두|스무|수십|수백)\s?(?:종목|건|배|자릿수)"
    ),
    re.compile(r"절반|반토막"),
    re.compile(
        r"\b(?:two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|sixty|seventy|eighty"
        r"|ninety|hundred|thousand|million|billion|half|double[ds]?|triple[ds]?|dozen)\b",
        re.IGNORECASE,
    ),
)


class _Figure(NamedTuple):
    value: Decimal
    sign: str
    unit: str


def foreign_figures(text: str, ours: Iterable[str]) -> list[str]:
    """Return what in `text` is a figure and none of those in the lines `ours`, as it is written there.

    Digits must be one of ours with its sign and unit, where they have any; numbers in words are always foreign, as
    nobody can check them.
    """
    known = {figure for line in ours for figure, _ in _figures(line)}
    plain = _plain(text)
    found = [written for figure, written in _figures(plain) if not _is_known(figure, known)]
    return found + [match[0] for pattern in _WORDS for match in pattern.finditer(plain)]


def _figures(text: str) -> list[tuple[_Figure, str]]:
    found = []
    for match in _FIGURE.finditer(_plain(text)):
        sign = {"+": "+", None: ""}.get(match["sign"], "-")
        unit = (match["unit"] or "").lower()
        value = Decimal(match["number"].replace(",", ""))
        found.append((_Figure(value, sign, _UNITS.get(unit, unit)), match[0].strip()))
    return found


def _is_known(figure: _Figure, known: set[_Figure]) -> bool:
    """A bare number may repeat one of ours without its sign or unit; a sign or unit of its own must be ours."""
    return any(
        ours.value == figure.value and figure.sign in ("", ours.sign) and figure.unit in ("", ours.unit)
        for ours in known
    )


def _plain(text: str) -> str:
    """Make full-width, circled and other digits plain, so that none passes unseen."""
    return "".join(
        str(unicodedata.digit(character)) if unicodedata.digit(character, None) is not None else character
        for character in unicodedata.normalize("NFKC", text)
    )
