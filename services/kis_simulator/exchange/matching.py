"""Match orders against the day's made path.

An arriving order takes what the simulated book offers up to its limit and rests with the remainder. A resting limit
order trades at its own price when prints reach it, never more than a share of the print's volume, best price first,
then oldest. The opening and closing crosses trade at the auction's one price. Our own trades are part of the path's
volume: they never move it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kis_simulator.exchange.book import Level, levels_at
from kis_simulator.exchange.orders import Order, Pricing, Side
from kis_simulator.market.path import IntradayPath
from kis_simulator.market.reference import Reference

PARTICIPATION = 0.25


@dataclass(frozen=True)
class Trade:
    """Shares that an order trades at one price, in KRW."""

    order: Order
    quantity: int
    price: int


@dataclass
class PrintState:
    """What our own orders took of one stock's latest print; a new print starts anew."""

    index: int = -1
    taken_buying: int = 0
    taken_selling: int = 0

    def move_to(self, index: int) -> None:
        """Forget what was taken of an older print."""
        if index != self.index:
            self.index, self.taken_buying, self.taken_selling = index, 0, 0

    def taken(self, taker: Side) -> int:
        """Return the shares that takers of a side took already."""
        return self.taken_buying if taker is Side.BUY else self.taken_selling

    def take(self, taker: Side, quantity: int) -> None:
        """Note shares taken."""
        if taker is Side.BUY:
            self.taken_buying += quantity
        else:
            self.taken_selling += quantity


class Matcher:
    """Work out trades of one stock; books nothing."""

    def __init__(self, reference: Reference, path: IntradayPath, seed: int) -> None:
        """Bind the stock's day."""
        self._reference = reference
        self._path = path
        self._seed = seed
        self._state = PrintState()

    def arrive(self, order: Order, index: int) -> list[Trade]:
        """Trade an order against the book as it stands after print `index`."""
        return self._take(order, index)

    def cross(self, orders: Iterable[Order], index: int) -> list[Trade]:
        """Trade everything that accepts an auction's price, at that price, up to the auction's volume a side."""
        price, volume = int(self._path.price[index]), int(self._path.volume[index])
        self._state.move_to(index)
        trades: list[Trade] = []
        for side in Side:
            left = volume
            for order in _by_priority(orders, side):
                quantity = min(order.remaining_qty, left) if _accepts(order, price) else 0
                if quantity:
                    trades.append(Trade(order, quantity, price))
                    left -= quantity
        return trades

    def follow(self, orders: Iterable[Order], index: int) -> list[Trade]:
        """Trade resting orders on a continuous print: market orders against the book, limits at their own price."""
        trades: list[Trade] = []
        price, volume = int(self._path.price[index]), int(self._path.volume[index])
        for side in Side:
            left = max(1, int(volume * PARTICIPATION)) if volume else 0
            for order in _by_priority(orders, side):
                if order.instruction.pricing is Pricing.MARKET:
                    trades.extend(self._take(order, index))
                elif _accepts(order, price) and left:
                    quantity = min(order.remaining_qty, left)
                    trades.append(Trade(order, quantity, order.instruction.price))
                    left -= quantity
        return trades

    def _take(self, order: Order, index: int) -> list[Trade]:
        side = order.instruction.side
        self._state.move_to(index)
        levels = levels_at(self._reference, self._path, index, side, self._seed)
        trades = [
            Trade(order, level.quantity, level.price)
            for level in _walk(levels, self._state.taken(side), order.remaining_qty)
            if _accepts(order, level.price)
        ]
        self._state.take(side, sum(trade.quantity for trade in trades))
        return trades


def _walk(levels: Iterable[Level], taken: int, wanted: int) -> list[Level]:
    """Return what is left of each level after `taken` shares, until `wanted` shares are found."""
    found: list[Level] = []
    for level in levels:
        here = max(0, level.quantity - taken)
        taken = max(0, taken - level.quantity)
        quantity = min(here, wanted)
        if quantity:
            found.append(Level(level.price, quantity))
            wanted -= quantity
        if wanted == 0:
            break
    return found


def _accepts(order: Order, price: int) -> bool:
    """Tell whether an order would trade at a price."""
    instruction = order.instruction
    if instruction.pricing is Pricing.MARKET:
        return True
    return price <= instruction.price if instruction.side is Side.BUY else price >= instruction.price


def _by_priority(orders: Iterable[Order], side: Side) -> list[Order]:
    """Return one side's open orders: market first, then best price, then oldest number."""

    def rank(order: Order) -> tuple[int, str]:
        if order.instruction.pricing is Pricing.MARKET:
            return (-(10**12), order.number)
        price = order.instruction.price
        return (-price if side is Side.BUY else price, order.number)

    return sorted((o for o in orders if o.instruction.side is side and o.remaining_qty), key=rank)
