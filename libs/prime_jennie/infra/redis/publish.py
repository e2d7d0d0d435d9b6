"""Publish through short outages, once."""

from typing import Final, TypeVar

from pydantic import BaseModel

from prime_jennie.infra.outages import OUTAGES, Backoff
from prime_jennie.infra.redis.streams import TypedStreamPublisher

T = TypeVar("T", bound=BaseModel)

ATTEMPTS: Final = 5


async def publish_once(publisher: TypedStreamPublisher[T], message: T, message_id: str) -> str | None:
    """Publish under one id, again while Redis fails; return why it did not work, None when it did.

    A repeat after a lost reply may add a second entry; every inbox takes the id once.
    """
    backoff = Backoff()
    failure: str | None = None
    for attempt in range(1, ATTEMPTS + 1):
        try:
            await publisher.publish(message, message_id=message_id)
            return None
        except OUTAGES as error:
            failure = f"stream: {type(error).__name__}"
            if attempt < ATTEMPTS:
                await backoff.pause()
    return failure
