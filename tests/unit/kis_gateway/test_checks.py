"""What a buy must pass at the gateway besides halts and hours: whose money it is."""

from typing import Any, cast

import pytest

from kis_gateway.checks import PreTradeChecks
from prime_jennie.domain.broker import Environment
from prime_jennie.domain.orders import OrderRequest
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.trading_strategy import LiveConfig

ONE_SHARE = OrderRequest(stock_code="005930", quantity=1, order_type="limit", price=70_000)
LIVE = {
    "mode": "live",
    "capitalKrw": 10_000_000,
    "account": {"secretRef": {"name": "kis-credentials"}},
    "risk": {"dailyLossLimitPct": 2},
}


class World:
    """An open market and no halt."""

    kis_account_no = "12345678-01"
    order_max_quantity = 10_000
    capital_krw = 10_000_000
    risk: str | None = None
    block: str | None = None

    def __init__(self, spec: dict[str, Any] | None, *, env: Environment = Environment.MOCK) -> None:
        self.kis_env = env
        self._spec = spec

    async def halt(self, _strategy: str) -> HaltState:
        return HaltState.ACTIVE

    async def config(self, _strategy: str) -> LiveConfig | None:
        known = {"name": "krx-core", "generation": 1, "spec": self._spec}
        return None if self._spec is None else LiveConfig.model_validate(known)

    async def is_open_for_buys(self) -> bool:
        return True

    def refuses(self, _strategy: str) -> str | None:
        return self.block

    async def refuses_buy(self, _strategy: str, _live: LiveConfig | None) -> str | None:
        return self.risk

    async def refusal(self) -> str | None:
        names = ("broker", "market", "prices", "standings", "risk", "guard", "orders", "fills", "positions")
        parts = dict.fromkeys(names, self)
        checks = PreTradeChecks(cast(Any, self), **cast(Any, parts))
        return await checks.refuses_buy(ONE_SHARE, "krx-core")


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


async def test_what_the_risk_engine_refuses_is_refused() -> None:
    world = World({})
    world.risk = "LOSS_UNKNOWN: no price of 005930"
    assert await world.refusal() == "LOSS_UNKNOWN: no price of 005930"


async def test_what_the_house_does_not_know_holds_a_buy_back() -> None:
    world = World({})
    world.block = "POSITION_DRIFT: 005930"
    assert await world.refusal() == "POSITION_DRIFT: 005930"
