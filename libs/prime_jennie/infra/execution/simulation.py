"""Know whether a person wants orders recorded instead of sent."""

import asyncio
from contextlib import suppress
from typing import Final

from prime_jennie.domain.orders import OrderRequest
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.overrides import Overrides

ORDER_NO: Final = "DRYRUN-0000"
DRY_RUN: Final = "dry_run"
"""The outcome of a message whose order was only recorded."""
POLL_SECS: Final = 2.0  # real


class DryRun:
    """The strategy's dry run, for decisions and for /health; `last` is what was read last."""

    def __init__(self, db: Database, strategy: str) -> None:
        self._overrides = Overrides(db)
        self._strategy = strategy
        self.last = False

    async def is_on(self) -> bool:
        """Read it anew; a database that does not answer raises, and nothing is sent then."""
        self.last = await self._overrides.dry_run(self._strategy)
        return self.last

    async def watch(self) -> None:
        """Keep `last` fresh, for ever."""
        while True:
            with suppress(*OUTAGES):
                await self.is_on()
            await asyncio.sleep(POLL_SECS)


def unsent(request: OrderRequest, why: str) -> str:
    """Say what a dry run records instead of sending an order."""
    price = "the market" if request.price is None else f"{request.price:,}"
    return f"{ORDER_NO}, nothing was sent: {request.quantity} shares at {price}; {why}"
