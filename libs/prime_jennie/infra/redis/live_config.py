"""A strategy's live configuration: the mounted file at start, then whatever Redis announces; no restart."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

import structlog
from pydantic import ValidationError
from redis.asyncio import Redis

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.outages import OUTAGES, Backoff

log = structlog.get_logger(__name__)

POLL_SECS: Final = 2.0  # real; an announcement can be lost, the key cannot


def read_config_file(path: Path) -> LiveConfig:
    """Return the configuration of a mounted file; raises BadInput naming file, field and reason."""
    try:
        return LiveConfig.model_validate_json(path.read_bytes())
    except OSError as error:
        raise BadInput(str(path), "", error.strerror or str(error)) from error
    except ValidationError as error:
        raise BadInput.from_validation(str(path), error) from error


async def read_live_config(redis: Redis, strategy: str | None) -> LiveConfig | None:
    """Return the configuration that Redis holds for a strategy, None when absent; raises BadInput when unreadable."""
    key = Keyspace(strategy).of(RedisKeys.CONFIG)
    text = await redis.get(key)
    if text is None:
        return None
    try:
        return LiveConfig.model_validate_json(text)
    except ValidationError as error:
        raise BadInput.from_validation(key, error) from error


class LiveConfigSource:
    """Holds the newest configuration of one strategy; the newest wins (`LiveConfig.age`).

    `check` raises BadInput for what the service cannot work by: such a configuration is neither adopted nor
    acknowledged. `listeners` are called with each new configuration, in order, before it is acknowledged.
    """

    def __init__(
        self,
        redis: Redis,
        *,
        service: str,
        strategy: str | None,
        file: Path | None,
        check: Callable[[LiveConfig], None] | None = None,
    ) -> None:
        self._redis = redis
        self._check = check
        self._refusal: str | None = None
        self._service = service
        self._keyspace = Keyspace(strategy)
        self._file = file
        self._current: LiveConfig | None = None
        self.listeners: list[Callable[[LiveConfig], None]] = []

    @property
    def current(self) -> LiveConfig:
        """Return the configuration in force."""
        if self._current is None:
            raise RuntimeError("no live configuration yet: await load() first")
        return self._current

    async def load(self) -> LiveConfig:
        """Read the file, then Redis, and return the newer; without a file it waits until Redis has one.

        Raises BadInput for an unreadable file: a service must not trade by a configuration nobody wrote.
        """
        if self._file is not None:
            mounted = read_config_file(self._file)
            self._adopt(mounted)
            if self._current is None:
                raise BadInput(str(self._file), "name", f"is {mounted.name!r}, not {self._keyspace.strategy!r}")
        backoff = Backoff()
        while True:
            try:
                await self._refresh()
            except OUTAGES as error:
                log.warning("live configuration not read from redis", error=f"{type(error).__name__}: {error}")
            if self._current is not None:
                return self._current
            await backoff.pause()

    async def follow(self) -> None:
        """Adopt what is announced, for ever; raises the outage that interrupts it, so run it in `survive`."""
        async with self._redis.pubsub(ignore_subscribe_messages=True) as subscription:
            await subscription.subscribe(self._keyspace.of(RedisKeys.CONFIG))
            await self._refresh()
            while True:
                await subscription.get_message(timeout=POLL_SECS)
                await self._refresh()

    async def _refresh(self) -> None:
        try:
            found = await read_live_config(self._redis, self._keyspace.strategy)
            if found is not None:
                self._adopt(found)
        except BadInput as error:
            if str(error) != self._refusal:
                log.error("announced configuration refused, the one in force stays", error=str(error))
            self._refusal = str(error)
            return
        if self._current is not None:
            acknowledgements = self._keyspace.of(RedisKeys.CONFIG_ACK)
            await self._redis.hset(acknowledgements, self._service, str(self._current.generation))

    def _adopt(self, found: LiveConfig) -> None:
        if self._keyspace.strategy is not None and found.name != self._keyspace.strategy:
            log.error("configuration of another strategy refused", name=found.name, ours=self._keyspace.strategy)
            return
        if self._current is not None and found.age <= self._current.age:
            return
        if self._check is not None:
            self._check(found)
        self._current = found
        log.info("live configuration in force", name=found.name, generation=found.generation)
        for listener in self.listeners:
            listener(found)
