"""The day's loss limit pauses buys, and only buys, and only for its day."""

from datetime import timedelta

import pytest

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.risk import Halt, HaltSource, HaltState
from prime_jennie.domain.trading_strategy import RiskSpec
from prime_jennie.infra.database.repositories.halts import HaltRepository
from tests.support.executors import DAY, HYNIX, NOON, SAMSUNG, Floor
from tests.support.sql_gateway import ACCOUNT, STRATEGY


@pytest.fixture
async def limited(floor: Floor) -> Floor:
    """Hold 58 shares bought at 72,100 under a limit of 1 % of 50,000,000 won: 500,000."""
    await floor.configure(floor.spec.model_copy(update={"risk": RiskSpec(daily_loss_limit_pct=1)}))
    floor.list_stock(HYNIX, 200_000, pattern=1)
    async with floor.running(await floor.buyer()):
        assert (await floor.finished(await floor.signal()))[0] == "bought"
    return floor


async def next_buy(floor: Floor) -> tuple[str, str]:
    async with floor.running(await floor.buyer()):
        return await floor.finished(await floor.signal(stock_code=HYNIX, stock_name="SK하이닉스"))


async def test_a_loss_under_the_limit_lets_buys_pass(limited: Floor) -> None:
    # 58 × 8,500 = 493,000, and 587 won of commission on 4,181,800: 493,587 of 50,000,000 is 0.99 %.
    limited.gateway.prices[SAMSUNG] = 63_600
    assert (await next_buy(limited))[0] == "bought"


async def test_a_loss_at_the_limit_pauses_buys_and_stays_when_the_price_recovers(limited: Floor) -> None:
    # 58 × 8,700 = 504,600 and 587 of commission: 1.01 %.
    limited.gateway.prices[SAMSUNG] = 63_400
    assert await next_buy(limited) == ("refused", "halt: trading is Paused")
    (halt,) = await HaltRepository(limited.db).in_force(ACCOUNT, STRATEGY)
    assert (halt.state, halt.source) == (HaltState.PAUSED, HaltSource.RISK)
    assert halt.why == "the day's loss of 1.01 % has reached risk.dailyLossLimitPct 1"
    limited.gateway.prices[SAMSUNG] = 80_000
    assert await next_buy(limited) == ("refused", "halt: trading is Paused")


async def test_a_realised_loss_counts_and_exits_pass_the_pause(limited: Floor) -> None:
    # Sold at 63,500: 58 × 8,600 = 498,800, commissions 587 + 517 and tax of 0.15 % on 3,683,000: 5,524 make 505,428.
    limited.gateway.prices[SAMSUNG] = 63_500
    async with limited.running(await limited.seller()):
        assert (await limited.finished(await limited.sell()))[0] == "sold"
    assert await next_buy(limited) == ("refused", "halt: trading is Paused")


async def test_overnight_the_loss_begins_anew_at_the_previous_close(limited: Floor) -> None:
    """The bought day's fall is in Monday's close; Tuesday counts from there, and Monday's pause is over."""
    limited.gateway.prices[SAMSUNG] = 63_400
    assert await next_buy(limited) == ("refused", "halt: trading is Paused")
    monday = limited.gateway.bars[SAMSUNG][-1].model_copy(
        update={"price_date": DAY, "low_price": 63_000, "close_price": 63_400}
    )
    limited.gateway.bars[SAMSUNG].append(monday)
    limited.clock.advance(86_400)
    context = TradingContext(
        date=DAY + timedelta(days=1), market_regime=MarketRegime.BULL, position_multiplier=1.0, stop_loss_multiplier=1.0
    )
    await limited.redis.set(RedisKeys.REGIME_CURRENT.value, context.model_dump_json())
    assert (await next_buy(limited))[0] == "bought"
    assert await HaltRepository(limited.db).in_force(ACCOUNT, STRATEGY) == []


async def test_a_persons_pause_is_not_ours_to_lift(floor: Floor) -> None:
    halts = HaltRepository(floor.db)
    earlier = NOON - timedelta(days=3)
    for source in (HaltSource.PERSON, HaltSource.RISK):
        halt = Halt(state=HaltState.PAUSED, source=source, who="test", why="test", at=earlier)
        await halts.set(ACCOUNT, STRATEGY, halt)
    assert await next_buy(floor) == ("refused", "halt: trading is Paused")
    assert [halt.source for halt in await halts.in_force(ACCOUNT, STRATEGY)] == [HaltSource.PERSON]


async def test_a_regime_of_another_day_is_none(floor: Floor) -> None:
    """Its key may outlive its day: Redis counts real time, the day is the clock's."""
    context = TradingContext(
        date=DAY - timedelta(days=3), market_regime=MarketRegime.BULL, position_multiplier=1.0, stop_loss_multiplier=1.0
    )
    await floor.redis.set(RedisKeys.REGIME_CURRENT.value, context.model_dump_json())
    assert await next_buy(floor) == ("refused", "halt: no market regime is known")
