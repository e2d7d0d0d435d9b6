"""Notice that the house has been blind for a while: database, broker or authentication lost."""

import time
from typing import Final

from kis_gateway.breaker import BreakerState, CircuitBreaker
from prime_jennie.domain.errors import BrokerRefused
from prime_jennie.domain.ports import Broker
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.outages import OUTAGES, UNANSWERED

LOST_AFTER_SECS: Final = 10.0  # real; shorter outages refuse what meets them and stop nothing


class LossWatch:
    """Looks without spending a call at the broker, as long as the access token is good."""

    def __init__(self, db: Database, breaker: CircuitBreaker, broker: Broker) -> None:
        self._db = db
        self._breaker = breaker
        self._broker = broker
        self._since: dict[str, float] = {}

    async def lost(self) -> str | None:
        """Return what has been lost for too long, and how it answers; to be asked every second or so."""
        now = time.monotonic()
        found = {
            "database": await self._database(),
            "broker": None if self._breaker.state is BreakerState.CLOSED else "the circuit breaker is open",
            "authentication": await self._authentication(),
        }
        self._since = {name: self._since.get(name, now) for name, why in found.items() if why is not None}
        late = [name for name, since in self._since.items() if now - since > LOST_AFTER_SECS]
        return f"{late[0]} lost: {found[late[0]]}" if late else None

    async def _database(self) -> str | None:
        try:
            await self._db.ping()
        except OUTAGES as error:
            return f"{type(error).__name__}: {error}"
        return None

    async def _authentication(self) -> str | None:
        try:
            await self._broker.ensure_token()
        except BrokerRefused as refused:
            return None if refused.may_retry else str(refused)
        except UNANSWERED:
            return None  # the breaker knows about a broker that does not answer
        return None
