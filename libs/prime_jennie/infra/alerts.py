"""Tell a person, without ever breaking what the teller was doing."""

import asyncio
import hashlib
import logging
import uuid
from typing import Final

import structlog
from redis.asyncio import Redis

from prime_jennie.domain.alerts import LONGEST_TEXT, LONGEST_TITLE, Alert, AlertLevel, shortened
from prime_jennie.domain.keys import Keyspace
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.topics import ALERTS
from prime_jennie.infra.logging import mask_text
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.redis.streams import TypedStreamPublisher

SEND_WITHIN_SECS: Final = 2.0  # real: who tells of a loss limit must go on selling

log = structlog.get_logger(__name__)


class Alerts:
    """Publishes one service's alerts; `strategy` is the one the service works for, None for a platform service."""

    def __init__(self, redis: Redis, clock: Clock, service: str, *, strategy: str | None = None) -> None:
        self._publisher = TypedStreamPublisher(
            redis, ALERTS.stream_for(Keyspace()), ALERTS.model, max_entries=ALERTS.maxlen
        )
        self._clock = clock
        self._service = service
        self._strategy = strategy

    async def send(
        self, level: AlertLevel, title: str, text: str, *, key: str | None = None, strategy: str | None = None
    ) -> bool:
        """Publish an alert and tell whether that is certain; never raises for an outage.

        A repeat under the same `key` reaches a person once; without a key each call is an event of its own. Secrets
        in the text are masked, what is too long is cut. It is logged at its own level as well, so Slack shows it too.
        """
        alert = Alert(
            level=level,
            title=shortened(mask_text(title), LONGEST_TITLE),
            text=shortened(mask_text(text), LONGEST_TEXT),
            service=self._service,
            at=self._clock.now(),
            strategy=strategy if strategy is not None else self._strategy,
            key=key if key is not None else uuid.uuid4().hex,
        )
        log.log(logging.getLevelName(alert.level.value), alert.title, text=alert.text, key=alert.key)
        try:
            async with asyncio.timeout(SEND_WITHIN_SECS):
                await self._publisher.publish(alert, message_id=message_id_of(alert.key))
        except OUTAGES as error:
            log.error("alert not published", title=alert.title, error=type(error).__name__)
            return False
        return True


def message_id_of(key: str) -> str:
    """Return the stream's message id of an alert's key: any key fits, the same one gives the same id."""
    return f"alert:{hashlib.sha256(key.encode()).hexdigest()[:40]}"
