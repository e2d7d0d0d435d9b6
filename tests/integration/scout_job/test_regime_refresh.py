"""The regime beside the runs: when it is written, from which days, and what stays when the gateway fails."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import date, timedelta

import httpx
import pytest

from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.market import IndexDailyPrice, MarketRegime
from prime_jennie.infra.database.repositories.insights import InsightRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from scout_job.app import create_app
from scout_job.config import ScoutSettings
from tests.support.eventually import eventually
from tests.support.insights import insight
from tests.support.scanning import DAY, at
from tests.support.service_desk import ServiceDesk, ready, started

KEY = RedisKeys.REGIME_CURRENT.value


@asynccontextmanager
async def scouting(desk: ServiceDesk, *, wait: bool = True) -> AsyncIterator[httpx.AsyncClient]:
    """Run the service."""
    settings = ScoutSettings(redis_url=desk.redis_url, database_url=desk.database_url)
    async with started(create_app(settings)) as client:
        if wait:
            await ready(client)
        yield client


@pytest.fixture
async def scout(desk: ServiceDesk) -> ServiceDesk:
    """Return a desk with a rising index and no regime yet."""
    await desk.redis.delete(KEY)
    desk.broker.indexes["0001"] = index([2_500 + day for day in range(30)])
    return desk


def index(closes: list[float], last: date = DAY - timedelta(days=1)) -> list[IndexDailyPrice]:
    """Return one bar a day up to a last day, labelled as an approximation."""
    return [
        IndexDailyPrice(
            index_code="0001",
            price_date=last - timedelta(days=len(closes) - 1 - number),
            open_price=close,
            high_price=close,
            low_price=close,
            close_price=close,
            volume=1,
            source="approximation",
        )
        for number, close in enumerate(closes)
    ]


async def written(desk: ServiceDesk) -> TradingContext | None:
    text = await desk.redis.get(KEY)
    return None if text is None else TradingContext.model_validate_json(text)


async def test_the_regime_is_written_before_the_open_with_its_source(scout: ServiceDesk) -> None:
    scout.clock._now = at("08:30")
    async with scouting(scout):
        found = await written(scout)
    # 2,500 … 2,529: MA20 is 2,519.5, distance +0.38 %, 1 d +0.04 %, 5 d +0.20 %. BULL 30 + 2.0 + 0.75 = 32.7 and
    # SIDEWAYS 30 + 30 + 40 = 100.
    assert found is not None
    assert (found.market_regime, found.date) == (MarketRegime.SIDEWAYS, DAY)
    assert (found.position_multiplier, found.stop_loss_multiplier, found.risk_off_level) == (1.0, 1.0, 0)
    assert found.regime_source is not None
    assert found.regime_source.startswith("index fallback 0001 (approximation) to 2026-02-18: +0.38 % from MA20")
    assert 0 < await scout.redis.ttl(KEY) <= 3600


async def test_long_before_the_open_nothing_is_written(scout: ServiceDesk) -> None:
    scout.clock._now = at("06:00")
    async with scouting(scout):
        assert await written(scout) is None
        scout.clock.set(at("07:31"))  # the first look within the ninety minutes before the open
        await eventually(lambda: scout.redis.exists(KEY))


async def test_todays_bar_does_not_count(scout: ServiceDesk) -> None:
    crash = index([2_500 + day for day in range(30)]) + index([1_000], last=DAY)
    scout.broker.indexes["0001"] = crash
    async with scouting(scout):
        found = await written(scout)
    assert found is not None
    assert found.market_regime is MarketRegime.SIDEWAYS
    assert await PriceRepository(scout.db).index_daily("0001", 1, before=DAY + timedelta(days=1)) == crash[-2:-1]


async def test_the_regime_is_written_again_every_thirty_clock_minutes(scout: ServiceDesk) -> None:
    async with scouting(scout):
        for minutes in (30, 60):
            await scout.redis.delete(KEY)
            await eventually(lambda: scout.clock.sleeping > 0)
            scout.clock.set(at("08:50") + timedelta(minutes=minutes - 1))
            assert await written(scout) is None
            scout.clock.set(at("08:50") + timedelta(minutes=minutes))
            await eventually(lambda: scout.redis.exists(KEY))


async def test_the_key_stays_as_it_was_while_the_gateway_fails(scout: ServiceDesk) -> None:
    await scout.set_regime()
    before = await written(scout)
    scout.gateway.down = True
    async with scouting(scout, wait=False) as client:

        async def interrupted() -> bool:
            return "loop:regime" in (await client.get("/health")).json()["dependencies"]

        await eventually(interrupted)
        assert (await client.get("/readyz")).status_code == 503
        assert await written(scout) == before
        scout.gateway.down = False
        await ready(client)
    assert (await written(scout)) != before


async def test_the_same_days_regime_is_refreshed_although_the_gateway_fails(scout: ServiceDesk) -> None:
    async with scouting(scout):
        scout.gateway.down = True
        await scout.redis.delete(KEY)
        await eventually(lambda: scout.clock.sleeping > 0)
        scout.clock.advance(1_800)
        await eventually(lambda: scout.redis.exists(KEY))


async def test_too_short_an_index_history_writes_nothing(scout: ServiceDesk) -> None:
    scout.broker.indexes["0001"] = index([2_500.0] * 19)
    async with scouting(scout) as client:
        assert (await client.get("/status")).json()["market_regime"] is None
    assert await written(scout) is None


async def test_stored_bars_up_to_the_last_session_need_no_gateway(scout: ServiceDesk) -> None:
    await PriceRepository(scout.db).upsert_index(index([2_500 + day for day in range(30)]))
    scout.gateway.down = True
    async with scouting(scout):
        assert await written(scout) is not None


async def test_a_council_of_the_day_speaks_before_the_index(scout: ServiceDesk) -> None:
    await InsightRepository(scout.db).put(insight(insight_date=DAY, sentiment_score=72.0), run_id="council-1", raw={})
    scout.gateway.down = True
    async with scouting(scout):
        found = await written(scout)
    assert found is not None
    assert found.market_regime is MarketRegime.STRONG_BULL


async def test_status_tells_the_regime_and_its_source(scout: ServiceDesk) -> None:
    async with scouting(scout) as client:
        found = (await client.get("/status")).json()
    assert found["current_phase"] == "idle"
    assert found["market_regime"] == "SIDEWAYS"
    assert found["regime_source"].startswith("index fallback 0001")
