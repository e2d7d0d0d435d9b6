"""What a sale leaves behind in Redis: cooldowns, and no watermark of a position that is gone."""

from datetime import datetime, timedelta

from redis.asyncio import Redis

from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.signals import SellReason
from prime_jennie.strategy.cooldowns import Cooldown, cooldowns_after

COOLDOWN_KEYS = {
    Cooldown.SALE: RedisKeys.SELL_COOLDOWN,
    Cooldown.STOP_LOSS: RedisKeys.STOPLOSS_COOLDOWN,
}


class Aftermath:
    """Writes once per sale; a repeat after a crash writes the same again, with what is left of its life."""

    def __init__(self, redis: Redis, keyspace: Keyspace) -> None:
        self._redis = redis
        self._keys = keyspace

    async def settle(self, code: str, reason: SellReason, sold_at: datetime, now: datetime, *, is_flat: bool) -> None:
        """Start the cooldowns of a sale, and erase the position's watermark once nothing is held."""
        async with self._redis.pipeline(transaction=True) as together:
            for cooldown, left in cooldowns_left(reason, sold_at, now).items():
                value = f"{reason.value} {sold_at.isoformat()}"
                together.set(self._keys.of(COOLDOWN_KEYS[cooldown], code=code), value, ex=left)
            if is_flat:
                together.delete(self._keys.of(RedisKeys.WATERMARK, code=code))
            await together.execute()


def cooldowns_left(reason: SellReason, sold_at: datetime, now: datetime) -> dict[Cooldown, timedelta]:
    """Return how long each cooldown of a sale still lasts; over ones are absent."""
    lasting = {cooldown: sold_at + span - now for cooldown, span in cooldowns_after(reason).items()}
    return {cooldown: left for cooldown, left in lasting.items() if left >= timedelta(seconds=1)}
