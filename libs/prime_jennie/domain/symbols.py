"""Name what is traded."""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints, TypeAdapter, ValidationError

from prime_jennie.domain.model import Record
from prime_jennie.domain.money import Amount
from prime_jennie.domain.sectors import SectorGroup

STOCK_CODE_PATTERN = "^[0-9A-Z]{6}$"
StockCode = Annotated[str, StringConstraints(strict=True, pattern=STOCK_CODE_PATTERN, min_length=6, max_length=6)]
"""Six of 0-9 and A-Z: the exchange lists codes such as 0004Y0 (rulebook §1.1 ✗ digits only)."""

_STOCK_CODE: TypeAdapter[str] = TypeAdapter(StockCode)


class Market(StrEnum):
    """The board a stock is listed on."""

    KOSPI = "KOSPI"
    KOSDAQ = "KOSDAQ"


class Exclusion(StrEnum):
    """Kinds of stocks that a scout leaves out."""

    MANAGED = "managed"
    WARNING = "warning"
    OVERHEATED = "overheated"
    PREFERRED = "preferred"
    SPAC = "spac"


class StockMaster(Record):
    """Describe a listed stock."""

    stock_code: StockCode
    stock_name: str = Field(min_length=1)
    market: Market
    market_cap: Amount | None = None
    """KRW: sources count in millions or hundred-millions, so the importer converts (rulebook §3 ✗)."""
    sector_naver: str | None = None
    sector_group: SectorGroup | None = None
    is_active: bool = True


def is_stock_code(text: object) -> bool:
    """Tell whether a value is a well-formed stock code."""
    try:
        _STOCK_CODE.validate_python(text)
    except ValidationError:
        return False
    return True
