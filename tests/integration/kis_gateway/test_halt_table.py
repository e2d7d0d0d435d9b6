"""Design §7's table, cell by cell, for each source; before and after a killed gateway and an emptied Redis."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import redis

from prime_jennie.domain.risk import WHOLE_ACCOUNT, Halt, HaltSource, HaltState
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.halts import COPY_MARK, HaltDesk
from prime_jennie.infra.redis.connection import connect
from tests.support.exchange import ACCOUNT
from tests.support.gateway import HYNIX, SAMSUNG, STRATEGY, House, running_house, until
from tests.support.risk_desk import daily_bar
from tests.support.service_desk import position_row

_AT = datetime(2025, 3, 4, tzinfo=UTC)
CELLS = [
    (source, scope, state)
    for source, scope in (
        (HaltSource.SPEC, STRATEGY),
        (HaltSource.PERSON, STRATEGY),
        (HaltSource.PERSON, WHOLE_ACCOUNT),
        (HaltSource.RISK, STRATEGY),
    )
    for state in (HaltState.PAUSED, HaltState.STOPPED)
]


class Desk:
    """A house with shares to sell and a switch for each source."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.redis = redis.Redis.from_url(house.redis.url, decode_responses=True)
        self._generation = 0
        self._numbers = 0

    def set(self, source: HaltSource, scope: str, state: HaltState) -> None:
        """Halt, or lift with Active."""
        if source is HaltSource.SPEC:
            self._generation += 1
            spec = {"trading": state.value, "risk": {"maxOrdersPerMinute": 300}}
            live = LiveConfig.model_validate({"name": STRATEGY, "generation": self._generation, "spec": spec})
            self.redis.set(f"{STRATEGY}:config", live.model_dump_json(by_alias=True))
            return
        asyncio.run(self._record(source, scope, state))

    async def _record(self, source: HaltSource, scope: str, state: HaltState) -> None:
        client = connect(self.house.redis.url)
        halts = HaltDesk(client, self.house.db, ACCOUNT)
        if state is HaltState.ACTIVE:
            await halts.lift(scope, source)
        else:
            await halts.set(scope, Halt(state=state, source=source, who="owner", why="test", at=_AT))
        await client.aclose()

    def order(self, side: str, reason: str = "", **body: Any) -> dict[str, Any]:
        self._numbers += 1
        headers = {"Idempotency-Key": f"cell-{self._numbers}", "X-Order-Reason": reason}
        answer = self.house.gateway.post(
            f"/api/trading/{side}", {"stock_code": SAMSUNG, "quantity": 1, **body}, **headers
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def acts_as(self, state: HaltState) -> None:
        """Check every cell of the state's row but that of working buys."""
        bought = self.order("buy")
        assert bought["success"] is state.allows_buys
        assert state.allows_buys or "HALTED" in bought["message"]
        automatic = self.order("sell", "STOP_LOSS at 70,000")
        assert automatic["success"] is state.allows_automatic_exits
        assert state.allows_automatic_exits or "HALTED" in automatic["message"]
        for by_hand in ("MANUAL by the owner", "FORCED_LIQUIDATION at 70,000"):
            assert self.order("sell", by_hand)["success"], by_hand

    def resting_buy(self) -> str:
        """Leave a buy working far under the price; return its order number."""
        price = self.house.gateway.post("/api/market/snapshot", {"stock_code": HYNIX}).json()["price"] * 8 // 10
        order = self.order("buy", stock_code=HYNIX, order_type="limit", price=price - price % 1_000)
        assert order["success"], order
        return str(order["order_no"])

    def status(self, order_no: str) -> str:
        return str(self.house.gateway.post("/api/trading/order-status", {"order_no": order_no}).json()["status"])

    def copies(self) -> dict[str, str]:
        return {key: str(self.redis.get(key)) for key in sorted(self.redis.scan_iter("*emergency:*"))}

    def empty_redis(self) -> None:
        """Lose everything but the exchange's clock, which its leader would only write again."""
        for key in self.redis.scan_iter("*"):
            if not key.startswith("clock"):
                self.redis.delete(key)


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder = tmp_path_factory.mktemp("table")
    with running_house(folder, KIS_TIMEOUT_SECS="2", RESOLVE_EVERY_SECS="1") as house:
        opened = Desk(house)
        opened.set(HaltSource.SPEC, STRATEGY, HaltState.ACTIVE)
        assert opened.order("buy", quantity=200)["success"]
        until(lambda: opened.order("sell", "MANUAL")["success"], what="the shares are there")
        yield opened
        opened.redis.close()


@pytest.mark.parametrize(("source", "scope", "state"), CELLS)
def test_each_state_of_each_source_acts_as_the_table_says(
    desk: Desk, source: HaltSource, scope: str, state: HaltState
) -> None:
    working = desk.resting_buy()
    desk.set(source, scope, state)
    until(lambda: desk.status(working) == "CANCELED", within_secs=10, what="the working buy is cancelled")
    desk.acts_as(state)
    flag = "emergency:trading_pause" if state is HaltState.PAUSED else "emergency:full_stop"
    key = f"{scope}:{flag}" if scope else flag
    until(lambda: list(desk.copies()) == [key], what="redis says so too")
    assert desk.copies()[key].startswith(COPY_MARK + state.value)

    if state is HaltState.STOPPED:  # a pause is kept by the same rows: killing takes seconds
        desk.house.gateway.kill()
        desk.empty_redis()
        desk.house.gateway.start()
        desk.acts_as(state)
        until(lambda: list(desk.copies()) == [key], what="redis says so again")

    for other in HaltSource:
        if other is not source and other is not HaltSource.SPEC:
            desk.set(other, scope, HaltState.ACTIVE)
    desk.acts_as(state)
    desk.set(source, scope, HaltState.ACTIVE)
    desk.acts_as(HaltState.ACTIVE)
    until(lambda: desk.copies() == {}, what="no copy is left without its record")


def test_without_redis_a_stop_still_holds_and_a_sale_by_hand_passes(tmp_path: Path) -> None:
    with running_house(tmp_path, KIS_TIMEOUT_SECS="2") as house:
        desk = Desk(house)
        assert desk.order("buy", quantity=5)["success"]
        until(lambda: desk.order("sell", "MANUAL")["success"], what="the shares are there")
        desk.set(HaltSource.PERSON, STRATEGY, HaltState.STOPPED)
        house.redis.kill()
        assert "HALTED" in desk.order("sell", "STOP_LOSS at 70,000")["message"]
        assert desk.order("sell", "MANUAL by the owner")["success"]
        answer = house.gateway.post("/api/trading/buy", {"stock_code": HYNIX, "quantity": 1})
        assert answer.status_code == 503


def test_a_loss_over_the_limit_pauses_by_itself_cancels_what_works_and_tells(tmp_path: Path) -> None:
    with running_house(tmp_path, KIS_TIMEOUT_SECS="2") as house:
        desk = Desk(house)
        price = int(house.gateway.post("/api/market/snapshot", {"stock_code": SAMSUNG}).json()["price"])
        asyncio.run(hold_since_yesterday(house, shares=100, close=price * 2))
        working = desk.resting_buy()
        spec = {"capitalKrw": 50_000_000, "risk": {"dailyLossLimitPct": 1}}
        live = LiveConfig.model_validate({"name": STRATEGY, "generation": 1, "spec": spec})
        desk.redis.set(f"{STRATEGY}:config", live.model_dump_json(by_alias=True))
        until(lambda: desk.status(working) == "CANCELED", what="the minute's look pauses the strategy")
        refused = desk.order("buy")
        assert refused["message"] == "HALTED: trading is Paused"
        assert "dailyLossLimitPct" in str(desk.redis.get(f"{STRATEGY}:emergency:trading_pause"))
        assert float(house.gateway.health()["day_loss"][STRATEGY]["loss_pct"]) > 1
        assert desk.redis.xlen("stream:alerts") >= 1


async def hold_since_yesterday(house: House, *, shares: int, close: int) -> None:
    """Hold shares that closed yesterday at a price."""
    row = position_row(strategy=STRATEGY, account=ACCOUNT, quantity=shares, average_buy_price=close, bought_at=_AT)
    await house.db.write(lambda session: session.merge(row))
    bar = daily_bar(close, _AT.date() - timedelta(days=1))
    await PriceRepository(house.db).upsert_daily([bar])
