"""Daily bars through the gateway into SQL, only what is missing."""

import pytest

from prime_jennie.domain.errors import Unavailable
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.price_history import PriceHistory
from tests.support.executors import DAY, HYNIX, SAMSUNG, Floor, daily_bars


def history(floor: Floor) -> PriceHistory:
    return PriceHistory(floor.gateway, PriceRepository(floor.db), load_sessions())


async def test_a_new_stock_is_fetched_once_and_oldest_first(floor: Floor) -> None:
    """An ancestor took newest-first candles for oldest-first: reversed indicators (rulebook §6 ✗)."""
    floor.gateway.bars[SAMSUNG] = daily_bars(SAMSUNG, 72_100)[::-1]
    made = history(floor)
    written = await made.ensure([SAMSUNG, SAMSUNG], before=DAY)
    assert written == len(floor.gateway.bars[SAMSUNG])
    assert await made.ensure([SAMSUNG], before=DAY) == 0
    assert await history(floor).ensure([SAMSUNG], before=DAY) == 0
    assert floor.gateway.daily_asked == [SAMSUNG]
    days = [bar.price_date for bar in await PriceRepository(floor.db).daily(SAMSUNG, 200, before=DAY)]
    assert days == sorted(days)


async def test_the_day_itself_is_never_stored_as_history(floor: Floor) -> None:
    today = daily_bars(SAMSUNG, 72_100)[-1].model_copy(update={"price_date": DAY})
    floor.gateway.bars[SAMSUNG].append(today)
    await history(floor).ensure([SAMSUNG], before=DAY)
    assert (await PriceRepository(floor.db).last_dates([SAMSUNG]))[SAMSUNG] < DAY


async def test_bars_that_end_a_session_early_are_fetched_again(floor: Floor) -> None:
    await PriceRepository(floor.db).upsert_daily(floor.gateway.bars[SAMSUNG][:-1])
    assert await history(floor).ensure([SAMSUNG], before=DAY) > 0


async def test_an_unknown_stock_does_not_stop_the_others(floor: Floor) -> None:
    assert await history(floor).ensure([HYNIX, SAMSUNG], before=DAY) == len(floor.gateway.bars[SAMSUNG])


async def test_an_outage_is_told_and_the_next_call_fetches(floor: Floor) -> None:
    made = history(floor)
    floor.gateway.down = True
    with pytest.raises(Unavailable):
        await made.ensure([SAMSUNG], before=DAY)
    floor.gateway.down = False
    assert await made.ensure([SAMSUNG], before=DAY) > 0
