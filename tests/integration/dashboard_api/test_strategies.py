"""What the operator and a page ask of all strategies at once."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis as blocking
from sqlalchemy.orm import Session

from prime_jennie.domain.buying import ReasonCode
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.signals import BuySignal, SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.domain.trading_strategy import LiveConfig, StrategyConfig
from prime_jennie.infra.clock import RealClock
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow
from prime_jennie.infra.redis.entries import encode
from prime_jennie.infra.redis.strategies import remember_strategies
from tests.support.dashboard import ACCOUNT, Dashboard, GatewayTwin
from tests.support.redis_server import RedisServer

NOW = datetime.now(UTC)


@pytest.fixture
def store(mortal_redis: RedisServer) -> Iterator["blocking.Redis"]:
    with blocking.Redis.from_url(mortal_redis.url, decode_responses=True) as client:
        yield client


def announce(store: "blocking.Redis", name: str, **spec: Any) -> None:
    live = LiveConfig(name=name, generation=3, spec=StrategyConfig.model_validate(spec))
    store.set(f"{name}:config", live.model_dump_json(by_alias=True, exclude_none=True))


async def hold(db: Database, strategy: str) -> None:
    """Book ten shares of today."""

    def work(session: Session) -> None:
        session.add(
            ActivePortfolioRow(
                account=ACCOUNT,
                strategy=strategy,
                stock_code="005930",
                position_id="p1",
                stock_name="삼성전자",
                quantity=10,
                average_buy_price=58_000,
                total_buy_amount=580_000,
                buy_commission_krw=81,
                scale_out_level=0,
                rsi_sold=False,
                bought_at=NOW - timedelta(days=1),
                updated_at=NOW,
            )
        )

    await db.write(work)


def watched(price: int) -> str:
    position = {"stock_code": "005930", "stock_name": "삼성전자", "quantity": 10, "average_buy_price": 58_000}
    return json.dumps([{**position, "total_buy_amount": 580_000, "current_price": price}])


async def test_every_strategy_is_told_with_its_figures_and_why_it_does_not_buy(
    dashboard: Dashboard, store: "blocking.Redis", sqlite_db: Database
) -> None:
    announce(store, "krx-core", trading="Paused")
    announce(store, "krx-other")
    await hold(sqlite_db, "krx-core")
    store.set("krx-core:monitoring:live_positions", watched(60_000))
    signal = BuySignal(
        stock_code="005930",
        stock_name="삼성전자",
        signal_type=SignalType.MOMENTUM,
        signal_price=58_000,
        llm_score=70,
        hybrid_score=70,
        trade_tier=TradeTier.TIER1,
        market_regime=MarketRegime.BULL,
        timestamp=NOW,
    )
    store.xadd("krx-core:stream:buy-signals", encode(signal, "krx-core:stream:buy-signals", "m1", None))
    answer = dashboard.get("/api/strategies")
    assert answer.status_code == 200, answer.text
    core, other = answer.json()
    assert (core["strategy"], core["trading"], core["buys"], core["generation"]) == ("krx-core", "Paused", False, 3)
    assert dict(zip(core["reason_codes"], core["reasons"], strict=True))[ReasonCode.HALT.value] == (
        "Paused by spec (TradingStrategy: spec.trading is Paused)"
    )
    assert [(p["code"], p["price_krw"]) for p in core["positions"]] == [("005930", 60_000)]
    assert core["unrealised_krw"] > 0
    assert datetime.fromisoformat(core["last_signal_at"]) == NOW
    assert (other["strategy"], other["positions"], other["day_pnl_krw"]) == ("krx-other", [], 0)
    assert (other["last_signal_at"], other["trading"]) == (None, "Active")
    assert ReasonCode.REGIME_UNKNOWN.value in other["reason_codes"]


async def test_a_price_that_nobody_tells_is_unknown_and_asks_the_broker_nothing(
    dashboard: Dashboard, store: "blocking.Redis", sqlite_db: Database
) -> None:
    announce(store, "krx-core")
    await hold(sqlite_db, "krx-core")
    for text in ("", "[]", "no json", '[{"stock_code": "005930"}]', watched(0)):
        store.set("krx-core:monitoring:live_positions", text)
        [core] = dashboard.get("/api/strategies").json()
        assert (len(core["positions"]), core["unrealised_krw"], core["day_pnl_krw"]) == (1, None, None), text
    assert dashboard.get("/api/strategies", None).status_code == 401


async def test_without_redis_and_gateway_what_is_held_is_told_and_who_is_silent(
    dashboard: Dashboard, store: "blocking.Redis", sqlite_db: Database, mortal_redis: RedisServer, gateway: GatewayTwin
) -> None:
    announce(store, "krx-core")
    await hold(sqlite_db, "krx-core")
    assert len(dashboard.get("/api/strategies").json()) == 1  # and the account is known from now on
    known = {"krx-core": LiveConfig(name="krx-core", generation=3, spec=StrategyConfig())}
    await remember_strategies(sqlite_db, known, clock=RealClock(), who="kis-gateway")
    mortal_redis.kill()
    gateway.down = True
    [core] = dashboard.get("/api/strategies").json()
    assert (core["buys"], len(core["positions"]), core["day_pnl_krw"]) == (False, 1, None)
    assert core["reasons"][:2] == ["the gateway does not answer", "Redis does not answer"]
