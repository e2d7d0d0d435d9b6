"""What is done before a session and after it, step by step, each with its outcome."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from redis.asyncio import Redis

from kis_gateway.fills import FillKeeper
from kis_gateway.guard import BuyGuard
from kis_gateway.market_day import MarketDay
from kis_gateway.position_sync import PositionSync
from kis_gateway.recovery import NotLevelled, Recovery
from kis_gateway.registrations import Registrations
from kis_gateway.standing import Standings
from prime_jennie.domain.broker import Environment
from prime_jennie.domain.lifecycle import (
    ClosingStep,
    OpeningStep,
    RecoveryCause,
    RecoveryReport,
    RecoveryStatus,
    StepRecord,
    StepResult,
)
from prime_jennie.domain.ports import Broker, Clock
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.trading_strategy import TradingMode
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.masters import MasterRepository
from prime_jennie.infra.database.repositories.orders import OrderRepository
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.outages import UNANSWERED
from prime_jennie.infra.redis.strategies import known_strategies

STREAM_WITHIN_SECS: Final = 3.0  # real; the guard goes on watching after that
LOOK_EVERY_SECS: Final = 0.05
Outcome = tuple[StepResult, str]


@dataclass
class Opened:
    """How an opening went; it failed when any step did."""

    steps: list[StepRecord]
    recovery: RecoveryReport | None = None
    not_levelled: NotLevelled | None = None

    @property
    def failure(self) -> str | None:
        """Return which step failed, and how."""
        failed = next((step for step in self.steps if step.result is StepResult.FAILED), None)
        return None if failed is None else f"{failed.step}: {failed.detail}"


class DaySteps:
    """Carries the steps out; a step that only informs never keeps the day from opening."""

    def __init__(
        self,
        *,
        account: str,
        environment: Environment,
        db: Database,
        redis: Redis,
        broker: Broker,
        orders: OrderRepository,
        fills: FillKeeper,
        positions: PositionSync,
        recovery: Recovery,
        standings: Standings,
        market: MarketDay,
        guard: BuyGuard,
        registrations: Registrations,
        clock: Clock,
    ) -> None:
        self._account = account
        self._environment = environment
        self._db = db
        self._redis = redis
        self._broker = broker
        self._orders = orders
        self._fills = fills
        self._positions = positions
        self._recovery = recovery
        self._standings = standings
        self._market = market
        self._guard = guard
        self._registrations = registrations
        self._clock = clock

    async def open(self, cause: RecoveryCause) -> Opened:
        """Carry out the nine steps in order; the first that fails ends them."""
        opened = Opened([])
        steps: dict[OpeningStep, Callable[[], Awaitable[Outcome]]] = {
            OpeningStep.INITIALISE: self._initialise,
            OpeningStep.CONFIG: self._config,
            OpeningStep.AUTHENTICATE: self._authenticate,
            OpeningStep.VERIFY_ACCOUNT: self._verify_account,
            OpeningStep.PARAMETERS: self._parameters,
            OpeningStep.RECOVER: lambda: self._recover(cause, opened),
            OpeningStep.RISK: self._risk,
            OpeningStep.UNIVERSE: self._universe,
            OpeningStep.REALTIME: self._realtime,
        }
        fatal = {
            OpeningStep.INITIALISE,
            OpeningStep.AUTHENTICATE,
            OpeningStep.VERIFY_ACCOUNT,
            OpeningStep.RECOVER,
        }
        for step, work in steps.items():
            record = await self._carried_out(step, work, fatal=step in fatal)
            opened.steps.append(record)
            if record.result is StepResult.FAILED:
                break
        return opened

    async def close(self) -> list[StepRecord]:
        """Carry out the steps after the close; none of them can keep the day from ending."""
        steps: dict[ClosingStep, Callable[[], Awaitable[Outcome]]] = {
            ClosingStep.UNFILLED_ORDERS: self._unfilled_orders,
            ClosingStep.POSITIONS: self._compare,
        }
        return [await self._carried_out(step, work, fatal=False) for step, work in steps.items()]

    async def _carried_out(self, step: StrEnum, work: Callable[[], Awaitable[Outcome]], *, fatal: bool) -> StepRecord:
        try:
            result, detail = await work()
        except UNANSWERED as error:
            result = StepResult.FAILED if fatal else StepResult.WARNING
            detail = f"{type(error).__name__}: {error}"
        return StepRecord(step=step.value, result=result, detail=detail[:500], at=self._clock.now())

    async def _initialise(self) -> Outcome:
        await self._db.ping()
        try:
            await self._redis.ping()
        except UNANSWERED as error:
            return StepResult.WARNING, f"Redis does not answer ({type(error).__name__}): no buys until it does"
        return StepResult.OK, "database and Redis answer"

    async def _config(self) -> Outcome:
        known = await self._standings.all()
        if not known:
            return StepResult.WARNING, "no strategy is configured yet"
        return StepResult.OK, ", ".join(f"{name} generation {live.generation}" for name, live in known.items())

    async def _authenticate(self) -> Outcome:
        await self._broker.ensure_token()
        return StepResult.OK, f"{self._environment.value} accepts the app key"

    async def _verify_account(self) -> Outcome:
        balance = await self._broker.balance()
        return StepResult.OK, f"{balance.position_count} stocks, assets {balance.total_asset:,} KRW"

    async def _parameters(self) -> Outcome:
        known = await self._standings.all()
        real = self._environment is Environment.LIVE
        wrong = [name for name, live in known.items() if (live.spec.mode is TradingMode.LIVE) is not real]
        if wrong:
            return StepResult.WARNING, f"mode does not fit a {self._environment.value} gateway: {', '.join(wrong)}"
        return StepResult.OK, _listed(f"{name} {live.spec.mode.value}" for name, live in known.items())

    async def _recover(self, cause: RecoveryCause, opened: Opened) -> Outcome:
        try:
            opened.recovery = await self._recovery.run(cause)
        except NotLevelled as error:
            opened.not_levelled = error
            return StepResult.FAILED, str(error)
        report = opened.recovery
        if report.status is RecoveryStatus.FAILED:
            return StepResult.FAILED, str(report.details["error"])
        detail = f"{report.status.value}: {report.orders_synced} orders synced, {report.mismatches_found} mismatches"
        return (StepResult.OK if report.status is RecoveryStatus.SUCCESS else StepResult.WARNING), detail

    async def _risk(self) -> Outcome:
        halted = []
        for name in await self._standings.all():
            state = await self._standings.halt(name)
            if state is not HaltState.ACTIVE:
                halted.append(f"{name} {state.value}")
        return (StepResult.WARNING if halted else StepResult.OK), _listed(halted) if halted else "no halt in force"

    async def _universe(self) -> Outcome:
        listed = await MasterRepository(self._db).count()
        opens = await self._market.opens_today()
        detail = f"{listed:,} stocks listed, the exchange {'opens' if opens else 'does not open'} today"
        return (StepResult.OK if listed and opens else StepResult.WARNING), detail

    async def _realtime(self) -> Outcome:
        outcome = await self._stream()
        if known := await known_strategies(self._redis, self._db):  # when none is known, nothing proves one gone
            held = await PositionRepository(self._db).open_positions(self._account)  # they keep their ticks anyway
            await self._registrations.keep({*known, *(row.strategy for row in held)})
        return outcome

    async def _stream(self) -> Outcome:
        until = time.monotonic() + STREAM_WITHIN_SECS
        while time.monotonic() < until:
            if self._guard.is_listening:
                return StepResult.OK, f"{self._guard.feed().registered} stocks wanted"
            await asyncio.sleep(LOOK_EVERY_SECS)
        return StepResult.WARNING, "the exchange's stream is not there yet: no buys until it is"

    async def _unfilled_orders(self) -> Outcome:
        await self._fills.level()
        left = [order.broker_order_no for order in await self._orders.open_orders(self._account)]
        if left:
            return StepResult.WARNING, f"the broker still lists as working: {_listed(left)}; they end with their day"
        return StepResult.OK, "none"

    async def _compare(self) -> Outcome:
        look = await self._positions.look()
        if look.drift:
            return StepResult.WARNING, _listed(f"{name}: {', '.join(codes)}" for name, codes in look.drift.items())
        return StepResult.OK, f"{len(look.comparisons)} stocks as the broker says"


def _listed(words: Iterable[str]) -> str:
    return ", ".join(words) or "none"
