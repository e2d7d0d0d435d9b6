"""The live configuration's channel on one machine: a file, a Redis key with its generation, an announcement."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass

from redis.exceptions import RedisError

from prime_jennie.infra.redis.connection import connect
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
        return f"{self.strategy}:config"


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

    async def acknowledged(self, strategy: str) -> dict[str, int]:
        """Read which service follows which generation."""
        answers = await self._redis.hgetall(f"{strategy}:config:ack")
        return {str(service): int(generation) for service, generation in answers.items()}

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
