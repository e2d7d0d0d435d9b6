"""What `jennie status` reads: a real Redis and a migrated SQLite, services that are not there named as such."""

import json
import os
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from redis.asyncio import Redis
from sqlalchemy.orm import Session

from jennie.endpoints import running
from jennie.status_reader import StatusReader
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.market import DailyPrice
from prime_jennie.domain.risk import Halt, HaltSource, HaltState
from prime_jennie.domain.trading_strategy import LiveConfig, StrategyConfig
from prime_jennie.infra.clock.protocol import to_ms
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.halts import HaltRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow
from prime_jennie.infra.redis.connection import connect
from tests.support.database import migrate_empty
from tests.support.http_twin import Answer, HttpTwin
from tests.support.redis_server import running_redis

ACCOUNT = "50012345-01"
AT = datetime(2025, 3, 11, 3, 0, tzinfo=UTC)  # noon in Korea, a session


class World:
    """A run's folder, its stores, and a strategy whose services are silent and of whom no scout has written."""

    def __init__(self, folder: Path, redis_url: str) -> None:
        self.folder = folder
        self.redis: Redis = connect(redis_url)
        database_url = f"sqlite:///{folder / 'jennie.sqlite3'}"
        migrate_empty(database_url)
        self.db = Database(database_url)
        services = {"buy-scanner": {"component": "buy-scanner", "strategy": "krx", "ports": {"http": 1}}}
        content = {
            "pid": os.getpid(),
            "redis_url": redis_url,
            "database_url": database_url,
            "account_no": ACCOUNT,
            "strategies": ["krx"],
            "services": services | {"redis": {"component": "redis", "strategy": None, "ports": {"redis": 2}}},
        }
        (folder / "endpoints.json").write_text(json.dumps(content))

    def add_gateway(self, port: int) -> None:
        file = self.folder / "endpoints.json"
        content = json.loads(file.read_text())
        content["services"]["kis-gateway"] = {"component": "kis-gateway", "strategy": None, "ports": {"http": port}}
        file.write_text(json.dumps(content))

    async def prepare(self) -> None:
        config = LiveConfig(name="krx", generation=3, spec=StrategyConfig())
        await self.redis.set("krx:config", config.model_dump_json(by_alias=True))
        await self.redis.set("regime:current", TradingContext.safe_default(date(2025, 3, 11)).model_dump_json())
        await self.redis.set("clock:now", str(to_ms(AT)))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    with running_redis(tmp_path / "redis") as server:
        built = World(tmp_path, server.url)
        await built.prepare()
        yield built
        await built.redis.aclose()
        await built.db.close()


async def report_of(world: World):  # type: ignore[no-untyped-def]
    endpoints = running(world.folder)
    assert endpoints is not None
    reader = StatusReader(endpoints)
    try:
        return (await reader.reports())[0]
    finally:
        await reader.close()


async def test_a_silent_service_is_the_reason_and_the_rest_is_told(world: World) -> None:
    report = await report_of(world)
    assert report.reasons == (
        "buy-scanner does not answer",
        "the gateway does not answer",
        "the scout has published no watchlist",
        "no tick has come yet",
    )
    assert (report.mode, report.regime, report.generation, report.buys) == ("paper", "SIDEWAYS", 3, False)


async def test_halts_of_all_sources_are_reasons_and_the_most_severe_is_the_state(world: World) -> None:
    halt = Halt(state=HaltState.PAUSED, source=HaltSource.RISK, who="loss limit", why="3 % lost", at=AT)
    await HaltRepository(world.db).set(ACCOUNT, "krx", halt)
    await world.redis.set("krx:emergency:full_stop", "1")
    report = await report_of(world)
    assert "Paused by risk (loss limit: 3 % lost)" in report.reasons
    assert "Stopped by person (redis-cli: krx:emergency:full_stop is set to '1')" in report.reasons
    assert report.trading is HaltState.STOPPED


async def hold(world: World) -> None:
    """Book ten shares of long ago at 58,000 won."""
    row = ActivePortfolioRow(
        account=ACCOUNT,
        strategy="krx",
        stock_code="005930",
        position_id="p1",
        stock_name="삼성전자",
        quantity=10,
        average_buy_price=58_000,
        total_buy_amount=580_000,
        buy_commission_krw=81,
        scale_out_level=0,
        rsi_sold=False,
        bought_at=AT - timedelta(days=7),
        updated_at=AT,
    )

    def store(session: Session) -> None:
        session.add(row)

    await world.db.write(store)


async def test_positions_are_listed_and_an_unknown_price_is_no_profit_of_zero(world: World) -> None:
    await hold(world)
    report = await report_of(world)
    assert [(p.code, p.name, p.quantity, p.price_krw, p.profit_krw) for p in report.positions] == [
        ("005930", "삼성전자", 10, None, None)
    ]
    assert (report.unrealised_krw, report.day_pnl_krw) == (None, None)


class Quoting(HttpTwin):
    """A gateway that knows one price."""

    def answer(self, path: str, parameters: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        if path != "/api/market/snapshots":
            return Answer(503, {"detail": "away"})
        quote = {"open_price": 0, "high_price": 0, "low_price": 0, "volume": 0, "change_pct": 0}
        moment = {"timestamp": AT.isoformat()}
        return Answer(200, {"snapshots": [{"stock_code": "005930", "price": 60_000, **quote, **moment}]})


@pytest.mark.parametrize(
    ("closed_on", "day_pnl_krw"),
    [(date(2025, 3, 10), 10_000), (date(2025, 3, 7), None), (None, None)],  # 10 × (60,000 − 59,000)
)
async def test_profits_are_after_fees_and_the_days_counts_from_the_previous_close(
    world: World, closed_on: date | None, day_pnl_krw: int | None
) -> None:
    await hold(world)
    if closed_on is not None:
        prices = {"open_price": 59_000, "high_price": 59_000, "low_price": 59_000, "close_price": 59_000, "volume": 1}
        bar = DailyPrice.model_validate({"stock_code": "005930", "price_date": closed_on, **prices})
        await PriceRepository(world.db).upsert_daily([bar])
    with Quoting() as gateway:
        world.add_gateway(gateway.port)
        report = await report_of(world)
    # 600,000 − 580,000, less 81 and 84 of commission and a tax of 0.15 %, 900.
    assert report.unrealised_krw == 18_935
    assert [(p.profit_krw, p.profit_pct) for p in report.positions] == [(18_935, 3.26)]
    assert report.day_pnl_krw == day_pnl_krw


async def test_without_a_position_and_a_trade_the_day_has_earned_nothing(world: World) -> None:
    report = await report_of(world)
    assert (report.unrealised_krw, report.day_pnl_krw, report.realised_krw) == (0, 0, 0)


async def test_a_redis_that_is_gone_is_the_reason_and_no_crash(tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis") as server:
        built = World(tmp_path, server.url)
        server.kill()
        report = await report_of(built)
        assert "Redis does not answer" in report.reasons
        assert "no live configuration is announced" in report.reasons
        await built.redis.aclose()
        await built.db.close()


async def test_a_run_whose_runner_died_does_not_run(world: World) -> None:
    file = world.folder / "endpoints.json"
    file.write_text(file.read_text().replace(f'"pid": {os.getpid()}', '"pid": 4194305'))  # above Linux' largest pid
    assert running(world.folder) is None


async def test_a_halt_on_record_is_told_when_redis_is_gone(tmp_path: Path) -> None:
    with running_redis(tmp_path / "redis") as server:
        built = World(tmp_path, server.url)
        halt = Halt(state=HaltState.STOPPED, source=HaltSource.PERSON, who="kim", why="lunch", at=AT)
        await HaltRepository(built.db).set(ACCOUNT, "krx", halt)
        server.kill()
        report = await report_of(built)
        assert "Stopped by person (kim: lunch)" in report.reasons
        assert report.trading is HaltState.STOPPED
        await built.redis.aclose()
        await built.db.close()
