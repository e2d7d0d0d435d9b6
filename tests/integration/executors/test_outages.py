"""Redis dies in the middle of an order and comes back."""

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.redis.connection import connect
from tests.support.executors import SAMSUNG, Floor
from tests.support.redis_server import RedisServer


async def test_a_redis_that_dies_while_an_order_is_followed_costs_neither_order_nor_booking(
    mortal_redis: RedisServer, sqlite_db: Database
) -> None:
    redis = connect(mortal_redis.url)
    floor = Floor(redis, sqlite_db)
    await floor.open()
    floor.gateway.fill_steps = {0: 8, 2: 50}

    async def kill_redis(_key: str, look: int) -> None:
        if look == 0:
            mortal_redis.kill()
        if look == 2:
            mortal_redis.start()

    floor.gateway.on_look = kill_redis
    async with floor.running(await floor.buyer()):
        message = await floor.signal()
        assert (await floor.finished(message))[0] == "bought"
    assert len(floor.gateway.sent) == 1
    assert (await floor.positions())[SAMSUNG].quantity == 58
    await floor.booked_matches_filled()
    assert [told.quantity for told in (await floor.notifications()).values()] == [58]
    await redis.aclose()


async def test_an_exit_goes_out_while_redis_is_dead(mortal_redis: RedisServer, sqlite_db: Database) -> None:
    """Redis gone: buys are refused, reduce-only sells pass (design §6)."""
    redis = connect(mortal_redis.url)
    floor = Floor(redis, sqlite_db)
    await floor.open()
    buyer, seller = await floor.buyer(), await floor.seller()
    async with floor.running(buyer, seller):
        await floor.finished(await floor.signal())
        look = floor.gateway.balance

        async def kill_redis_first() -> object:
            mortal_redis.kill()
            floor.gateway.balance = look  # type: ignore[method-assign]
            return await look()

        floor.gateway.balance = kill_redis_first  # type: ignore[assignment, method-assign]
        message = await floor.sell()
        while len(floor.gateway.sent) < 2:
            await floor.clock.sleep(1)
        assert await floor.outcome(message) is None  # cooldowns must still be written
        mortal_redis.start()
        assert (await floor.finished(message))[0] == "sold"
    await floor.booked_matches_filled()
    assert await redis.exists(f"krx-core:sell_cooldown:{SAMSUNG}")
    await redis.aclose()
