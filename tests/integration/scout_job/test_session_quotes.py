"""Runs while the exchange is open: quotes count, and a market that nobody quotes fails the attempt."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.market import Snapshots
from prime_jennie.domain.sectors import SectorGroup
from scout_job import quotes as batches
from tests.support.scanning import DAY, at
from tests.support.scouting import KOSDAQ_STOCK, SESSIONS, STRONG_STOCKS, ScoutWorld, strong

STRONG = [strong(number) for number in range(STRONG_STOCKS)]
LISTABLE = [*STRONG, KOSDAQ_STOCK]


@pytest.fixture
async def trading(world: ScoutWorld) -> ScoutWorld:
    """Return a market at 09:30 whose stocks all trade where they closed, and the list of 08:30."""
    await world.run()(world.job())
    world.clock.set(at("09:30"))
    for code in LISTABLE:
        world.quote(code, (await world.prices.closes(code, 1, before=DAY))[0])
    return world


async def test_the_price_of_now_is_judged(trading: ScoutWorld) -> None:
    crashed = STRONG[0]
    trading.quote(crashed, (await trading.prices.closes(crashed, 1, before=DAY))[0] * 7 // 10)
    await trading.run()(trading.job("09:30"))
    before, now = await trading.scores("scout-20260219-0830"), await trading.scores("scout-20260219-0930")
    assert now[crashed].value_score < before[crashed].value_score  # −30 % from the year's high
    assert now[crashed].technical_score == before[crashed].technical_score - 5  # below both averages
    assert now[STRONG[1]].total_quant_score == before[STRONG[1]].total_quant_score


async def test_todays_changes_warm_and_cool_the_sectors(trading: ScoutWorld) -> None:
    for code in STRONG:
        seen = trading.broker.quotes[code]
        trading.broker.quotes[code] = seen.model_copy(update={"change_pct": -6.0})
    await trading.run()(trading.job("09:30"))
    budget = await trading.budget()
    assert budget.entries[SectorGroup.FINANCE].tier.value == "COOL"
    assert budget.entries[SectorGroup.MEDIA_ENTERTAINMENT].tier.value == "HOT"


async def test_a_gateway_that_does_not_answer_fails_the_attempt_and_the_list_stays(trading: ScoutWorld) -> None:
    listed = await trading.watchlist()
    trading.gateway.down = True
    with pytest.raises(Unavailable, match=r"quotes of 0 of 7 stocks: Unavailable: the gateway did not answer"):
        await trading.run()(trading.job("09:30"))
    assert await trading.watchlist() == listed
    assert await trading.scores("scout-20260219-0930") == {}


async def test_a_stock_without_a_quote_is_scored_on_its_last_close_and_counted(trading: ScoutWorld) -> None:
    del trading.broker.prices_krw[STRONG[0]]
    run = trading.run()
    await run(trading.job("09:30"))
    assert STRONG[0] in await trading.listed()
    assert run.last is not None
    assert "quotes: 1 stocks, scored on their last close" in run.last.gaps


async def test_most_of_the_market_unquoted_is_no_market(trading: ScoutWorld) -> None:
    for code in LISTABLE[:4]:
        del trading.broker.prices_krw[code]
    with pytest.raises(Unavailable, match=r"quotes of 3 of 7 stocks: the exchange does not know"):
        await trading.run()(trading.job("09:30"))


async def test_old_quotes_are_none(trading: ScoutWorld) -> None:
    for code in LISTABLE:
        trading.quote(code, 20_000, seen_at=trading.clock.now() - timedelta(minutes=11))
    with pytest.raises(Unavailable, match=r"quotes of 0 of 7 stocks: the quote is 0:11:00 old"):
        await trading.run()(trading.job("09:30"))


async def test_a_stock_that_has_not_traded_by_now_is_halted(trading: ScoutWorld) -> None:
    trading.quote(STRONG[0], 20_000, volume=0)
    await trading.run()(trading.job("09:30"))
    assert STRONG[0] not in await trading.listed()
    rows = await trading.scores("scout-20260219-0930")
    assert rows[STRONG[0]].hybrid_score is None


async def test_right_after_the_open_a_stock_may_still_wait_for_its_first_trade(trading: ScoutWorld) -> None:
    world = trading
    world.clock._now = at("09:05")
    for code in LISTABLE:
        world.quote(code, world.broker.prices_krw[code], volume=0)
    await world.run()(world.job("09:05"))
    assert set(await world.listed()) == set(LISTABLE)


async def test_after_the_close_the_last_quotes_still_count(trading: ScoutWorld) -> None:
    trading.clock.set(at("16:10"))
    for code in LISTABLE:
        trading.quote(code, 20_000)
    await trading.run()(trading.job("16:10"))
    assert {row.technical_score for row in (await trading.scores("scout-20260219-1610")).values()}


async def test_a_day_without_a_session_asks_for_no_quotes(world: ScoutWorld) -> None:
    saturday = DAY + timedelta(days=2)
    assert not SESSIONS.is_session(saturday)
    await world.prices.upsert_daily([one for code in LISTABLE for one in await world.prices.daily(code, 1, before=DAY)])
    world.gateway.down = True
    await world.run()(world.job("11:00", saturday))
    assert await world.listed()


async def test_one_batch_that_fails_costs_its_own_stocks(trading: ScoutWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH", 2)
    asked: list[Sequence[str]] = []
    answered = trading.gateway.snapshots

    async def second_fails(codes: Sequence[str]) -> Snapshots:
        asked.append(codes)
        if len(asked) == 2:
            raise Unavailable("the gateway did not answer")
        return await answered(codes)

    monkeypatch.setattr(trading.gateway, "snapshots", second_fails)
    run = trading.run()
    await run(trading.job("09:30"))
    assert [len(batch) for batch in asked] == [2, 2, 2, 1]
    assert run.last is not None
    assert "quotes: 2 stocks, scored on their last close" in run.last.gaps
