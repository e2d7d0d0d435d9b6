"""What leader and followers of a virtual day write to Redis: keys, scripts and the session's record."""

from datetime import UTC, date, datetime, timedelta
from typing import Final

from pydantic import BaseModel, ConfigDict
from redis.asyncio import Redis

from prime_jennie.domain.keys import RedisKeys

NOW_KEY: Final = RedisKeys.CLOCK_NOW.value  # epoch milliseconds, written by the leader only
CHANNEL: Final = RedisKeys.CLOCK_CHANNEL.value  # the same number, published a hundred times a real second
HOLDS_KEY: Final = RedisKeys.CLOCK_HOLDS.value  # sorted set: holder → real expiry in ms
POSITIONS_KEY: Final = RedisKeys.CLOCK_POSITIONS.value  # hash: consumer → "<virtual ms>:<real ms of the report>"
SESSION_KEY: Final = RedisKeys.CLOCK_SESSION.value

CONSUMED_ALL: Final = datetime(9999, 1, 1, tzinfo=UTC)  # the position of a consumer that leaves: never waited for
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)

HOLD_SCRIPT: Final = """
local t = redis.call('TIME')
redis.call('ZADD', KEYS[1], t[1] * 1000 + math.floor(t[2] / 1000) + ARGV[2], ARGV[1])
"""

REPORT_SCRIPT: Final = """
local t = redis.call('TIME')
local real = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. real)
"""

# One step of the leader. ARGV: leader's now, wanted advance, real ms since its last step (all ms),
# allowed lag ms, age in real ms after which a report counts for nothing, channel, 1 to tell the followers.
# Returns {now, what}: a held day moves at real time even when a consumer lags, for the holder may be
# the very caller whom that consumer waits for; otherwise a lagging consumer stops the advance.
STEP_SCRIPT: Final = """
local t = redis.call('TIME')
local real = t[1] * 1000 + math.floor(t[2] / 1000)
local now, advance = tonumber(ARGV[1]), tonumber(ARGV[2])
local what = 'step'
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', real)
if redis.call('ZCARD', KEYS[2]) > 0 then
  what = 'held'
  advance = math.min(advance, tonumber(ARGV[3]))
else
  for _, report in ipairs(redis.call('HVALS', KEYS[3])) do
    local position, at = string.match(report, '^(%d+):(%d+)$')
    if position and real - tonumber(at) < tonumber(ARGV[5]) and now - tonumber(position) > tonumber(ARGV[4]) then
      return {string.format('%.0f', now), 'lag'}
    end
  end
end
local text = string.format('%.0f', now + advance)
redis.call('SET', KEYS[1], text)
if ARGV[7] == '1' then redis.call('PUBLISH', ARGV[6], text) end
return {text, what}
"""


class ClockSession(BaseModel):
    """The day that a leader plays; `rate` is its cap in times of real time, None without one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    day: date
    opens_at: datetime
    closes_at: datetime
    start_at: datetime
    rate: float | None = None
    ended: bool = False


def to_ms(when: datetime) -> int:
    """Return epoch milliseconds, rounded down."""
    return (when - _EPOCH) // _MILLISECOND


def from_ms(ms: int) -> datetime:
    """Return the aware UTC time of epoch milliseconds."""
    return _EPOCH + ms * _MILLISECOND


async def read_session(redis: Redis) -> ClockSession | None:
    """Return the record of the day being played, None before a leader wrote one."""
    text = await redis.get(SESSION_KEY)
    return None if text is None else ClockSession.model_validate_json(text)
