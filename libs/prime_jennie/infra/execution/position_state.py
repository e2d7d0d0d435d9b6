"""The Redis keys that belong to one life of a position: erased on full exit and before a fresh buy (rulebook §1.5)."""

from typing import Final

from prime_jennie.domain.keys import Keyspace, RedisKeys

_STATE: Final = (RedisKeys.WATERMARK, RedisKeys.SCALE_OUT, RedisKeys.RSI_SOLD, RedisKeys.PROFIT_FLOOR)


def position_state_keys(keyspace: Keyspace, code: str) -> list[str]:
    """Return the keys of a stock's position state."""
    return [keyspace.of(kind, code=code) for kind in _STATE]
