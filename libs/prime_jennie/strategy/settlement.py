"""Settle a strategy's day at market prices: from its trades alone, so that a past day comes out as it was.

Realised and unrealised results are after commission and sell tax, as everywhere in this house; the rulebook's
(price − average) × shares stands in each position's metadata as `gross_pnl`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import accumulate
from typing import Final

from prime_jennie.domain.holdings import BookedShares
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.settlement import DaySummary, SettledPosition, Settlement
from prime_jennie.strategy.pnl import unrealised_profit_krw, win_rate
from prime_jennie.strategy.position_sync import rebuild

BEST_PROFIT_FACTOR: Final = 999.99


@dataclass(frozen=True)
class SettledTrade:
    """One booked execution, or shares that a correction took out (then without money and order)."""

    stock_code: str
    stock_name: str
    side: TradeType
    quantity: int
    at: datetime
    order_id: str = ""
    amount_krw: int = 0
    commission_krw: int = 0
    profit_krw: int | None = None
    """Of a sale, after the costs of both sides; None where its shares had no known cost."""


@dataclass(frozen=True)
class MarketPrice:
    """A price at the end of the day, with its source and moment."""

    price_krw: int
    source: str
    at: datetime


def settle(
    trades: Sequence[SettledTrade],
    prices: Mapping[str, MarketPrice],
    *,
    day_begins: datetime,
    settles_on: date,
    at: datetime,
    capital_krw: int | None = None,
    missing: Mapping[str, str] | None = None,
) -> Settlement:
    """Settle the day that began at `day_begins`; `trades` are all of the strategy up to its end, oldest first.

    `settles_on` dates the sell tax, `capital_krw` is what the drawdown is a share of, `missing` says why a stock has
    no price.
    """
    of_stock = _of_stock(trades)
    settled = [
        _settled(code, own, prices.get(code), day_begins, settles_on, at, (missing or {}).get(code, "no price"))
        for code, own in sorted(of_stock.items())
    ]
    positions = tuple(position for position in settled if position is not None)
    realized = sum(position.realized_pnl for position in positions)
    unrealized = sum(position.unrealized_pnl or 0 for position in positions)
    held = [position for position in positions if position.qty]
    return Settlement(
        positions=positions,
        realized_pnl=realized,
        unrealized_pnl=unrealized,
        total_pnl=realized + unrealized,
        stock_value=sum(position.qty * position.current_price for position in held if position.current_price),
        invested=sum(_invested_krw(of_stock[position.symbol]) for position in held),
        realized_to_date=sum(trade.profit_krw or 0 for trade in trades),
        missing_prices=tuple(position.symbol for position in held if position.current_price is None),
        summary=summary_of(trades, unrealized, day_begins=day_begins, capital_krw=capital_krw),
    )


def held_codes(trades: Iterable[SettledTrade]) -> list[str]:
    """Return the stocks of which a strategy's trades leave shares."""
    return sorted(code for code, own in _of_stock(trades).items() if rebuild(_booked(own)).quantity)


def summary_of(
    trades: Sequence[SettledTrade], unrealized_krw: int, *, day_begins: datetime, capital_krw: int | None
) -> DaySummary:
    """Count the day's closed sales, order by order; a sale without a known profit counts as neither won nor lost."""
    profits: dict[str, int] = {}
    for trade in trades:
        if trade.side is TradeType.SELL and trade.order_id and trade.at >= day_begins:
            profits[trade.order_id] = profits.get(trade.order_id, 0) + (trade.profit_krw or 0)
    won = sum(profit for profit in profits.values() if profit > 0)
    lost = -sum(profit for profit in profits.values() if profit < 0)
    return DaySummary(
        total_trades=len(profits),
        winning_trades=sum(profit > 0 for profit in profits.values()),
        losing_trades=sum(profit < 0 for profit in profits.values()),
        gross_profit=won,
        gross_loss=lost,
        net_pnl=won - lost,
        unrealized_pnl=unrealized_krw,
        max_drawdown=_day_drawdown(list(profits.values()), unrealized_krw, capital_krw),
        win_rate=win_rate(profits.values()) or 0.0,
        profit_factor=profit_factor(won, lost),
    )


def profit_factor(gross_profit_krw: int, gross_loss_krw: int) -> float:
    """Return profit ÷ loss, at most 999.99, which also stands for profits without a loss; 0 without either."""
    if gross_loss_krw == 0:
        return BEST_PROFIT_FACTOR if gross_profit_krw else 0.0
    return min(BEST_PROFIT_FACTOR, round(gross_profit_krw / gross_loss_krw, 4))


def max_drawdown(values: Iterable[int]) -> float:
    """Return the deepest fall from a peak as a share of the peak, 0 to 1; values at or under zero count as all lost."""
    peak, deepest = 0, 0.0
    for value in values:
        peak = max(peak, value)
        if peak > 0:
            deepest = max(deepest, min(1.0, (peak - value) / peak))
    return deepest


def _day_drawdown(profits_krw: Sequence[int], unrealized_krw: int, capital_krw: int | None) -> float:
    """Follow the capital through the day's sales to its value at the end."""
    if capital_krw is None or capital_krw <= 0:
        return 0.0
    steps = list(accumulate([capital_krw, *profits_krw]))
    return round(max_drawdown([*steps, steps[-1] + unrealized_krw]), 6)


def _settled(
    code: str,
    trades: Sequence[SettledTrade],
    price: MarketPrice | None,
    day_begins: datetime,
    settles_on: date,
    at: datetime,
    why_missing: str,
) -> SettledPosition | None:
    rebuilt = rebuild(_booked(trades))
    today = [trade for trade in trades if trade.at >= day_begins]
    if not rebuilt.quantity and not today:
        return None
    sold = [trade for trade in today if trade.side is TradeType.SELL and trade.order_id]
    realized = sum(trade.profit_krw or 0 for trade in sold)
    metadata: dict[str, object] = {"stock_name": trades[-1].stock_name}
    if any(trade.profit_krw is None for trade in sold):
        metadata["profit"] = "a sale of shares without a known cost is not counted"
    unrealized: int | None = 0
    current: int | None = None
    if rebuilt.quantity and price is None:
        unrealized = None
        metadata["price"] = f"missing: {why_missing}"
    elif rebuilt.quantity and price is not None:
        current = price.price_krw
        unrealized = unrealised_profit_krw(rebuilt.cost_krw, rebuilt.quantity, current, settles_on)
        metadata |= {
            "price_source": price.source,
            "price_at": price.at.isoformat(),
            "gross_pnl": current * rebuilt.quantity - rebuilt.cost_krw,
        }
    return SettledPosition(
        symbol=code,
        qty=rebuilt.quantity,
        avg_price=round(rebuilt.cost_krw / rebuilt.quantity, 4) if rebuilt.quantity else 0.0,
        current_price=current,
        timestamp=at,
        realized_pnl=realized,
        unrealized_pnl=unrealized,
        total_pnl=realized + (unrealized or 0),
        metadata=metadata,
    )


def _of_stock(trades: Iterable[SettledTrade]) -> dict[str, list[SettledTrade]]:
    of_stock: dict[str, list[SettledTrade]] = {}
    for trade in trades:
        of_stock.setdefault(trade.stock_code, []).append(trade)
    return of_stock


def _invested_krw(trades: Iterable[SettledTrade]) -> int:
    rebuilt = rebuild(_booked(trades))
    return rebuilt.cost_krw + rebuilt.commission_krw


def _booked(trades: Iterable[SettledTrade]) -> list[BookedShares]:
    return [
        BookedShares(trade.side, trade.quantity, trade.at, trade.amount_krw, trade.commission_krw) for trade in trades
    ]
