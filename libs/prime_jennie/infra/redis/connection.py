"""One way to connect: a lost reply is an error the caller sees, never a silent second write."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from redis.asyncio import Connection, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import RedisError

from prime_jennie.domain.errors import Unavailable

SOCKET_TIMEOUT_SECS = 5.0
BLOCK_SECS = 2.0  # of XREAD and XREADGROUP: well below the socket timeout, which would cut a longer wait


class CancellableConnection(Connection):
    """A connection on which a cancelled command stays cancelled.

    redis-py sends under `asyncio.wait_for`, which up to Python 3.11 drops a cancellation that meets a send just done:
    a loop that was told to stop would read on for ever. The reply that nobody reads any more goes with the socket.
    """

    async def send_packed_command(self, command: Any, check_health: bool = True) -> None:
        task = asyncio.current_task()
        asked_before = 0 if task is None else task.cancelling()
        try:
            await super().send_packed_command(command, check_health)
        except RuntimeError as error:  # uvloop's word for a socket that the other side has reset already
            await self.disconnect(nowait=True)
            raise RedisConnectionError(f"Connection closed before it was written to: {error}") from error
        if task is not None and task.cancelling() > asked_before:
            await self.disconnect(nowait=True)
            raise asyncio.CancelledError


def connect(url: str, *, socket_timeout_secs: float = SOCKET_TIMEOUT_SECS) -> Redis:
    """Return a client that sends every command at most once.

    redis-py repeats a command ten times by default: one lost reply then makes eleven stream entries.
    """
    return Redis.from_url(
        url,
        connection_class=CancellableConnection,
        decode_responses=True,
        encoding_errors="replace",  # one hostile byte in an entry must not make its neighbours unreadable
        protocol=2,  # one shape of answers on Redis 6.2, 7 and Valkey
        retry=Retry(NoBackoff(), 0),
        socket_timeout=socket_timeout_secs,
        socket_connect_timeout=2.0,
    )


@contextmanager
def reachable() -> Iterator[None]:
    """Turn Redis's own errors into Unavailable, for ports whose callers know no Redis."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise Unavailable(f"redis: {type(error).__name__}: {error}") from error
