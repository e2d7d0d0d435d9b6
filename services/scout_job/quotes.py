"""The quotes of many stocks while the exchange is open: batched, each with a reason where it is missing."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.market import StockSnapshot
from prime_jennie.domain.ports import Clock, Gateway
from prime_jennie.infra.outages import OUTAGES

BATCH: Final = 90  # three of the broker's calls: one that fails costs few stocks
FRESH: Final = timedelta(minutes=10)
LEAST_SHARE: Final = 0.5
"""With fewer quotes the market of now is unknown, and a list made of last closes would pass for one of now."""


@dataclass(frozen=True)
class Quotes:
    """Quotes by stock code, and why others are missing."""

    found: dict[str, StockSnapshot] = field(default_factory=dict)
    missing: dict[str, str] = field(default_factory=dict)


async def quotes_now(
    gateway: Gateway, clock: Clock, codes: Sequence[str], report: Callable[[int], Awaitable[None]]
) -> Quotes:
    """Return the quotes of the codes; `report` takes how many were asked for so far.

    A batch that the gateway does not answer costs its own stocks. Raises Unavailable when that leaves less than half.
    """
    quotes = Quotes()
    for start in range(0, len(codes), BATCH):
        batch = codes[start : start + BATCH]
        try:
            answer = await gateway.snapshots(batch)
        except OUTAGES as error:
            quotes.missing.update(dict.fromkeys(batch, f"{type(error).__name__}: {error}"))
        else:
            quotes.missing.update(answer.missing)
            for snapshot in answer.snapshots:
                _take(quotes, snapshot, clock)
        await report(start + len(batch))
    if len(quotes.found) < LEAST_SHARE * len(codes):
        reason = next(iter(quotes.missing.values()), "no answer")
        raise Unavailable(f"quotes of {len(quotes.found)} of {len(codes)} stocks: {reason}")
    return quotes


def _take(quotes: Quotes, snapshot: StockSnapshot, clock: Clock) -> None:
    age = clock.now() - snapshot.timestamp
    if age > FRESH:
        quotes.missing[snapshot.stock_code] = f"the quote is {age} old"
    else:
        quotes.found[snapshot.stock_code] = snapshot
