"""What persons were told."""

from redis.asyncio import Redis

from prime_jennie.domain.alerts import Alert
from prime_jennie.domain.topics import ALERTS


async def told_alerts(redis: Redis) -> list[Alert]:
    """Return every alert that was published, oldest first, repeats of one key included."""
    entries = await redis.xrange(ALERTS.stream.value)
    return [Alert.model_validate_json(fields["payload"]) for _, fields in entries]
