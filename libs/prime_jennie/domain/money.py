"""Count in whole won, on the exchange's price grid, with the state's and the broker's share."""

from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Annotated, Final

from pydantic import Field

BIGGEST: Final = 2**63 - 1
"""What a BIGINT column holds: a greater number is refused at the edge, not by the database."""

Krw = Annotated[int, Field(strict=True)]
"""Won of either sign (a flow, a profit); never a float, a string or a bool."""
Amount = Annotated[int, Field(strict=True, ge=0, le=BIGGEST)]
"""Won or shares, zero allowed."""
PositiveAmount = Annotated[int, Field(strict=True, gt=0, le=BIGGEST)]
"""Won, above zero."""
Quantity = Annotated[int, Field(strict=True, gt=0, le=BIGGEST)]
"""Shares, above zero."""
Finite = Annotated[float, Field(allow_inf_nan=False)]
"""A float that is a number."""
Price = Annotated[float, Field(gt=0, allow_inf_nan=False)]
"""An average price in won, above zero; averages are the only prices that are not whole."""
Score = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Percent = Annotated[float, Field(ge=0, le=100, allow_inf_nan=False)]
Ratio = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Multiplier = Annotated[float, Field(ge=0.3, le=2.0, allow_inf_nan=False)]
"""A factor on a position or a stop. Zero is no multiplier: "buys blocked" is a flag of its own (rulebook §1.1 ✗)."""
RawMultiplier = Annotated[float, Field(ge=0.0, le=2.0, allow_inf_nan=False)]
"""A factor before it is clamped; the throttle's "no buys" shows here as 0.0."""

_TICKS_KRW: Final = (
    (2_000, 1),
    (5_000, 5),
    (20_000, 10),
    (50_000, 50),
    (200_000, 100),
    (500_000, 500),
)
_TOP_TICK_KRW: Final = 1_000
_PRICE_LIMIT_PCT: Final = 30

COMMISSION_PCT: Final = Decimal("0.0140527")
"""BanKIS online commission each way (rulebook §14.2, February 2026)."""

SELL_TAX_PCT_BY_YEAR: Final = {
    2021: Decimal("0.23"),
    2022: Decimal("0.23"),
    2023: Decimal("0.20"),
    2024: Decimal("0.18"),
    2025: Decimal("0.15"),
    2026: Decimal("0.20"),
}
"""Transaction tax plus rural special tax on a sale, by the year of settlement; KOSPI and KOSDAQ pay the same total."""


def tick_size_krw(price: int) -> int:
    """Return the price step at a price (rulebook §14.1, the exchange's table of 2023)."""
    _demand_positive(price)
    for below, tick in _TICKS_KRW:
        if price < below:
            return tick
    return _TOP_TICK_KRW


def is_on_tick(price: int) -> bool:
    """Tell whether an order at this price stands on the grid."""
    return price % tick_size_krw(price) == 0


def align_down(price: int) -> int:
    """Return the highest price on the grid that is not above `price`."""
    return price - price % tick_size_krw(price)


def align_up(price: int) -> int:
    """Return the lowest price on the grid that is not below `price`."""
    lower = align_down(price)
    # Every step's lower bound is a multiple of both neighbouring ticks, so one tick up never jumps over a bound.
    return lower if lower == price else lower + tick_size_krw(price)


def price_limits_krw(base: int) -> tuple[int, int]:
    """Return the day's lowest and highest price: ±30 % of the base, the width cut to the base's own tick."""
    _demand_positive(base)
    spread = base * _PRICE_LIMIT_PCT // 100
    spread -= spread % tick_size_krw(base)
    lower, upper = align_up(base - spread), align_down(base + spread)
    return max(1, lower), upper


def commission_krw(amount: int) -> int:
    """Return the broker's commission on a traded amount, fractions of a won dropped."""
    _demand_not_negative(amount)
    return _percent_of(amount, COMMISSION_PCT)


def sell_tax_krw(amount: int, settlement_date: date) -> int:
    """Return the tax on a sale that settles on a day (T+2 sessions), fractions of a won dropped.

    A year before the table raises ValueError; one after it takes the newest known rate.
    """
    _demand_not_negative(amount)
    # The law of a coming year is known late; a sale of its eve must be booked all the same.
    rate = SELL_TAX_PCT_BY_YEAR.get(min(settlement_date.year, max(SELL_TAX_PCT_BY_YEAR)))
    if rate is None:
        raise ValueError(f"no sell tax is known for a settlement in {settlement_date.year}")
    return _percent_of(amount, rate)


def _percent_of(amount: int, rate_pct: Decimal) -> int:
    return int((Decimal(amount) * rate_pct / 100).to_integral_value(ROUND_FLOOR))


def _demand_positive(price: int) -> None:
    if price <= 0:
        raise ValueError(f"a price must be above zero, not {price}")


def _demand_not_negative(amount: int) -> None:
    if amount < 0:
        raise ValueError(f"an amount must not be negative, not {amount}")
