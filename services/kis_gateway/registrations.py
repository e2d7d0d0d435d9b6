"""Keep track of who wants which stock's ticks, and give held stocks their place before all others."""

import asyncio
import json
import re
from collections.abc import Sequence
from contextlib import suppress
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


class Registrations:
    """Who wants which stock's ticks; a stock is registered while anybody does.

    A price-monitor's stocks are held, and without ticks no stop is ever asked for: when the broker has no room for one
    of them, a stock that no price-monitor wants goes, the newest first.
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
        """Return every wanted stock once, held ones first, else in the order of the first wish."""
        ordered = sorted(self._wanted, key=lambda subscriber: not _watches_holdings(subscriber))
        return list(dict.fromkeys(code for subscriber in ordered for code in self._wanted[subscriber]))

    async def restore(self) -> None:
        """Want again what was wanted before this process started; an unreachable Redis has nothing to restore."""
        try:
            stored = await self._redis.hgetall(SUBSCRIPTIONS_KEY)
        except (RedisError, OSError) as error:
            log.warning("subscriptions not restored", error=f"{type(error).__name__}: {error}")
            return
        async with self._changing:
            for subscriber, text in stored.items():
                with suppress(ValueError, TypeError):
                    self._wanted.setdefault(str(subscriber), {}).update(dict.fromkeys(json.loads(text)))
            for code in self.codes:
                try:
                    await self._broker.subscribe([code])
                except Conflict as error:  # its owner asks again, and hears why not
                    log.warning("subscription not restored", stock_code=code, error=str(error))
                    self._forget(code)

    async def add(self, subscriber: str, codes: Sequence[str]) -> None:
        """Note a wish; Conflict, and nothing noted, when the broker has no room for it.

        Of a price-monitor's wish whatever fits is noted; Conflict names the rest.
        """
        unheard: list[str] = []
        async with self._changing:
            if _watches_holdings(subscriber):
                unheard = await self._place(subscriber, codes)
            else:
                await self._broker.subscribe(codes)
                self._wanted.setdefault(subscriber, {}).update(dict.fromkeys(codes))
            await self._store(subscriber)
        if unheard:
            await self._tell(subscriber, unheard)
            raise Conflict(f"no registration is left for {', '.join(unheard)}, though held")

    async def remove(self, subscriber: str, codes: Sequence[str]) -> None:
        """Give a wish up; the registration goes when it was the last."""
        async with self._changing:
            mine = self._wanted.get(subscriber, {})
            for code in codes:
                mine.pop(code, None)
            still = set(self.codes)
            await self._broker.unsubscribe([code for code in codes if code not in still])
            await self._store(subscriber)

    async def _place(self, subscriber: str, codes: Sequence[str]) -> list[str]:
        """Register held stocks and return those without a place."""
        mine = self._wanted.setdefault(subscriber, {})
        mine.update(dict.fromkeys(codes))  # before any is given up: a scanner may want the same stock
        unheard = [code for code in codes if not await self._has_place(code)]
        for code in unheard:
            mine.pop(code, None)
        return unheard

    async def _has_place(self, code: str) -> bool:
        """Register a held stock, giving up others until it fits; False when only held ones are left."""
        while True:
            try:
                await self._broker.subscribe([code])
            except Conflict:
                if not await self._give_one_up():
                    return False
            else:
                return True

    async def _give_one_up(self) -> bool:
        held = {code for name, codes in self._wanted.items() if _watches_holdings(name) for code in codes}
        spare = [code for code in self.codes if code not in held]
        if not spare:
            return False
        log.warning("a registration is given up for a held stock", stock_code=spare[-1])
        await self._broker.unsubscribe(spare[-1:])  # first, or the exchange would count one too many
        for subscriber in self._forget(spare[-1]):
            await self._store(subscriber)
        return True

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
                strategy=subscriber.partition("/")[0] if "/" in subscriber else None,
            )
            if told:
                self._told.add(key)

    async def _store(self, subscriber: str) -> None:
        with suppress(RedisError, OSError):  # the memory of this process serves until the next restart
            await self._redis.hset(SUBSCRIPTIONS_KEY, subscriber, json.dumps(list(self._wanted.get(subscriber, {}))))


def _watches_holdings(subscriber: str) -> bool:
    """Tell whether a subscriber waits for prices of held stocks: a desk calls itself `<strategy>:<service>`."""
    return re.split("[/:]", subscriber)[-1] == PRICE_MONITOR
