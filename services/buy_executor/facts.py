"""What admission must know, from SQL where money is concerned; a store that does not answer leaves its fact unknown."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from redis.asyncio import Redis

from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.sessions import kst_midnight
from prime_jennie.infra.database.repositories.commitments import BuyCommitments, CommitmentRepository
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.execution.emergency import Emergency
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.overrides import Overrides
from prime_jennie.infra.regime import RegimeReader
from prime_jennie.strategy.admission import DUPLICATE_WINDOW, SIGNAL_MAX_AGE, BuyFacts
from prime_jennie.strategy.cooldowns import LONGEST, Cooldown, cooldowns_at
from prime_jennie.strategy.unknown import UNKNOWN, Unknown

UNSENT_COUNTS_FOR = SIGNAL_MAX_AGE + timedelta(seconds=60)


@dataclass(frozen=True)
class Admission:
    """The facts, and the commitments they were made of; None where SQL did not answer."""

    facts: BuyFacts
    commitments: BuyCommitments | None


class AdmissionReader:
    """Reads everything anew for each signal."""

    def __init__(self, desk: Desk, emergency: Emergency) -> None:
        self._desk = desk
        self._emergency = emergency
        self._redis: Redis = desk.redis
        self._keys: Keyspace = desk.keyspace
        self._account = desk.account.account_no
        self._commitments = CommitmentRepository(desk.db)
        self._regimes = RegimeReader(desk.redis)
        self._overrides = Overrides(desk.db)

    async def read(self, code: str, key: str) -> Admission:
        """Return the facts for one stock; commitments of the message's own key do not count against it."""
        at = self._desk.clock.now()
        commitments = await self._committed(code, key, at)
        stop_loss, sale = await self._cooldowns(code, at)
        halt = await self._emergency.state()
        facts = BuyFacts(
            at=at,
            session=self._desk.sessions.of(at),
            config=self._desk.config.current.spec,
            halt=UNKNOWN if halt is None else halt,
            context=await self._context(at),
            held=UNKNOWN if commitments is None else commitments.held,
            stop_loss_cooldown=stop_loss,
            sell_cooldown=sale,
            buys_today=UNKNOWN if commitments is None else commitments.buys,
            position_count=UNKNOWN if commitments is None else len(commitments.held),
            last_accepted_at=UNKNOWN if commitments is None else commitments.last_intent_at,
            max_buys_override=await self._max_buys(),
        )
        return Admission(facts, commitments)

    async def _committed(self, code: str, key: str, at: datetime) -> BuyCommitments | None:
        midnight = kst_midnight(at)
        try:
            return await self._commitments.buys(
                self._account,
                self._desk.strategy,
                stock_code=code,
                since=min(midnight, at - DUPLICATE_WINDOW),
                fresh_since=at - UNSENT_COUNTS_FOR,
                but_key=key,
            )
        except OUTAGES:
            return None

    async def _cooldowns(self, code: str, at: datetime) -> tuple[bool | Unknown, bool | Unknown]:
        """Ask Redis' keys, and the trades themselves: an emptied Redis must not end a cooldown."""
        keys = [
            self._keys.of(RedisKeys.STOPLOSS_COOLDOWN, code=code),
            self._keys.of(RedisKeys.SELL_COOLDOWN, code=code),
        ]
        try:
            stop_loss, sale = await self._redis.mget(keys)
            sales = await self._commitments.sales(self._account, self._desk.strategy, code, at - LONGEST)
        except OUTAGES:
            return UNKNOWN, UNKNOWN
        booked = cooldowns_at(sales, at)
        return stop_loss is not None or Cooldown.STOP_LOSS in booked, sale is not None or Cooldown.SALE in booked

    async def _max_buys(self) -> int | Unknown | None:
        try:
            return await self._overrides.max_buys_per_day(self._desk.strategy)
        except OUTAGES:
            return UNKNOWN

    async def _context(self, at: datetime) -> TradingContext | None:
        try:
            return await self._regimes.on_day_of(at)
        except OUTAGES:
            return None
