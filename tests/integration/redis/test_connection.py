"""A lost reply costs one error and makes one entry."""

import asyncio
from typing import Any

import pytest
import uvloop
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.ports import Priority
from prime_jennie.infra.redis.cache import TypedCache
from prime_jennie.infra.redis.connection import CancellableConnection, connect
from prime_jennie.infra.redis.limiter import GcraLimiter
from prime_jennie.infra.redis.locks import RedisLocks
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from tests.support.cutting_proxy import CuttingProxy
from tests.support.notes import Note
from tests.support.redis_server import RedisServer, free_port


async def test_a_lost_reply_makes_one_entry_and_an_error(redis: Redis, redis_server: RedisServer) -> None:
    async with CuttingProxy(redis_server.port) as proxy:
        client = connect(proxy.url)
        publisher = TypedStreamPublisher(client, "stream:notes", Note)
        proxy.cut_reply_to(b"XADD")
        with pytest.raises(RedisConnectionError):
            await publisher.publish(Note(text="order"))
        assert (proxy.cuts, await redis.xlen("stream:notes")) == (1, 1)
        await publisher.publish(Note(text="next"))
        assert await redis.xlen("stream:notes") == 2
        await client.aclose()


async def test_a_pipeline_whose_reply_is_lost_runs_once(redis: Redis, redis_server: RedisServer) -> None:
    async with CuttingProxy(redis_server.port) as proxy:
        client = connect(proxy.url)
        proxy.cut_reply_to(b"XADD")
        async with client.pipeline(transaction=True) as pipeline:
            pipeline.xadd("stream:notes", {"payload": "a"})
            pipeline.incr("count")
            with pytest.raises(RedisConnectionError):
                await pipeline.execute()
        assert (await redis.xlen("stream:notes"), await redis.get("count")) == (1, "1")
        await client.aclose()


async def test_a_hostile_byte_in_an_entry_does_not_make_its_neighbours_unreadable(
    redis: Redis, redis_server: RedisServer
) -> None:
    raw = Redis.from_url(redis_server.url)
    await raw.xadd("stream:notes", {b"payload": b'\xff\xfe{"text":1}'})
    await raw.aclose()
    await redis.xadd("stream:notes", {"payload": "fine"})
    assert [fields["payload"] for _, fields in await redis.xrange("stream:notes")][1] == "fine"


def test_a_socket_that_is_closed_when_it_is_written_to_is_an_error_of_redis_on_uvloop_too(
    redis_server: RedisServer,
) -> None:
    async def write_to_a_closed_socket() -> None:
        connection = CancellableConnection(host="127.0.0.1", port=redis_server.port)
        await connection.connect()
        connection._writer.transport.abort()  # type: ignore[union-attr]
        await asyncio.sleep(0)
        with pytest.raises(RedisConnectionError, match="Connection closed"):
            await connection.send_command("PING")
        assert not connection.is_connected

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(write_to_a_closed_socket())


async def test_ports_say_unavailable_when_nobody_listens() -> None:
    client = connect(f"redis://127.0.0.1:{free_port()}/0")
    with pytest.raises(Unavailable):
        await TypedCache(client, "note", Note, 60).get()
    with pytest.raises(Unavailable):
        await TypedCache(client, "note", Note, 60).set(Note(text="a"))
    with pytest.raises(Unavailable):
        await RedisLocks(client).lock("lock:buy:1:005930", 30).acquire()
    with pytest.raises(Unavailable):
        await GcraLimiter(client, "12345678-01", 19).acquire(Priority.EXITS)
    await client.aclose()


async def test_a_command_cancelled_at_the_moment_it_was_sent_is_cancelled(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(redis_server.url)
    await client.ping()
    send = CancellableConnection._send_packed_command

    async def send_and_cancel(connection: Any, command: Any) -> None:
        await send(connection, command)
        asking.cancel()  # the command is on the wire, the caller has not heard of it yet

    monkeypatch.setattr(CancellableConnection, "_send_packed_command", send_and_cancel)
    asking = asyncio.create_task(client.echo("first"))
    with pytest.raises(asyncio.CancelledError):
        await asking
    monkeypatch.undo()
    assert await client.echo("second") == "second"  # and not the first one's reply
    await client.aclose()
