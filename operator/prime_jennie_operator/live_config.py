"""The live configuration's channel: a Redis key with its generation, an announcement, and who follows it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from redis.exceptions import RedisError

from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.redis.connection import connect
from prime_jennie.infra.redis.strategies import known_strategies
from prime_jennie_operator.desired.strategy import CONFIG_FILE
from prime_jennie_operator.manifest import Manifest, of_kind, strategy_of

RESYNC_SECS = 5.0


@dataclass(frozen=True, slots=True)
class Announced:
    """One strategy's live configuration as text, exactly as the mounted file has it."""

    strategy: str
    generation: int
    text: str

    @property
    def key(self) -> str:
        return Keyspace(self.strategy).of(RedisKeys.CONFIG)

    @property
    def acknowledgements(self) -> str:
        """Name the hash of service → generation."""
        return Keyspace(self.strategy).of(RedisKeys.CONFIG_ACK)


def announced_in(manifests: Iterable[Manifest]) -> dict[str, Announced]:
    """Find the live configurations among desired objects, by strategy."""
    found = {}
    for config_map in of_kind(manifests, "ConfigMap"):
        strategy, text = strategy_of(config_map), config_map.get("data", {}).get(CONFIG_FILE)
        if strategy and text:
            found[strategy] = Announced(strategy, int(json.loads(text)["generation"]), text)
    return found


class LiveConfigChannel:
    """Write configurations into Redis and read back who follows them."""

    def __init__(self, redis_url: str) -> None:
        self._redis = connect(redis_url)
        self._current: dict[str, Announced] = {}

    async def publish(self, announced: Announced) -> None:
        """Set the key, then announce it on the channel of the same name."""
        self._current[announced.strategy] = announced
        await self._redis.set(announced.key, announced.text)
        await self._redis.publish(announced.key, announced.text)

    async def announce(self, announced: Announced) -> tuple[str | None, dict[str, int]]:
        """Publish what Redis does not say already; return the namespace that uses the name on this Redis, if another.

        And who followed which generation before that, read on the same journey. What a strategy that was deleted has
        left under the name is forgotten: acknowledgements of its generations.
        """
        asked = self._redis.pipeline(transaction=False)
        asked.get(announced.key)
        asked.hgetall(announced.acknowledgements)
        said, answers = await asked.execute(raise_on_error=False)
        if isinstance(said, Exception):
            raise said
        if isinstance(answers, Exception):  # acknowledgements that nobody can read must not hold up a halt
            answers = {}
        if said == announced.text:
            return None, _generations(answers)
        before = _told(said)
        ours = None if before is None else _told(announced.text)
        told = self._redis.pipeline(transaction=True)
        if before is not None and ours is not None:
            if before.namespace != ours.namespace:
                return before.namespace, {}
            if before.created_at != ours.created_at:
                told.delete(announced.acknowledgements)
                answers = {}
        told.set(announced.key, announced.text)
        told.publish(announced.key, announced.text)
        await told.execute()
        return None, _generations(answers)

    async def announced_of(self, namespace: str) -> set[str]:
        """Name the strategies of a namespace that Redis knows, those that are no more among them."""
        known = await known_strategies(self._redis)
        return {name for name, live in known.items() if live.namespace == namespace}

    async def forget(self, strategy: str, namespace: str) -> bool:
        """Remove the configuration of a strategy that is no more; False when another namespace has the name by now.

        A person's halts stay, and so do its streams: they are no configuration.
        """
        announced = Announced(strategy, 0, "")
        before = _told(await self._redis.get(announced.key))
        if before is not None and before.namespace != namespace:
            return False
        await self._redis.delete(announced.key, announced.acknowledgements)
        return True

    async def acknowledged(self, strategy: str) -> dict[str, int]:
        """Read which service follows which generation."""
        answers = await self._redis.hgetall(Announced(strategy, 0, "").acknowledgements)
        return _generations(answers)

    async def acknowledged_by(self, strategies: Sequence[str]) -> list[dict[str, int]]:
        """Read the same of several strategies, in one journey."""
        pipeline = self._redis.pipeline(transaction=False)
        for strategy in strategies:
            pipeline.hgetall(Announced(strategy, 0, "").acknowledgements)
        return [_generations(answers) for answers in await pipeline.execute()]

    async def wait_for_acks(self, announced: Announced, services: set[str], timeout_secs: float = 10.0) -> set[str]:
        """Wait until the services follow this generation or a later one; return those that do not yet."""
        deadline = time.monotonic() + timeout_secs
        missing = set(services)
        while missing:
            try:
                answers = await self.acknowledged(announced.strategy)
            except (RedisError, OSError):
                answers = {}
            missing = {s for s in services if answers.get(s, 0) < announced.generation}
            if time.monotonic() > deadline:
                break
            if missing:
                await asyncio.sleep(0.1)
        return missing

    async def keep(self) -> None:
        """Write the keys again whenever Redis has lost them (it was killed, or flushed), until cancelled."""
        while True:
            await asyncio.sleep(RESYNC_SECS)
            for announced in list(self._current.values()):
                try:
                    if await self._redis.get(announced.key) != announced.text:
                        await self.publish(announced)
                except (RedisError, OSError):
                    continue

    async def close(self) -> None:
        await self._redis.aclose()


def _generations(answers: Mapping[Any, Any]) -> dict[str, int]:
    """Read who follows what; an answer that is no number says nothing."""
    return {str(service): int(told) for service, told in answers.items() if str(told).isdecimal()}


def _told(text: str | bytes | None) -> LiveConfig | None:
    """Read what a key says; None for nothing, and for what nobody can read."""
    try:
        return None if text is None else LiveConfig.model_validate_json(text)
    except ValidationError:
        return None
