"""The simulated book around the last print: one tick wide, as deep as a seeded share of the day's volume."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kis_simulator.exchange.orders import Side
from kis_simulator.market.grid import step_down, step_up
from kis_simulator.market.path import IntradayPath
from kis_simulator.market.reference import Reference

LEVELS = 10
# A level holds half to three and a half mean prints: a small order fits the first level, a large one walks.
_THINNEST = 0.5
_SPREAD_OF_DEPTH = 3.0


@dataclass(frozen=True)
class Level:
    """Price in KRW and shares on offer there."""

    price: int
    quantity: int


@dataclass(frozen=True)
class Quote:
    """Best ask and bid in KRW; 0 where the price limit leaves nobody on that side."""

    ask: int
    bid: int


def quote_at(reference: Reference, path: IntradayPath, index: int) -> Quote:
    """Return the best prices after a print: a buyer's print was the ask, a seller's the bid."""
    price = int(path.price[index])
    if path.buyer_initiated[index]:
        ask, bid = price, step_down(price)
    else:
        ask, bid = step_up(price), price
    if price >= reference.upper_limit:
        ask, bid = 0, price
    if price <= reference.lower_limit:
        ask, bid = price, 0
    return Quote(ask if ask <= reference.upper_limit else 0, bid if bid >= reference.lower_limit else 0)


def levels_at(reference: Reference, path: IntradayPath, index: int, taker: Side, seed: int) -> Iterator[Level]:
    """Yield the levels that a taker meets, best first, up to the day's price limit."""
    quote = quote_at(reference, path, index)
    price = quote.ask if taker is Side.BUY else quote.bid
    mean_print = int(path.cumulative[-1]) / len(path.secs)
    for level in range(LEVELS):
        if price <= 0 or not reference.lower_limit <= price <= reference.upper_limit:
            return
        share = _THINNEST + _SPREAD_OF_DEPTH * _fraction(seed, index, level, taker)
        yield Level(price, max(1, int(mean_print * share * (1 + 0.3 * level))))
        price = step_up(price) if taker is Side.BUY else step_down(price)


def _fraction(seed: int, index: int, level: int, taker: Side) -> float:
    """Return a repeatable number in [0, 1) for one level of one print."""
    mixed = (seed * 1_000_003 + index * 7_919 + level * 104_729 + (taker is Side.BUY) * 15_485_863) & 0xFFFFFFFF
    mixed = (mixed ^ (mixed >> 16)) * 0x45D9F3B & 0xFFFFFFFF
    mixed = (mixed ^ (mixed >> 16)) * 0x45D9F3B & 0xFFFFFFFF
    return (mixed ^ (mixed >> 16)) / 2**32
