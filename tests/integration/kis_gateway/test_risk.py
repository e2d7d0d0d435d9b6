"""The risk engine: a limit that is reached pauses buys until the session's day is over; unknown is never "no loss"."""

import asyncio
from datetime import timedelta

import pytest
from redis.asyncio import Redis

from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.risk import WHOLE_ACCOUNT, Halt, HaltSource, HaltState
from prime_jennie.infra.database.engines import Database
from tests.support.order_desk import OPEN, SAMSUNG, STRATEGY
from tests.support.risk_desk import FRIDAY, MONDAY, NOON, RiskDesk, daily_bar

LIMITED = {"capitalKrw": 50_000_000, "risk": {"dailyLossLimitPct": 1}}


@pytest.fixture
async def desk(redis: Redis, sqlite_db: Database) -> RiskDesk:
    """Hold 58 shares bought today at 72,100 under a limit of 1 % of 50,000,000 won: 500,000."""
    opened = RiskDesk(redis, sqlite_db)
    await opened.announce(**LIMITED)
    await opened.buy()
    return opened


async def state(desk: RiskDesk, strategy: str = STRATEGY) -> HaltState:
    return await desk.halts.effective(strategy)


async def refusal(desk: RiskDesk) -> str | None:
    return await desk.risk.refuses_buy(STRATEGY, await desk.standings.config(STRATEGY))


async def test_a_loss_under_the_limit_lets_buys_pass(desk: RiskDesk) -> None:
    # 58 × 8,500 = 493,000, and 587 won of commission on 4,181,800: 493,587 of 50,000,000 is 0.99 %.
    desk.broker.prices_krw[SAMSUNG] = 63_600
    await desk.risk.look()
    assert await refusal(desk) is None
    assert await state(desk) is HaltState.ACTIVE
    assert desk.risk.losses[STRATEGY]["loss_pct"] == pytest.approx(0.9872)


async def test_a_loss_at_the_limit_pauses_without_anybody_asking_for_a_buy_and_stays(desk: RiskDesk) -> None:
    # 58 × 8,700 = 504,600 and 587 of commission: 1.01 %.
    desk.broker.prices_krw[SAMSUNG] = 63_400
    await desk.risk.look()
    (halt,) = await desk.halts.in_force(STRATEGY)
    assert (halt.state, halt.source, halt.who) == (HaltState.PAUSED, HaltSource.RISK, "risk-engine")
    assert halt.why == "the day's loss of 1.01 % has reached risk.dailyLossLimitPct 1"
    desk.broker.prices_krw[SAMSUNG] = 90_000
    desk.restart()
    await desk.redis.flushall()
    await desk.risk.look()
    assert await state(desk) is HaltState.PAUSED


async def test_a_person_is_told_once(desk: RiskDesk) -> None:
    desk.broker.prices_krw[SAMSUNG] = 63_400
    for _ in range(3):
        await desk.risk.look()
    (alert,) = await desk.alerts()
    assert (alert.level, alert.strategy) == (AlertLevel.CRITICAL, STRATEGY)
    assert "risk.dailyLossLimitPct 1" in alert.text


async def test_a_persons_resume_does_not_lift_it_and_a_persons_pause_is_not_ours(desk: RiskDesk) -> None:
    desk.broker.prices_krw[SAMSUNG] = 63_400
    await desk.risk.look()
    assert not await desk.halts.lift(STRATEGY, HaltSource.PERSON)
    person = Halt(state=HaltState.PAUSED, source=HaltSource.PERSON, who="owner", why="휴가", at=OPEN)
    await desk.halts.set(STRATEGY, person)
    desk.pass_days(1)
    await desk.close_at(63_400, MONDAY)
    await desk.risk.look()
    assert [halt.source for halt in await desk.halts.in_force(STRATEGY)] == [HaltSource.PERSON]


async def test_it_ends_with_the_next_session_and_the_loss_counts_anew_from_the_close(desk: RiskDesk) -> None:
    desk.broker.prices_krw[SAMSUNG] = 63_400
    await desk.risk.look()
    desk.clock.advance(timedelta(hours=13).total_seconds())  # 01:00 on Tuesday: its session's day has begun
    await desk.risk.look()
    assert await state(desk) is HaltState.ACTIVE
    await desk.close_at(63_400, MONDAY)
    desk.clock.advance(timedelta(hours=11).total_seconds())
    assert await refusal(desk) is None


async def test_it_lasts_over_a_weekend(redis: Redis, sqlite_db: Database) -> None:
    friday = NOON - timedelta(days=3)
    desk = RiskDesk(redis, sqlite_db, now=friday + timedelta(days=2))
    halt = Halt(state=HaltState.PAUSED, source=HaltSource.RISK, who="risk-engine", why="test", at=friday)
    for scope in (STRATEGY, WHOLE_ACCOUNT):
        await desk.halts.set(scope, halt)
    await desk.announce()
    await desk.risk.look()
    assert await state(desk) is HaltState.PAUSED
    desk.pass_days(1)
    await desk.risk.look()
    assert await state(desk) is HaltState.ACTIVE


async def test_a_realised_loss_counts_with_its_fees_and_tax(desk: RiskDesk) -> None:
    # Sold at 63,500: 58 × 8,600 = 498,800, commissions 587 + 517 and tax of 0.15 % on 3,683,000: 5,524 make 505,428.
    await desk.sell(58, 63_500)
    await desk.risk.look()
    assert desk.risk.losses[STRATEGY]["loss_pct"] == pytest.approx(1.0109)
    assert await state(desk) is HaltState.PAUSED


async def test_the_exchange_closed_nothing_is_measured(desk: RiskDesk) -> None:
    desk.broker.prices_krw[SAMSUNG] = 1
    desk.clock.advance(timedelta(hours=4).total_seconds())
    await desk.risk.look()
    assert await state(desk) is HaltState.ACTIVE


async def test_a_breach_found_by_a_buy_refuses_that_buy(desk: RiskDesk) -> None:
    desk.broker.prices_krw[SAMSUNG] = 63_400
    assert await refusal(desk) == "HALTED: the day's loss of 1.01 % has reached risk.dailyLossLimitPct 1"
    assert await state(desk) is HaltState.PAUSED


async def test_a_stock_without_a_price_makes_the_loss_unknown_and_buys_are_refused(desk: RiskDesk) -> None:
    del desk.broker.prices_krw[SAMSUNG]
    await desk.risk.look()
    assert await state(desk) is HaltState.ACTIVE
    assert "loop:daily-loss" in desk.outages.as_dependencies()
    assert [alert.level for alert in await desk.alerts()] == [AlertLevel.ERROR]
    why = f"risk.dailyLossLimitPct cannot be checked: no price of {SAMSUNG}"
    assert desk.risk.unknown == {STRATEGY: why}
    assert await refusal(desk) == f"LOSS_UNKNOWN: {why}"
    desk.broker.prices_krw[SAMSUNG] = 72_100
    assert await refusal(desk) is None
    assert desk.outages.as_dependencies() == {}
    assert desk.risk.unknown == {}


async def test_shares_bought_today_and_sold_by_hand_count_at_the_price_of_now_once_levelled(desk: RiskDesk) -> None:
    """The books said "more was bought today than is held or was sold", and every buy was refused until midnight."""
    await desk.level(held=58, left=20)
    # 58 × 8,500 = 493,000 and 587 won of commission, though 38 of them are no longer ours.
    desk.broker.prices_krw[SAMSUNG] = 63_600
    assert await refusal(desk) is None
    await desk.risk.look()
    assert desk.risk.losses[STRATEGY]["loss_pct"] == pytest.approx(0.9872)
    await desk.level(held=20, left=0)
    assert await refusal(desk) is None
    await desk.risk.look()
    assert desk.risk.losses[STRATEGY]["loss_pct"] == pytest.approx(0.9872)
    desk.pass_days(1)
    await desk.risk.look()
    assert desk.risk.losses[STRATEGY]["loss_pct"] == 0


async def test_a_limit_that_is_lifted_leaves_nothing_unknown(desk: RiskDesk) -> None:
    del desk.broker.prices_krw[SAMSUNG]
    await desk.risk.look()
    await desk.announce(generation=2, capitalKrw=50_000_000)
    await desk.risk.look()
    assert desk.risk.unknown == {}
    assert desk.outages.as_dependencies() == {}


async def test_what_was_unknown_in_the_session_troubles_nobody_after_it(desk: RiskDesk) -> None:
    del desk.broker.prices_krw[SAMSUNG]
    await desk.risk.look()
    desk.clock.advance(timedelta(hours=4).total_seconds())
    await desk.risk.look()
    assert desk.outages.as_dependencies() == {}
    assert desk.risk.unknown == {}


async def test_an_account_whose_balance_nobody_tells_buys_nothing(
    desk: RiskDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def silent() -> object:
        raise Unavailable("the broker is away")

    monkeypatch.setattr(desk.broker, "balance", silent)
    assert "no balance: Unavailable: the broker is away" in str(await refusal(desk))


async def test_what_was_held_overnight_needs_its_close_which_is_fetched_once(redis: Redis, sqlite_db: Database) -> None:
    desk = RiskDesk(redis, sqlite_db)
    await desk.announce(**LIMITED)
    await desk.buy(at=OPEN - timedelta(days=3))
    assert await refusal(desk) == (
        f"LOSS_UNKNOWN: risk.dailyLossLimitPct cannot be checked: no previous close of {SAMSUNG}"
    )
    desk.restart()
    desk.broker.daily[SAMSUNG] = [daily_bar(80_000, FRIDAY)]
    desk.broker.prices_krw[SAMSUNG] = 71_300  # 58 × 8,700: over the limit since the close, with a gain since the buy
    assert "1.01 %" in str(await refusal(desk))


async def test_without_a_limit_nothing_is_asked(desk: RiskDesk) -> None:
    await desk.announce(generation=2)
    del desk.broker.prices_krw[SAMSUNG]
    await desk.risk.look()
    assert await refusal(desk) is None


async def test_a_strategy_that_nobody_configured_is_bound_by_the_accounts_limit_alone(desk: RiskDesk) -> None:
    assert await desk.risk.refuses_buy("krx-other", None) is None


async def test_the_accounts_own_limit_pauses_every_strategy(redis: Redis, sqlite_db: Database) -> None:
    desk = RiskDesk(redis, sqlite_db, account_limit_pct=1)
    await desk.announce(risk={})
    await desk.buy()
    desk.broker.prices_krw[SAMSUNG] = 63_400
    await desk.risk.look()
    (halt,) = await desk.halts.in_force("krx-other")
    assert (halt.strategy, halt.source) == (WHOLE_ACCOUNT, HaltSource.RISK)
    assert halt.why.startswith("the day's loss of 1.0")
    (alert,) = await desk.alerts()
    assert alert.strategy is None
    assert "계좌 전체" in alert.title


async def test_orders_that_come_too_fast_pause_the_strategy_for_the_day(redis: Redis, sqlite_db: Database) -> None:
    desk = RiskDesk(redis, sqlite_db)
    await desk.announce(risk={"maxOrdersPerMinute": 2})
    for number in range(2):
        await desk.orders.accepted(f"order-{number}", TradeType.BUY, at=NOON - timedelta(seconds=59))
    await desk.risk.look()
    assert await state(desk) is HaltState.ACTIVE
    await desk.orders.accepted("one-more", TradeType.SELL, at=NOON)
    await desk.risk.look()
    (halt,) = await desk.halts.in_force(STRATEGY)
    assert halt.why == "3 orders in the last minute, risk.maxOrdersPerMinute is 2"
    desk.clock.advance(600)
    await desk.risk.look()
    assert await state(desk) is HaltState.PAUSED


async def test_a_standby_looks_at_nothing(desk: RiskDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the owner of the account may halt it: the loop waits until it is."""
    looks: list[bool] = []

    async def look() -> None:
        looks.append(desk.ownership.is_ready)

    monkeypatch.setattr(desk.risk, "look", look)
    monkeypatch.setattr("kis_gateway.risk.NOT_READY_SECS", 0.01)
    desk.ownership.is_ready = False
    task = asyncio.create_task(desk.risk.run())
    await asyncio.sleep(0.05)
    assert looks == []
    desk.ownership.is_ready = True
    await asyncio.sleep(0.05)
    assert looks == [True]
    desk.clock.advance(60)
    await asyncio.sleep(0.05)
    assert looks == [True, True]
    task.cancel()
