"""Compare what the broker holds with what the books say, five ways, and plan corrections; the broker wins.

The broker knows shares of an account, not of a strategy: what it holds beyond the books was bought elsewhere and
belongs to no strategy, what it lacks was sold elsewhere and is taken from the positions bought last.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from prime_jennie.domain.holdings import (
    BookedShares,
    BrokerHolding,
    Correction,
    Owned,
    OwnPosition,
    RebuiltPosition,
)
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.positions import sold_cost_krw

PRICE_TOLERANCE_PCT: Final = 0.5


class Way(StrEnum):
    """How broker and books compare in one stock."""

    MATCHED = "matched"
    QUANTITY_DIFFERS = "quantity_differs"
    PRICE_DIFFERS = "price_differs"
    ONLY_AT_BROKER = "only_at_broker"
    ONLY_IN_BOOKS = "only_in_books"


@dataclass(frozen=True)
class Comparison:
    """One stock of the account; `busy` stocks have an order or a booking under way and are not judged."""

    stock_code: str
    stock_name: str
    way: Way
    broker_quantity: int
    own_quantity: int
    strategies: tuple[str, ...]
    broker_price: float | None = None
    own_price: float | None = None
    busy: bool = False

    @property
    def unattributed(self) -> int:
        """Return the shares that no strategy bought; they are shown and never sold."""
        return 0 if self.busy else max(0, self.broker_quantity - self.own_quantity)

    @property
    def missing(self) -> int:
        """Return the shares of strategies that the broker no longer holds."""
        return 0 if self.busy else max(0, self.own_quantity - self.broker_quantity)


def compare(
    broker: Iterable[BrokerHolding],
    executed: Mapping[Owned, int],
    positions: Iterable[OwnPosition],
    busy: Collection[str] = (),
) -> list[Comparison]:
    """Compare every stock that either side holds, by stock code; `executed` are shares by fills and corrections."""
    held = {holding.stock_code: holding for holding in broker}
    own: dict[str, dict[str, int]] = {}
    for (strategy, code), quantity in executed.items():
        if quantity > 0:
            own.setdefault(code, {})[strategy] = quantity
    paid: dict[str, list[OwnPosition]] = {}
    for position in positions:
        paid.setdefault(position.stock_code, []).append(position)
    return [
        _compared(code, held.get(code), own.get(code, {}), paid.get(code, []), code in busy)
        for code in sorted(held.keys() | own.keys())
    ]


def plan_corrections(comparison: Comparison, positions: Sequence[OwnPosition]) -> list[Correction]:
    """Take the missing shares from the stock's positions, the one bought last first."""
    missing = comparison.missing
    corrections = []
    of_stock = [position for position in positions if position.stock_code == comparison.stock_code]
    for position in sorted(of_stock, key=lambda one: (one.bought_at, one.strategy), reverse=True):
        taken = min(missing, position.quantity)
        if taken:
            missing -= taken
            corrections.append(
                Correction(
                    position.strategy,
                    position.stock_code,
                    position.position_id,
                    position.quantity,
                    position.quantity - taken,
                )
            )
    return corrections


def drift_of(comparisons: Iterable[Comparison], books_differ: Iterable[Owned] = ()) -> dict[str, tuple[str, ...]]:
    """Return strategy → stocks whose position is not what broker and fills say; shares of others are no drift."""
    found: dict[str, set[str]] = {}
    for comparison in comparisons:
        if comparison.missing:
            for strategy in comparison.strategies:
                found.setdefault(strategy, set()).add(comparison.stock_code)
    for strategy, code in books_differ:
        found.setdefault(strategy, set()).add(code)
    return {strategy: tuple(sorted(codes)) for strategy, codes in sorted(found.items())}


def differing(booked: Mapping[Owned, int], positions: Iterable[OwnPosition]) -> list[Owned]:
    """Return where active_portfolio is not what booked trades and corrections sum to."""
    rows = {(position.strategy, position.stock_code): position.quantity for position in positions}
    return sorted(owned for owned in booked.keys() | rows.keys() if booked.get(owned, 0) != rows.get(owned, 0))


def rebuild(trades: Iterable[BookedShares]) -> RebuiltPosition:
    """Replay a stock's trades, oldest first; a sale takes its share of the cost, at most what there is."""
    quantity = cost = commission = 0
    bought_at: datetime | None = None
    for trade in trades:
        if trade.side is TradeType.BUY:
            bought_at = trade.at if quantity == 0 else bought_at
            quantity += trade.quantity
            cost += trade.amount_krw
            commission += trade.commission_krw
            continue
        taken = min(trade.quantity, quantity)
        if taken:
            cost -= sold_cost_krw(cost, quantity, taken)
            commission -= sold_cost_krw(commission, quantity, taken)
            quantity -= taken
    return RebuiltPosition(quantity, cost, commission, bought_at) if quantity else RebuiltPosition()


def _compared(
    code: str, held: BrokerHolding | None, own: Mapping[str, int], positions: Sequence[OwnPosition], busy: bool
) -> Comparison:
    own_quantity = sum(own.values())
    broker_quantity = held.quantity if held is not None else 0
    shares = sum(position.quantity for position in positions)
    own_price = sum(position.quantity * position.average_price for position in positions) / shares if shares else None
    broker_price = held.average_price if held is not None else None
    return Comparison(
        stock_code=code,
        stock_name=held.stock_name if held is not None else code,
        way=_way(broker_quantity, own_quantity, broker_price, own_price),
        broker_quantity=broker_quantity,
        own_quantity=own_quantity,
        strategies=tuple(sorted(own)),
        broker_price=broker_price,
        own_price=own_price,
        busy=busy,
    )


def _way(broker_quantity: int, own_quantity: int, broker_price: float | None, own_price: float | None) -> Way:
    if own_quantity == 0:
        return Way.ONLY_AT_BROKER
    if broker_quantity == 0:
        return Way.ONLY_IN_BOOKS
    if broker_quantity != own_quantity:
        return Way.QUANTITY_DIFFERS
    if broker_price and own_price and abs(own_price / broker_price - 1) * 100 > PRICE_TOLERANCE_PCT:
        return Way.PRICE_DIFFERS
    return Way.MATCHED
