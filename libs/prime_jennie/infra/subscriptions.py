"""Keep a service's wishes for ticks true to the stocks that it watches."""

import asyncio
from collections.abc import Callable, Sequence

from prime_jennie.domain.errors import BadInput, Conflict, JennieError, NotFound
from prime_jennie.domain.ports import Gateway
from prime_jennie.infra.outages import Outages

LOOP = "subscribe"


class Subscriptions:
    """What this service has asked the gateway for since it started; what it asked for before it gives up at once."""

    def __init__(self, gateway: Gateway, outages: Outages) -> None:
        self._gateway = gateway
        self._outages = outages
        self._have: set[str] = set()
        self._has_replaced = False

    async def want(self, codes: Sequence[str], *, again: bool = False) -> None:
        """Give up what left the list, then ask for what is new on it.

        At first, and `again`, the list is told as the whole wish: the gateway may know of an older one, or of none.
        An outage raises. A refusal (the broker has no room, the stock is unknown) costs that stock only and shows in
        /health until it is gone.
        """
        if gone := self._have.difference(codes):
            await self._gateway.unsubscribe(sorted(gone))
            self._have -= gone
        replace = again or not self._has_replaced
        asked = [code for code in codes if replace or code not in self._have]
        refusal = await self._ask(asked, replace=replace) if asked or replace else None
        if refusal is None:
            self._outages.end(LOOP)
        else:
            self._outages.begin(LOOP, refusal)

    async def ask_in_silence(
        self, codes: Callable[[], Sequence[str]], silent_secs: Callable[[], float], longest_secs: float
    ) -> None:
        """Ask for all ticks again whenever none has come for so many real seconds, for ever; an outage raises.

        All other work is driven by ticks: once the gateway has forgotten every wish, nobody else would ever ask.
        """
        while True:
            await asyncio.sleep(longest_secs)
            if silent_secs() >= longest_secs and (wanted := codes()):
                await self.want(wanted, again=True)

    async def _ask(self, codes: Sequence[str], *, replace: bool = False) -> JennieError | None:
        try:
            await self._gateway.subscribe(codes, replace=replace)
        except (BadInput, Conflict, NotFound) as refusal:
            self._has_replaced |= isinstance(refusal, Conflict)
            if len(codes) <= 1:
                return refusal
            refusals = [await self._ask([code]) for code in codes]
            return next((one for one in refusals if one is not None), None)
        self._has_replaced = True
        self._have.update(codes)
        return None
