"""Daily candles from plain closes, oldest first, one calendar day apart."""

from collections.abc import Sequence
from datetime import date, timedelta

from prime_jennie.domain.market import DailyPrice

FIRST_DAY = date(2025, 1, 1)


def candles(closes: Sequence[int], code: str = "005930", first: date = FIRST_DAY) -> list[DailyPrice]:
    """Return flat candles; a close of 0 makes a halted day that carries the close before it over."""
    made: list[DailyPrice] = []
    for offset, close in enumerate(closes):
        carried = close or made[-1].close_price
        traded = close > 0
        made.append(
            DailyPrice(
                stock_code=code,
                price_date=first + timedelta(days=offset),
                open_price=close,
                high_price=close,
                low_price=close,
                close_price=carried,
                volume=1_000 if traded else 0,
            )
        )
    return made
