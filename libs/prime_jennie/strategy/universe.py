"""Which stocks are scored and which may be listed, by what was known on the morning of the day (rulebook §3).

The whole market is scored, so that sectors and ranks mean something; the floors bound only what may be bought.
"""

from dataclasses import dataclass
from typing import Final

from prime_jennie.domain.symbols import Exclusion

CHECKED_KINDS: Final = (Exclusion.PREFERRED, Exclusion.SPAC)
"""What code and name tell. Managed, warned and overheated stocks are named by no source of many quotes."""
_COMMON_SHARE_ENDING: Final = "0"
_SPAC_WORDS: Final = ("스팩", "기업인수목적")


def kinds_of(stock_code: str, stock_name: str) -> tuple[Exclusion, ...]:
    """Return the kinds that a code and a name give away.

    A common share's code ends with 0. A name proves no preferred share: 미래에셋대우 ended like one and was none.
    """
    found = []
    if not stock_code.endswith(_COMMON_SHARE_ENDING):
        found.append(Exclusion.PREFERRED)
    if any(word in stock_name for word in _SPAC_WORDS):
        found.append(Exclusion.SPAC)
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Floors:
    """What a stock needs to be listed; KRW."""

    price_krw: int
    turnover_krw: int
    top: int
    """How many of the most traded are looked at; 0 for all."""
    exclude: tuple[Exclusion, ...] = CHECKED_KINDS


@dataclass(frozen=True, slots=True)
class Tradability:
    """What the floors look at."""

    stock_code: str
    kinds: tuple[Exclusion, ...]
    price_krw: float
    turnover_krw: float
    """Mean of the last 20 sessions."""
    traded_last: bool


def candidates_of(stocks: list[Tradability], floors: Floors) -> list[str]:
    """Return the codes that may be listed, the most traded first; a stock that did not trade last is halted."""
    fit = [
        stock
        for stock in stocks
        if stock.traded_last
        and stock.price_krw >= floors.price_krw
        and stock.turnover_krw >= floors.turnover_krw
        and not set(stock.kinds) & set(floors.exclude)
    ]
    fit.sort(key=lambda stock: (-stock.turnover_krw, stock.stock_code))
    return [stock.stock_code for stock in (fit[: floors.top] if floors.top else fit)]
