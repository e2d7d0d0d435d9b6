"""Lead the account's day from state to state by the session table, and stop it when the house is blind.

Each new owner begins at OFFLINE whatever its predecessor left, except in a stop or after a close: the states are
reached again by doing what they stand for. STOPPED, and everything the guard knows, holds back buys alone.
"""

import asyncio
import time
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from kis_gateway.cancels import Cancels
from kis_gateway.day_steps import DaySteps
from kis_gateway.drift import DriftWatch
from kis_gateway.guard import BuyGuard
from kis_gateway.losses import LossWatch
from kis_gateway.market_day import ASK_AGAIN_AFTER, MarketDay
from kis_gateway.ownership import Ownership
from kis_gateway.position_sync import PositionSync, SyncReport
from kis_gateway.recovery import NotLevelled, Recovery
from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.errors import JennieError, Unavailable
from prime_jennie.domain.lifecycle import (
    BuyBlock,
    MarketState,
    MarketStatus,
    RecoveryCause,
    RecoveryReport,
    RecoveryStatus,
    StepRecord,
)
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.sessions import Session, SessionPhase, SessionTable
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.database.repositories.market_states import MarketStateRepository, Standing
from prime_jennie.infra.outages import OUTAGES, UNANSWERED
from prime_jennie.strategy.lifecycle import next_change_at, next_state, opening_at, wanted_state

log = structlog.get_logger(__name__)

LOOK_SECS: Final = 1.0  # real
RECOVER_EVERY_SECS: Final = 3.0  # real


class Lifecycle:
    """The day of one account, as the owner of its gateway leads it."""

    def __init__(
        self,
        *,
        states: MarketStateRepository,
        steps: DaySteps,
        recovery: Recovery,
        positions: PositionSync,
        losses: LossWatch,
        drift: DriftWatch,
        cancels: Cancels,
        guard: BuyGuard,
        ownership: Ownership,
        market: MarketDay,
        sessions: SessionTable,
        alerts: Alerts,
        clock: Clock,
    ) -> None:
        self._states = states
        self._steps = steps
        self._recovery = recovery
        self._positions = positions
        self._losses = losses
        self._drift = drift
        self._cancels = cancels
        self._guard = guard
        self._ownership = ownership
        self._market = market
        self._sessions = sessions
        self._alerts = alerts
        self._clock = clock
        self._standing: Standing | None = None
        self._stored: MarketState | None = None
        self._owes_closing = False
        self._recover_at = 0.0
        self._ask_again_at: datetime | None = None
        self._working = asyncio.Lock()

    @property
    def standing(self) -> Standing:
        """Return where the day stands."""
        if self._standing is None:
            now = self._clock.now()
            return Standing(self._market.today, MarketState.OFFLINE, "the gateway is starting", now)
        return self._standing

    def blocks(self) -> tuple[BuyBlock, ...]:
        """Return what holds buys back now."""
        return self._guard.blocks()

    def status(self) -> MarketStatus:
        """Tell where the day stands and what holds buys back."""
        standing, session = self.standing, self._sessions.of(self._clock.now())
        blocks = self.blocks()
        return MarketStatus(
            trade_date=standing.trade_date,
            state=standing.state,
            reason=standing.reason,
            since=standing.since,
            opens_at=session.opens_at if session is not None else None,
            closes_at=session.closes_at if session is not None else None,
            steps=standing.steps,
            buys_allowed=not any(block.strategy == "" for block in blocks),
            buy_blocks=blocks,
            recovery=self._guard.recovery,
        )

    async def start(self) -> None:
        """Recover, and take the day up where its session is; raises while orders and fills cannot be levelled."""
        async with self._working:
            self._ask_again_at = None
            await self._take_over()
            if self.standing.state is MarketState.STOPPED:
                await self._recover(RecoveryCause.START)
                await self._lift_stop("a new owner has recovered")
            await self._advance(RecoveryCause.START)
            if not self._recovery.has_levelled:  # nothing opens now, or a step before the recovery failed
                await self._recover(RecoveryCause.START)

    async def run(self) -> None:
        """Lead the day for ever."""
        while True:
            if self._standing is not None:
                try:
                    async with self._working:
                        await self.look()
                except JennieError as error:
                    if isinstance(error, OUTAGES):
                        raise
                    raise Unavailable(str(error)) from error
            await self._wait()

    async def look(self) -> None:
        """Do whatever is due now."""
        self._guard.feed()
        lost = await self._losses.lost()
        if lost is not None:
            await self._stop(lost)
        if not self._ownership.is_ready:  # without the database the lease ends too, and nothing is sent
            return
        if self.standing.state is MarketState.STOPPED:
            await self._try_to_recover()
        await self._advance(RecoveryCause.OPEN)
        await self._settle_buys()
        await self._compare()

    async def recover(self) -> RecoveryReport:
        """Recover because a person asks for it; a success leads out of a stop."""
        async with self._working:
            self._ownership.grant()
            report = await self._recover(RecoveryCause.PERSON)
            if report.status is not RecoveryStatus.FAILED:
                await self._lift_stop("a person had the house recovered")
            await self._advance(RecoveryCause.OPEN)
            return report

    async def sync(self, *, dry_run: bool, who: str) -> SyncReport:
        """Compare positions, correct them unless dry, and know the drift that is left."""
        async with self._working:
            self._ownership.grant()
            report = await self._positions.sync(dry_run=dry_run, who=who)
            if not dry_run:
                await self._drift.know((await self._positions.look()).drift)
            return report

    async def _take_over(self) -> None:
        """Begin where the predecessor left; a day it was in the middle of begins anew."""
        if self._standing is not None:
            return
        found, now = await self._states.newest(), self._clock.now()
        today = self._market.today
        if found is None:
            await self._set(Standing(today, MarketState.OFFLINE, "the first start", now))
            return
        self._stored = found.state
        was_open = found.trade_date == today and found.market_open_at is not None
        self._owes_closing = was_open and found.market_closed_at is None
        if found.state in (MarketState.CLOSED, MarketState.STOPPED, MarketState.OFFLINE):
            self._adopt(found)
            return
        reason = f"its gateway ended in {found.state.value}"
        await self._set(replace(found, state=MarketState.OFFLINE, reason=reason, since=now))

    async def _advance(self, cause: RecoveryCause) -> None:
        """Take every step that the session table asks for."""
        while True:
            wanted = wanted_state(await self._session_today(), self._clock.now())
            ahead = next_state(self.standing.state, wanted, **self._day())
            match ahead:
                case None:
                    return
                case MarketState.INITIALIZING | MarketState.READY:  # READY: an opening was interrupted by an outage
                    if not await self._open(cause):
                        return
                case MarketState.TRADING:
                    await self._become(MarketState.TRADING, "the session runs")
                case _:  # CLOSED: a closing was interrupted
                    await self._close()

    def _day(self) -> dict[str, bool]:
        return {"of_today": self.standing.trade_date == self._market.today, "owes_closing": self._owes_closing}

    async def _open(self, cause: RecoveryCause) -> bool:
        async with self._clock.hold("kis-gateway-lifecycle"):
            now, today = self._clock.now(), self._market.today
            opened_before = self.standing.market_open_at if self.standing.trade_date == today else None
            await self._set(Standing(today, MarketState.INITIALIZING, "opening", now, market_open_at=opened_before))
            opened = await self._steps.open(cause)
            if opened.recovery is not None:
                await self._know(opened.recovery)
            if opened.failure is not None:
                await self._stop(opened.failure, opened.steps)
                if opened.not_levelled is not None:
                    raise opened.not_levelled
                return False
            standing = replace(
                self.standing,
                state=MarketState.READY,
                reason="opened",
                since=self._clock.now(),
                steps=tuple(opened.steps),
                market_open_at=opened_before or self._clock.now(),
            )
            self._owes_closing = True
            await self._set(standing)
            return True

    async def _close(self) -> None:
        async with self._clock.hold("kis-gateway-lifecycle"):
            if self.standing.state is not MarketState.CLOSING:
                await self._become(MarketState.CLOSING, "the session is over")
            steps = await self._steps.close()
            now = self._clock.now()
            self._owes_closing = False
            await self._set(
                replace(
                    self.standing,
                    state=MarketState.CLOSED,
                    reason="closed; the settlement slot settles the day",
                    since=now,
                    steps=(*self.standing.steps, *steps),
                    market_closed_at=now,
                )
            )

    async def _try_to_recover(self) -> None:
        if not self._may_recover():
            return
        if self._stored is not MarketState.STOPPED:
            await self._set(self.standing)  # it began while nothing could be stored
        try:
            report = await self._recover(RecoveryCause.STOPPED)
        except UNANSWERED as error:
            log.info("still stopped", error=f"{type(error).__name__}: {error}")
            return
        if report.status is not RecoveryStatus.FAILED:
            await self._lift_stop("the house has recovered")

    def _may_recover(self) -> bool:
        """Tell whether the last attempt is long enough ago, and count this one."""
        now = time.monotonic()
        if now < self._recover_at:
            return False
        self._recover_at = now + RECOVER_EVERY_SECS
        return True

    async def _recover(self, cause: RecoveryCause) -> RecoveryReport:
        try:
            report = await self._recovery.run(cause)
        except NotLevelled as error:
            await self._stop(str(error))
            raise
        await self._know(report)
        return report

    async def _know(self, report: RecoveryReport) -> None:
        self._guard.recovery = report
        if self._recovery.look is not None and report.status is not RecoveryStatus.FAILED:
            await self._drift.know(self._recovery.look.drift)

    async def _compare(self) -> None:
        """Look for drift while buys are possible; a recovery that failed is made up for first."""
        if not self.standing.state.allows_buys:
            return
        if self._guard.recovery is None or self._guard.recovery.status is not RecoveryStatus.FAILED:
            await self._drift.look_when_due()
        elif self._may_recover():
            await self._recover(RecoveryCause.OPEN)

    async def _settle_buys(self) -> None:
        """Leave no buy of ours at work in the closing auction, even where its executor has died."""
        session = self._sessions.of(self._clock.now())
        if session is not None and session.phase_at(self._clock.now()) is SessionPhase.CLOSING_AUCTION:
            await self._cancels.settle_buys()

    async def _stop(self, why: str, steps: list[StepRecord] | None = None) -> None:
        standing = self.standing
        if standing.state is MarketState.STOPPED:
            return
        log.error("the day is stopped", why=why)
        now = self._clock.now()
        stopped = replace(standing, state=MarketState.STOPPED, reason=why[:500], since=now)
        await self._set(stopped if steps is None else replace(stopped, steps=tuple(steps)))
        session = self._sessions.of(now)
        is_due = session is not None and opening_at(session) <= now < session.closes_at
        await self._alerts.send(
            AlertLevel.CRITICAL if is_due else AlertLevel.WARNING,
            "매수 중단: 게이트웨이가 복구를 기다립니다",
            f"{why}\n보호 매도는 계속됩니다. 복구되면 스스로 다시 시작합니다.",
            key=f"market-stopped:{now.isoformat()}",
        )

    async def _lift_stop(self, why: str) -> None:
        if self.standing.state is MarketState.STOPPED:
            await self._become(MarketState.OFFLINE, why)

    async def _become(self, state: MarketState, reason: str) -> None:
        if not self.standing.state.can_become(state):
            raise AssertionError(f"{self.standing.state.value} cannot become {state.value}")
        await self._set(replace(self.standing, state=state, reason=reason, since=self._clock.now()))

    async def _set(self, standing: Standing) -> None:
        """Store and adopt a standing; a stop holds even while nothing can be stored."""
        was = self._stored
        if standing.state is MarketState.STOPPED:
            self._adopt(standing)
        try:
            now = self._clock.now()
            await self._states.save(standing, lease=self._ownership.held(), at=now, was=was)
        except OUTAGES as error:
            if standing.state is not MarketState.STOPPED:
                raise
            log.warning("the stop is not stored yet", error=f"{type(error).__name__}: {error}")
            return
        self._stored = standing.state
        self._adopt(standing)

    def _adopt(self, standing: Standing) -> None:
        before = self._standing
        if before is not None and before.state is not standing.state:
            log.info("market state", was=before.state.value, state=standing.state.value, reason=standing.reason)
        self._standing = standing
        self._guard.state = standing.state
        self._guard.state_reason = standing.reason

    async def _session_today(self) -> Session | None:
        """Return today's session once the broker has said that it opens; asked only when an opening is due."""
        now = self._clock.now()
        session = self._sessions.of(now)
        if session is None or now < opening_at(session):
            return None
        has_opened = self.standing.trade_date == session.day and self.standing.market_open_at is not None
        if has_opened:
            return session
        if self._ask_again_at is not None and now < self._ask_again_at:
            return None
        if await self._market.opens_today():
            return session
        self._ask_again_at = now + ASK_AGAIN_AFTER
        return None

    async def _wait(self) -> None:
        change = next_change_at(self._sessions.of(self._clock.now()), self._clock.now())
        waiting = [asyncio.ensure_future(asyncio.sleep(LOOK_SECS))]
        if change is not None:
            waiting.append(asyncio.ensure_future(self._clock.sleep_until(change)))
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()
