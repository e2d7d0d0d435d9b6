"""Make the day's bars of quotes taken after the close, and say which figures were not believed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from prime_jennie.domain.gaps import DataGap, GapKind
from prime_jennie.domain.market import DailyPrice, Snapshots, StockSnapshot

# A change of two decimals tells its base within a hundredth of a per cent; a split or a dividend moves it by far more.
_SAME_BASE = 0.02


@dataclass(frozen=True)
class DayBars:
    """The bars that make sense, what is to be said about the others, and stocks whose earlier bars may be stale."""

    bars: tuple[DailyPrice, ...]
    gaps: tuple[DataGap, ...]
    rebased: tuple[str, ...]


def day_bars(quotes: Snapshots, day: date, closes_before: Mapping[str, int]) -> DayBars:
    """Judge each quote by itself; `closes_before` are the last session's stored closes, empty before any history."""
    bars: list[DailyPrice] = []
    gaps = [
        DataGap(kind=GapKind.UNQUOTED, subject=code, day=day, reason=_unquoted(code, reason, closes_before))
        for code, reason in quotes.missing.items()
    ]
    rebased: list[str] = []
    for quote in quotes.snapshots:
        if reason := contradiction(quote):
            gaps.append(_gap(GapKind.BAD, quote, day, reason))
            continue
        bars.append(_bar(quote, day))
        before = closes_before.get(quote.stock_code)
        if quote.volume == 0:
            gaps.append(_gap(GapKind.HALTED, quote, day, f"no share traded: {quote.price:,} is carried over"))
        elif before is None:
            if closes_before:
                gaps.append(_gap(GapKind.NEW, quote, day, "no bar of the session before"))
        elif abs(base_krw(quote) / before - 1) > _SAME_BASE:
            rebased.append(quote.stock_code)
            gaps.append(_gap(GapKind.ADJUSTED, quote, day, f"based on {base_krw(quote):,.0f}, stored is {before:,}"))
    return DayBars(tuple(bars), tuple(gaps), tuple(rebased))


def contradiction(quote: StockSnapshot) -> str:
    """Say what is wrong with a day's figures; "" for nothing."""
    if quote.volume == 0:
        return ""
    if not quote.open_price or not quote.high_price or not quote.low_price:
        return f"{quote.volume:,} shares traded without open, high or low"
    if quote.low_price > min(quote.open_price, quote.price):
        return f"low {quote.low_price:,} above open {quote.open_price:,} or close {quote.price:,}"
    if quote.high_price < max(quote.open_price, quote.price):
        return f"high {quote.high_price:,} below open {quote.open_price:,} or close {quote.price:,}"
    if quote.change_pct <= -100:
        return f"a change of {quote.change_pct:+.2f} %"
    return ""


def base_krw(quote: StockSnapshot) -> float:
    """Return the price that the exchange measures the day's change against, to within the change's two decimals."""
    return quote.price / (1 + quote.change_pct / 100)


def carried(bar: DailyPrice) -> DailyPrice:
    """Return the bar as an import would store it: a day without trading stands at its carried close throughout."""
    if bar.volume:
        return bar
    close = bar.close_price
    return bar.model_copy(update={"open_price": close, "high_price": close, "low_price": close})


def _bar(quote: StockSnapshot, day: date) -> DailyPrice:
    price = quote.price
    traded = quote.volume > 0
    return DailyPrice(
        stock_code=quote.stock_code,
        price_date=day,
        open_price=quote.open_price if traded else price,
        high_price=quote.high_price if traded else price,
        low_price=quote.low_price if traded else price,
        close_price=price,
        volume=quote.volume,
        change_pct=quote.change_pct,
    )


def _unquoted(code: str, reason: str, closes_before: Mapping[str, int]) -> str:
    return f"had a bar the session before, now {reason}" if code in closes_before else reason


def _gap(kind: GapKind, quote: StockSnapshot, day: date, reason: str) -> DataGap:
    return DataGap(kind=kind, subject=quote.stock_code, day=day, reason=reason)
