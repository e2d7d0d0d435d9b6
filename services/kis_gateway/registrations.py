"""Keep track of who wants which stock's ticks, and give held stocks their place before all others."""

import asyncio
import json
import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from enum import IntEnum
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.errors import Conflict
from prime_jennie.domain.ports import Broker, Clock
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.alerts import Alerts

log = structlog.get_logger(__name__)

SUBSCRIPTIONS_KEY: Final = "kis-gateway:subscriptions"  # hash: subscriber → codes, for the next run of this service
PRICE_MONITOR: Final = "price-monitor"
MOST_STRANGERS: Final = 8
MOST_OF_STRANGERS: Final = 20  # stocks, of all callers without a token together


class Precedence(IntEnum):
    """Whose place goes to whom: a stock that only later ones want makes room for an earlier one's."""

    HELD = 0  # a price-monitor's, for without ticks no stop is ever asked for
    STRATEGY = 1
    STRANGER = 2  # a caller without a token


class Registrations:
    """Who wants which stock's ticks; a stock is registered while anybody does.

    A strategy's subscriber is called `<strategy>/<service>`, as its token says, a stranger by the name it gives itself.
    When the broker has no room, a place of the lowest precedence goes, the newest first.
    """

    def __init__(self, redis: Redis, broker: Broker, alerts: Alerts, clock: Clock) -> None:
        self._redis = redis
        self._broker = broker
        self._alerts = alerts
        self._clock = clock
        self._wanted: dict[str, dict[str, None]] = {}
        self._changing = asyncio.Lock()  # or a freed place would go to another request
        self._told: set[str] = set()

    @property
    def by_subscriber(self) -> dict[str, list[str]]:
        return {subscriber: list(codes) for subscriber, codes in self._wanted.items() if codes}

    @property
    def codes(self) -> list[str]:
        """Return every wanted stock once, by precedence, else in the order of the first wish."""
        ordered = sorted(self._wanted, key=_precedence)
        return list(dict.fromkeys(code for subscriber in ordered for code in self._wanted[subscriber]))

    async def restore(self) -> None:
        """Want again what was wanted before this process started; an unreachable Redis has nothing to restore."""
        async with self._changing:  # a wish that comes meanwhile is the newer one
            try:
                stored = await self._redis.hgetall(SUBSCRIPTIONS_KEY)
            except (RedisError, OSError) as error:
                log.warning("subscriptions not restored", error=f"{type(error).__name__}: {error}")
                return
            for subscriber, text in stored.items():
                with suppress(ValueError, TypeError, Conflict):
                    codes = dict.fromkeys(json.loads(text))
                    self._demand_modesty(str(subscriber), list(codes))
                    self._wanted.setdefault(str(subscriber), {}).update(codes)
            for code in self.codes:
                try:
                    await self._broker.subscribe([code])
                except Conflict as error:  # its owner asks again, and hears why not
                    log.warning("subscription not restored", stock_code=code, error=str(error))
                    self._forget(code)

    async def add(self, subscriber: str, codes: Sequence[str], *, replace: bool = False) -> None:
        """Note a wish; Conflict, and nothing noted, when the broker has no room for it.

        Of a price-monitor's wish whatever fits is noted; Conflict names the rest. `replace`: this is the subscriber's
        whole wish, all else that it ever wanted is given up first, whatever becomes of the new.
        """
        unheard: list[str] = []
        async with self._changing:
            if replace:
                await self._give_up(
                    subscriber, [code for code in self._wanted.get(subscriber, ()) if code not in codes]
                )
            precedence = _precedence(subscriber)
            if precedence is Precedence.HELD:
                unheard = await self._place(subscriber, codes)
            else:
                self._demand_modesty(subscriber, codes)
                await self._register(codes, precedence)
                self._wanted.setdefault(subscriber, {}).update(dict.fromkeys(codes))
            await self._store(subscriber)
        if unheard:
            await self._tell(subscriber, unheard)
            raise Conflict(f"no registration is left for {', '.join(unheard)}, though held")

    async def remove(self, subscriber: str, codes: Sequence[str]) -> None:
        """Give a wish up; the registration goes when it was the last."""
        async with self._changing:
            await self._give_up(subscriber, codes)

    async def keep(self, strategies: Collection[str]) -> None:
        """Drop the wishes of all strategies but these; a strategy that was removed gives nothing up itself."""
        async with self._changing:
            for subscriber in list(self._wanted):
                strategy, is_strategys, _ = subscriber.partition("/")
                if is_strategys and strategy not in strategies:
                    log.info("wishes of a strategy that is gone are dropped", subscriber=subscriber)
                    await self._give_up(subscriber, list(self._wanted[subscriber]))

    def _demand_modesty(self, subscriber: str, codes: Sequence[str]) -> None:
        """Raise Conflict when a caller without a token asks for more than all such may have."""
        if _precedence(subscriber) is not Precedence.STRANGER or not codes:
            return
        wanted = {name: known for name, known in self._wanted.items() if _precedence(name) is Precedence.STRANGER}
        if len(wanted.keys() | {subscriber}) > MOST_STRANGERS:
            raise Conflict(f"at most {MOST_STRANGERS} subscribers without a token")
        if len({*codes, *(code for known in wanted.values() for code in known)}) > MOST_OF_STRANGERS:
            raise Conflict(f"at most {MOST_OF_STRANGERS} stocks for subscribers without a token")

    async def _place(self, subscriber: str, codes: Sequence[str]) -> list[str]:
        """Register held stocks and return those without a place."""
        mine = self._wanted.setdefault(subscriber, {})
        mine.update(dict.fromkeys(codes))  # before any is given up: a scanner may want the same stock
        unheard = []
        for code in codes:
            try:
                await self._register([code], Precedence.HELD)
            except Conflict:
                unheard.append(code)
        for code in unheard:
            mine.pop(code, None)
        return unheard

    async def _register(self, codes: Sequence[str], precedence: Precedence) -> None:
        """Register stocks, giving up those of later precedence until they fit; Conflict when they never do."""
        while True:
            try:
                await self._broker.subscribe(codes)
            except Conflict:
                if not await self._give_one_up(precedence):
                    raise
            else:
                return

    async def _give_one_up(self, precedence: Precedence) -> bool:
        kept = {code for name, codes in self._wanted.items() if _precedence(name) <= precedence for code in codes}
        spare = [code for code in self.codes if code not in kept]
        if not spare:
            return False
        log.warning("a registration is given up for another", stock_code=spare[-1], precedence=precedence.name)
        await self._broker.unsubscribe(spare[-1:])  # first, or the exchange would count one too many
        for subscriber in self._forget(spare[-1]):
            await self._store(subscriber)
        return True

    async def _give_up(self, subscriber: str, codes: Sequence[str]) -> None:
        mine = self._wanted.get(subscriber, {})
        for code in codes:
            mine.pop(code, None)
        still = set(self.codes)
        await self._broker.unsubscribe([code for code in codes if code not in still])
        await self._store(subscriber)

    def _forget(self, code: str) -> list[str]:
        """Drop a stock from every wish and return whose they were."""
        losers = [subscriber for subscriber, codes in self._wanted.items() if code in codes]
        for subscriber in losers:
            del self._wanted[subscriber][code]
        return losers

    async def _tell(self, subscriber: str, codes: Sequence[str]) -> None:
        day = self._clock.now().astimezone(KST).date()
        for code in codes:
            key = f"held-without-ticks:{subscriber}:{code}:{day}"
            if key in self._told:
                continue
            told = await self._alerts.send(
                AlertLevel.ERROR,
                f"보유 종목 {code}의 시세를 등록할 자리가 없어 손절이 나가지 않습니다",
                f"{subscriber}: 증권사의 실시간 등록 한도가 보유 종목만으로 찼습니다. 자리가 나면 다시 등록합니다.\n"
                "그때까지 이 종목은 직접 지켜보십시오. 수동 매도는 가능합니다.",
                key=key,
                strategy=subscriber.partition("/")[0],
            )
            if told:
                self._told.add(key)

    async def _store(self, subscriber: str) -> None:
        """Write a wish down; nobody is remembered who wants nothing."""
        if not self._wanted.get(subscriber):
            self._wanted.pop(subscriber, None)
        with suppress(RedisError, OSError):  # the memory of this process serves until the next restart
            if subscriber in self._wanted:
                await self._redis.hset(SUBSCRIPTIONS_KEY, subscriber, json.dumps(list(self._wanted[subscriber])))
            else:
                await self._redis.hdel(SUBSCRIPTIONS_KEY, subscriber)


def _precedence(subscriber: str) -> Precedence:
    """Tell how much a subscriber's places count; no name that a stranger may give itself has a slash."""
    if "/" not in subscriber:
        return Precedence.STRANGER
    service = re.split("[/:]", subscriber)[-1]  # a service names its strategy, too: <strategy>/<strategy>:<service>
    return Precedence.HELD if service == PRICE_MONITOR else Precedence.STRATEGY
