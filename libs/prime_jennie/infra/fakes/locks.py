"""Locks in a dictionary."""

from uuid import uuid4


class InMemoryLock:
    """Twin of OwnerLock."""

    def __init__(self, owners: dict[str, str], key: str, ttl_secs: float, owner: str | None = None) -> None:
        self._owners = owners
        self.key = key
        self.ttl_secs = ttl_secs
        self.token = owner or uuid4().hex

    async def acquire(self) -> bool:
        if self.key in self._owners:
            return False
        self._owners[self.key] = self.token
        return True

    async def renew(self) -> bool:
        return self._owners.get(self.key) == self.token

    async def release(self) -> bool:
        if self._owners.get(self.key) != self.token:
            return False
        del self._owners[self.key]
        return True


class InMemoryLocks:
    """Twin of RedisLocks; `owners` maps keys to tokens, `expire` stands for the passing of a time to live."""

    def __init__(self) -> None:
        self.owners: dict[str, str] = {}

    def lock(self, key: str, ttl_secs: float, owner: str | None = None) -> InMemoryLock:
        return InMemoryLock(self.owners, key, ttl_secs, owner)

    def expire(self, key: str) -> None:
        """Free a key as its time to live would."""
        self.owners.pop(key, None)
