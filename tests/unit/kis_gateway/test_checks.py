"""What a buy must pass at the gateway besides halts and hours: whose money it is, and how many orders a minute."""

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from kis_gateway.checks import PreTradeChecks
from prime_jennie.domain.broker import Environment
from prime_jennie.domain.orders import OrderRequest
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.trading_strategy import LiveConfig

NOW = datetime(2025, 3, 10, 3, 0, tzinfo=UTC)
ONE_SHARE = OrderRequest(stock_code="005930", quantity=1, order_type="limit", price=70_000)
LIVE = {
    "mode": "live",
    "capitalKrw": 10_000_000,
    "account": {"secretRef": {"name": "kis-credentials"}},
    "risk": {"dailyLossLimitPct": 2},
}


class World:
    """An open market, no halt, and so many orders sent in the last minute."""

    kis_account_no = "12345678-01"
    order_max_quantity = 10_000
    order_max_per_day = 200
    capital_krw = 10_000_000

    def __init__(self, spec: dict[str, Any] | None, *, env: Environment = Environment.MOCK, sent: int = 0) -> None:
        self.kis_env = env
        self._spec = spec
        self._sent = sent
        self.since: datetime | None = None

    async def halt(self, _strategy: str) -> HaltState:
        return HaltState.ACTIVE

    async def config(self, _strategy: str) -> LiveConfig | None:
        known = {"name": "krx-core", "generation": 1, "spec": self._spec}
        return None if self._spec is None else LiveConfig.model_validate(known)

    async def is_open_for_buys(self) -> bool:
        return True

    async def count_sent(self, _account: str, _strategy: str, since: datetime, _side: object = None) -> int:
        self.since = since
        return self._sent

    async def refusal(self, *, in_flight: int = 0) -> str | None:
        parts = dict.fromkeys(("broker", "market", "prices", "standings", "orders", "fills", "positions"), self)
        checks = PreTradeChecks(cast(Any, self), **cast(Any, parts))
        return await checks.refuses_buy(ONE_SHARE, "krx-core", NOW, in_flight=in_flight)


@pytest.mark.parametrize(("spec", "why"), [({}, "mode paper"), ({"mode": "paper"}, "mode paper"), (None, "is unknown")])
async def test_real_money_is_spent_only_for_a_strategy_that_says_live(spec: dict[str, Any] | None, why: str) -> None:
    """The file may be edited, or a service started by hand, long after somebody checked that the two agree."""
    refusal = await World(spec, env=Environment.LIVE).refusal()
    assert refusal is not None
    assert refusal.startswith("ENVIRONMENT_MISMATCH")
    assert why in refusal
    assert await World(LIVE, env=Environment.LIVE).refusal() is None


@pytest.mark.parametrize("env", [Environment.MOCK, Environment.PAPER])
async def test_where_no_money_is_real_any_mode_may_buy(env: Environment) -> None:
    assert await World({}, env=env).refusal() is None
    assert await World(LIVE, env=env).refusal() is None


async def test_buys_wait_while_the_minutes_orders_are_at_the_strategys_limit() -> None:
    spec = {"risk": {"maxOrdersPerMinute": 5}}
    full = World(spec, sent=5)
    assert await full.refusal() == "TOO_MANY_ORDERS: 5 in the last minute, risk.maxOrdersPerMinute is 5"
    assert full.since == NOW - timedelta(minutes=1)
    assert await World(spec, sent=4).refusal() is None
    assert "TOO_MANY_ORDERS" in str(await World(spec, sent=4).refusal(in_flight=1))
