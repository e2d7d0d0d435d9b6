"""What a person sets at run time: a dry run sends nothing, a smaller number of buys a day counts at once."""

import pytest

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.signals import SellReason
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.overrides import OFF, ON, dry_run_key, max_buys_key
from tests.support.executors import HYNIX, NOON, SAMSUNG, Floor
from tests.support.sql_gateway import STRATEGY


async def override(floor: Floor, key: str, value: str) -> None:
    await ConfigRepository(floor.db).put(key, value, who="owner", at=NOON)


async def nothing_happened(floor: Floor, sent: int = 0) -> bool:
    """Say that no order left, nothing was booked, told or cooled down."""
    keys = await floor.redis.keys("*cooldown*")
    return (len(floor.gateway.sent), keys, len(await floor.notifications())) == (sent, [], sent)


async def test_in_a_dry_run_a_buy_is_recorded_with_what_it_would_have_been(floor: Floor) -> None:
    await override(floor, dry_run_key(STRATEGY), ON)
    async with floor.running(await floor.buyer()):
        outcome, reason = await floor.finished(await floor.signal())
    assert outcome == "dry_run"
    assert reason.startswith("dry_run: DRYRUN-0000, nothing was sent: 58 shares at the market; GOLDEN_CROSS at 72,100")
    assert await nothing_happened(floor)
    assert await floor.positions() == {}


async def test_in_a_dry_run_not_even_a_stop_is_sent_and_the_position_stays(floor: Floor) -> None:
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(await floor.signal()))[0] == "bought"
    await override(floor, dry_run_key(STRATEGY), ON)
    mark = floor.keys.of(RedisKeys.WATERMARK, code=SAMSUNG)
    await floor.redis.set(mark, "life:80000")
    async with floor.running(await floor.seller()):
        outcome, reason = await floor.finished(await floor.sell(sell_reason=SellReason.STOP_LOSS))
    assert outcome == "dry_run"
    assert "DRYRUN-0000, nothing was sent: 58 shares at the market; STOP_LOSS" in reason
    assert await nothing_happened(floor, sent=1)
    assert await floor.redis.exists(mark)
    assert (await floor.positions())[SAMSUNG].quantity == 58


@pytest.mark.parametrize(("value", "outcome"), [(OFF, "bought"), ("maybe", "dry_run")])
async def test_a_value_that_nobody_understands_counts_as_a_dry_run(floor: Floor, value: str, outcome: str) -> None:
    await override(floor, dry_run_key(STRATEGY), value)
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(await floor.signal()))[0] == outcome


async def test_health_tells_of_the_dry_run(floor: Floor) -> None:
    loop = await floor.buyer()
    assert not loop.room.dry_run.last
    await override(floor, dry_run_key(STRATEGY), ON)
    async with floor.running(loop):
        await floor.finished(await floor.signal())
    assert loop.room.dry_run.last


async def test_a_persons_smaller_number_of_buys_counts_and_a_larger_one_does_not(floor: Floor) -> None:
    floor.list_stock(HYNIX, 200_000, pattern=1)
    await override(floor, max_buys_key(STRATEGY), "1")
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(await floor.signal()))[0] == "bought"
        second = await floor.finished(await floor.signal(stock_code=HYNIX, stock_name="SK하이닉스"))
    assert second == ("refused", "daily_buys: 1 buys today, 1 are allowed")


async def test_a_number_that_nobody_can_read_allows_no_buys(floor: Floor) -> None:
    await override(floor, max_buys_key(STRATEGY), "many")
    async with floor.running(await floor.buyer()):
        assert await floor.finished(await floor.signal()) == ("refused", "daily_buys: 0 buys today, 0 are allowed")
