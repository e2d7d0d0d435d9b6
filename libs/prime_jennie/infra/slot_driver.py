"""Bring one slot to its outcome: wait for what it needs, ask its service, ask again, give up in time."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

import structlog
from pydantic import JsonValue

from prime_jennie.domain.errors import BadInput, Conflict, NotFound, Unavailable
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.slots import Concurrency, Need, Slot, SlotSource, SlotState, TriggerRequest
from prime_jennie.infra.clients.job_service import JobServiceClient
from prime_jennie.infra.database.repositories.slots import SlotKey, SlotRepository
from prime_jennie.infra.outages import OUTAGES, Backoff

T = TypeVar("T")

# Real seconds: a killed service is back within them, and the virtual day waits so long; then it goes on without.
PATIENCE_SECS: Final = 45.0
HOLD_SECS: Final = 5.0
FIRST_LOOK_SECS: Final = 0.03
LONGEST_LOOK_SECS: Final = 0.5
NEEDS_LOOK_SECS: Final = 1.0
NEEDS_LOOK_VIRTUAL_SECS: Final = 0.1  # real: half a virtual minute at most

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class SlotOrder:
    """One slot to run and its limits; no attempt begins after `give_up_at`, which a person knows as `within` 20m."""

    key: SlotKey
    give_up_at: datetime
    within: str
    source: SlotSource = SlotSource.SCHEDULE
    attempts: int = 1
    wait: Callable[[int], timedelta] = lambda _failed: timedelta(0)
    concurrency: Concurrency = Concurrency.FORBID
    parameters: Mapping[str, JsonValue] = field(default_factory=dict)
    needs: tuple[Need, ...] = ()
    backfill: str = ""
    redo: bool = False

    def is_over(self, slot: Slot) -> bool:
        """Tell whether the slot has its outcome, as this order asks for it."""
        return slot.is_over_for(self.source, self.backfill, redo=self.redo)


class SlotDriver:
    """Drives slots one by one; whoever dies in between, another driver goes on where the slot stands."""

    def __init__(
        self,
        clock: Clock,
        slots: SlotRepository,
        client: JobServiceClient,
        address: Callable[[str], str | None],
        *,
        patience_secs: float = PATIENCE_SECS,
    ) -> None:
        self._clock = clock
        self._slots = slots
        self._client = client
        self._address = address
        self._patience_secs = patience_secs

    async def drive(self, order: SlotOrder, begun: Callable[[], None] = lambda: None) -> Slot:
        """Return the finished slot; a database that is away is waited for.

        `begun` is called once nobody need wait any more: the day is held, or there is something to wait for.
        """
        missing = await unmet_need(self._clock, self._slots, order, begun)
        if missing is not None:
            return await self.end(order, SlotState.SKIPPED, missing)
        while True:
            async with self._held(order) as patience:
                begun()
                slot = await self._one_attempt(order, patience)
            if order.is_over(slot):
                return slot
            again_at = self._clock.now() + order.wait(slot.attempts)
            if again_at > order.give_up_at:
                return await self._give_up(order, slot, "")
            log.info("slot waits for its next attempt", slot=slot.name, reason=slot.reason)
            await self._clock.sleep_until(again_at)

    async def _one_attempt(self, order: SlotOrder, patience: "_Patience") -> Slot:
        """Return the slot with its outcome, or open for the next attempt."""
        pause, complaint = Backoff(), ""
        while True:
            slot = await self._stored(order)
            if slot is not None and order.is_over(slot):
                return slot
            if slot is None or slot.state is not SlotState.RUNNING:
                if self._clock.now() > order.give_up_at:
                    return await self._give_up(order, slot, complaint)
                try:
                    await self._client.trigger(self._url(order), _request(order))
                except Conflict as conflict:
                    return await self.end(order, SlotState.SKIPPED, str(conflict))
                except (BadInput, NotFound) as refusal:
                    return await self.end(order, SlotState.FAILED, f"{order.key.task.service} refuses it: {refusal}")
                except Unavailable as outage:
                    complaint = str(outage)
                    await patience.lose()
                    await pause.pause()
                    continue
            over = await self._over(order, patience)
            if over is not None:
                return over

    async def _give_up(self, order: SlotOrder, slot: Slot | None, complaint: str) -> Slot:
        because = f": {complaint}" if complaint else ""
        if slot is None or slot.is_finished:
            return await self.end(
                order, SlotState.MISSED, f"{order.key.task.service} did not start it within {order.within}{because}"
            )
        return await self.end(
            order, SlotState.FAILED, f"{slot.reason}; no further attempt within {order.within}{because}"
        )

    async def _over(self, order: SlotOrder, patience: "_Patience") -> Slot | None:
        """Wait until the running attempt is over; only the row tells that of a service that is away."""
        look_secs = FIRST_LOOK_SECS
        while True:
            slot: Slot | None
            try:
                slot = await self._client.slot(self._url(order), order.key.name)
                patience.renew()
            except (Unavailable, NotFound, BadInput):
                await patience.lose()
                slot = await self._stored(order)
            if slot is None or slot.state is not SlotState.RUNNING:
                return slot
            await asyncio.sleep(look_secs)
            look_secs = min(look_secs * 1.5, LONGEST_LOOK_SECS)

    async def _stored(self, order: SlotOrder) -> Slot | None:
        return await patiently(lambda: self._slots.get(order.key.namespace, order.key.name))

    async def end(self, order: SlotOrder, state: SlotState, reason: str) -> Slot:
        """Write the outcome of a slot that will not run (again); one that somebody runs meanwhile is followed."""
        while True:
            slot = await write_outcome(self._clock, self._slots, order, state, reason)
            if order.is_over(slot):
                return slot
            async with self._held(order) as patience:
                await self._over(order, patience)

    def _url(self, order: SlotOrder) -> str:
        service = order.key.task.service
        url = self._address(service)
        if url is None:
            raise Unavailable(f"{service} does not run here")
        return url

    @asynccontextmanager
    async def _held(self, order: SlotOrder) -> AsyncIterator["_Patience"]:
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(self._clock.hold(f"drive:{order.key.name}", HOLD_SECS))
            yield _Patience(stack, self._patience_secs)


class _Patience:
    """Keeps a virtual day waiting for a service, but not for one that stays away."""

    def __init__(self, held: AsyncExitStack, patience_secs: float) -> None:
        self._held = held
        self._patience_secs = patience_secs
        self._lost_at: float | None = None

    def renew(self) -> None:
        """Note that the service answers."""
        self._lost_at = None

    async def lose(self) -> None:
        """Note that it does not; let the day go on when that has lasted too long."""
        if self._lost_at is None:
            self._lost_at = time.monotonic()
        elif time.monotonic() - self._lost_at > self._patience_secs:
            await self._held.aclose()


async def unmet_need(
    clock: Clock, slots: SlotRepository, order: SlotOrder, begun: Callable[[], None] = lambda: None
) -> str | None:
    """Wait for the slots that must have succeeded; return why this one cannot run, None when it can.

    A backfill does not wait for a slot that nobody has run: nobody is about to.
    """
    for need in order.needs:
        while True:
            slot = await patiently(partial(slots.get, order.key.namespace, need.slot))
            if slot is not None and slot.is_finished:
                if slot.state.succeeded:
                    break
                return f"{need.schedule}: {slot.name} {slot.state}: {slot.reason}"
            if slot is None and order.source is SlotSource.BACKFILL:
                return f"{need.schedule}: {need.slot} has not run"
            if clock.now() > order.give_up_at:
                return f"{need.schedule}: {need.slot} has not ended within {order.within}"
            begun()
            await asyncio.sleep(NEEDS_LOOK_VIRTUAL_SECS if clock.virtual else NEEDS_LOOK_SECS)
    return None


async def write_outcome(clock: Clock, slots: SlotRepository, order: SlotOrder, state: SlotState, reason: str) -> Slot:
    """Write how a slot that will not run has ended, however long the database is away; return what it has become."""
    return await patiently(
        lambda: slots.record(
            order.key,
            source=order.source,
            state=state,
            reason=reason,
            now=clock.now(),
            backfill=order.backfill,
            redo=order.redo,
        )
    )


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask the database until it answers."""
    backoff = Backoff()
    while True:
        try:
            return await ask()
        except OUTAGES as error:
            log.warning("the database is waited for", error=f"{type(error).__name__}: {error}")
            await backoff.pause()


def _request(order: SlotOrder) -> TriggerRequest:
    return TriggerRequest(
        source=order.source,
        task=order.key.task,
        slot=order.key.name,
        schedule=order.key.schedule,
        backfill=order.backfill,
        redo=order.redo,
        parameters=dict(order.parameters),
        attempts=order.attempts,
        concurrency=order.concurrency,
    )
