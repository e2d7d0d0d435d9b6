"""Find out what became of orders whose answer was lost; nothing here ever sends one."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import structlog

from kis_gateway.fills import FillKeeper
from kis_gateway.matching import find_order
from kis_gateway.metrics import UNRESOLVED
from prime_jennie.domain.broker import BrokerOrder
from prime_jennie.domain.errors import Conflict
from prime_jennie.domain.ports import Broker, Clock
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.database.repositories.orders import OrderRepository
from prime_jennie.infra.database.tables.trading import OrderIntentRow

log = structlog.get_logger(__name__)

LISTINGS = 3
ABSENT_FOR = timedelta(seconds=30)  # of the Clock
# Real: in a virtual day thirty clock seconds may pass before a request that is under way arrives.
ABSENT_REAL_SECS = 10.0


@dataclass
class _Absence:
    first_at: datetime
    first_real_secs: float
    listings: int = 0


class Resolver:
    """Compare unresolved intents with complete listings; one that three of them over 30 s lack was not sent."""

    def __init__(
        self,
        *,
        account: str,
        broker: Broker,
        orders: OrderRepository,
        fills: FillKeeper,
        clock: Clock,
        every_secs: float,
    ) -> None:
        self._account = account
        self._broker = broker
        self._orders = orders
        self._fills = fills
        self._clock = clock
        self._every_secs = every_secs
        self._absences: dict[str, _Absence] = {}
        self.in_flight: set[str] = set()
        """Intents that a task of this process is sending right now: their answer is still on its way."""
        self.unresolved = 0

    async def run(self) -> None:
        """Look again every few clock seconds while anything is unresolved, holding a virtual day meanwhile."""
        while True:
            if not await self._open():
                await self._clock.sleep(self._every_secs)
                continue
            async with self._clock.hold("kis-gateway-unresolved"):
                while await self.resolve():
                    await self._clock.sleep(self._every_secs)

    async def resolve(self) -> int:
        """Compare once with the broker's list and return how many remain unresolved."""
        open_intents = await self._open()
        for day in sorted({self._day(intent) for intent in open_intents}):
            of_day = [intent for intent in open_intents if self._day(intent) == day]
            asked_at, asked_real_secs = self._clock.now(), time.monotonic()
            listing = await self._broker.orders_of_day(day)
            await self._compare(of_day, listing, day, asked_at, asked_real_secs)
        return len(await self._open())

    async def _open(self) -> list[OrderIntentRow]:
        found = await self._orders.unresolved(self._account)
        open_intents = [intent for intent in found if intent.id not in self.in_flight]
        self.unresolved = len(open_intents)
        UNRESOLVED.set(self.unresolved)
        ids = {intent.id for intent in open_intents}
        self._absences = {key: absence for key, absence in self._absences.items() if key in ids}
        return open_intents

    async def _compare(
        self,
        intents: Sequence[OrderIntentRow],
        listing: list[BrokerOrder],
        day: date,
        asked_at: datetime,
        asked_real_secs: float,
    ) -> None:
        linked = {order.broker_order_no for order in await self._orders.orders_of_day(self._account, day)}
        for intent in intents:
            found = find_order(intent, listing, linked)
            if found is not None:
                linked.add(found.order_no)
                await self._accept(intent, found, day)
            elif self._is_absent_for_good(intent, asked_at, asked_real_secs):
                reason = f"absent from {LISTINGS} complete listings over {ABSENT_FOR.total_seconds():.0f} s"
                await self._orders.mark_not_sent(intent.id, reason=reason, at=self._clock.now())
                log.warning("unresolved order was not sent", intent=intent.id, reason=reason)

    async def _accept(self, intent: OrderIntentRow, found: BrokerOrder, day: date) -> None:
        try:
            await self._orders.accept(
                intent.id,
                broker_order_no=found.order_no,
                broker_org_no=found.org_no or None,
                order_date=day,
                at=self._clock.now(),
            )
        except Conflict as error:  # its own answer came in between
            log.info("order resolved by somebody else", intent=intent.id, error=str(error))
            return
        log.warning("unresolved order found at the broker", intent=intent.id, order_no=found.order_no)
        self._fills.poke()

    def _is_absent_for_good(self, intent: OrderIntentRow, asked_at: datetime, asked_real_secs: float) -> bool:
        absence = self._absences.setdefault(intent.id, _Absence(asked_at, asked_real_secs))
        absence.listings += 1
        return (
            absence.listings >= LISTINGS
            and asked_at - absence.first_at >= ABSENT_FOR
            and asked_real_secs - absence.first_real_secs >= ABSENT_REAL_SECS
        )

    def _day(self, intent: OrderIntentRow) -> date:
        return (intent.dispatched_at or intent.created_at).astimezone(KST).date()
