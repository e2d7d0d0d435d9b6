"""The last price of each stock: from its own ticks while they are fresh, else from a quote."""

from datetime import timedelta

from prime_jennie.domain.market import Tick
from prime_jennie.domain.ports import Broker, Clock

FRESH_FOR = timedelta(seconds=60)  # clock seconds; for a notional limit, not for a decision


class Prices:
    """Know what the exchange told last."""

    def __init__(self, broker: Broker, clock: Clock) -> None:
        self._broker = broker
        self._clock = clock
        self._last: dict[str, Tick] = {}

    def note(self, ticks: tuple[Tick, ...]) -> None:
        """Take the ticks of a frame."""
        for tick in ticks:
            self._last[tick.stock_code] = tick

    async def current(self, stock_code: str) -> int:
        """Return the stock's price in won."""
        tick = self._last.get(stock_code)
        if tick is not None and self._clock.now() - tick.at <= FRESH_FOR:
            return tick.price
        return (await self._broker.snapshot(stock_code)).price
