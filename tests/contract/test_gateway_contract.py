"""GatewayClient against a really started gateway, and its in-memory twin: the same promises."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pytest

from prime_jennie.domain.broker import Environment
from prime_jennie.domain.errors import BadInput, BrokerRefused, Conflict, NotFound, OutcomeUnknown, RateLimited
from prime_jennie.domain.lifecycle import MarketState
from prime_jennie.domain.market import IndexQuote
from prime_jennie.domain.money import align_down
from prime_jennie.domain.orders import OrderOutcome, OrderRequest, OrderState, OrderStatus, OrderType
from prime_jennie.domain.ports import Gateway
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.gateway import InMemoryGateway
from tests.support.eventually import eventually
from tests.support.exchange import ACCOUNT
from tests.support.gateway import House, running_house

SAMSUNG, HYNIX, NOWHERE = "005930", "000660", "999999"
NAVER, KAKAO = "035420", "035720"
_keys = itertools.count(1)


@dataclass
class Bench:
    gateway: Gateway
    twin: InMemoryGateway | None = None
    house: House | None = None

    def lose_next_reply(self) -> None:
        if self.twin is not None:
            self.twin.broker.lost_replies += 1
        if self.house is not None:
            self.house.exchange.arm("order_reply_lost", count=1)

    def refuse_for_rate(self) -> None:
        """Refuse every attempt of the next order."""
        if self.twin is not None:
            self.twin.broker.refusals.append(BrokerRefused("EGW00201", "초당 거래건수", may_retry=True))
        if self.house is not None:
            self.house.exchange.arm("rate_refusal", count=3, parameters={"tr_id": "TTTC0012U"})

    async def resolve(self) -> None:
        if self.twin is not None:
            await self.twin.resolve()


def key() -> str:
    return f"contract-{next(_keys)}"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with running_house(tmp_path_factory.mktemp("house"), KIS_TIMEOUT_SECS="1", RESOLVE_EVERY_SECS="1") as started:
        yield started


@pytest.fixture(params=["http", "memory"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if request.param == "memory":
        prices = {SAMSUNG: 70_000, HYNIX: 200_000, NAVER: 150_000, KAKAO: 40_000}
        now = datetime(2025, 3, 4, 0, 30, tzinfo=UTC)
        level = IndexQuote(index_code="1001", price=750.0, change_pct=0.4, timestamp=now, source="approximation")
        broker = InMemoryBroker(ManualClock(now), prices_krw=prices, index_quotes={"1001": level})
        twin = InMemoryGateway(broker)
        yield Bench(twin, twin=twin)
        return
    started: House = request.getfixturevalue("house")
    async with started.client() as client:
        yield Bench(client, house=started)


def market(quantity: int, code: str = SAMSUNG) -> OrderRequest:
    return OrderRequest(stock_code=code, quantity=quantity)


async def far_below(gateway: Gateway, code: str) -> OrderRequest:
    price = align_down((await gateway.snapshot(code)).price * 8 // 10)
    return OrderRequest(stock_code=code, quantity=2, order_type=OrderType.LIMIT, price=price)


async def ended(gateway: Gateway, order_key: str) -> OrderState:
    async def is_terminal() -> bool:
        return (await gateway.order_status(key=order_key)).terminal

    await eventually(is_terminal, what=f"{order_key} ends")
    return await gateway.order_status(key=order_key)


async def test_the_account_and_its_environment_are_known(bench: Bench) -> None:
    info = await bench.gateway.info()
    assert (info.account_no, info.environment) == (ACCOUNT, Environment.MOCK)


async def test_an_unknown_stock_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound):
        await bench.gateway.snapshot(NOWHERE)


async def test_many_quotes_come_at_once_and_an_unknown_stock_costs_no_other_its_quote(bench: Bench) -> None:
    found = await bench.gateway.snapshots([SAMSUNG, NOWHERE, HYNIX])
    assert [one.stock_code for one in found.snapshots] == [SAMSUNG, HYNIX]
    assert list(found.missing) == [NOWHERE]


async def test_more_stocks_than_one_request_takes_are_asked_for_in_parts(bench: Bench) -> None:
    nowhere = [f"9{number:05d}" for number in range(5)]
    found = await bench.gateway.snapshots([*nowhere, *[SAMSUNG, HYNIX, NAVER, KAKAO] * 80])
    assert {one.stock_code for one in found.snapshots} == {SAMSUNG, HYNIX, NAVER, KAKAO}
    assert list(found.missing) == nowhere


async def test_an_index_stands_somewhere_and_an_unknown_one_is_not_found(bench: Bench) -> None:
    quote = await bench.gateway.index_quote("1001")
    assert quote.price > 0
    assert quote.source == "approximation"
    with pytest.raises(NotFound):
        await bench.gateway.index_quote("9999")


async def test_the_calendar_is_known(bench: Bench) -> None:
    assert await bench.gateway.is_trading_day(date(2025, 3, 4))
    assert not await bench.gateway.is_trading_day(date(2025, 3, 8))
    assert await bench.gateway.is_market_open()


async def test_an_order_fills_and_its_status_says_so_by_number_and_by_key(bench: Bench) -> None:
    order_key = key()
    result = await bench.gateway.buy(market(3), key=order_key, reason="골든크로스 5>20", message_id="1-0")
    assert (result.success, result.outcome, result.idempotency_key) == (True, OrderOutcome.ACCEPTED, order_key)
    state = await ended(bench.gateway, order_key)
    assert (state.status, state.filled_qty, state.remaining_qty) == (OrderStatus.FILLED, 3, 0)
    assert state.filled_amount_krw == pytest.approx(state.avg_price * 3)
    assert await bench.gateway.order_status(order_no=result.order_no) == state
    held = {position.stock_code: position.quantity for position in (await bench.gateway.balance()).positions}
    assert held[SAMSUNG] >= 3
    sold = await bench.gateway.sell(market(1), key=key(), reason="STOP_LOSS")
    assert sold.success


async def test_the_same_key_gets_the_same_answer_and_sends_nothing_new(bench: Bench) -> None:
    order_key = key()
    cash = await bench.gateway.cash()
    answers = await asyncio.gather(*(bench.gateway.buy(market(1, NAVER), key=order_key) for _ in range(10)))
    assert len(set(answers)) == 1
    state = await ended(bench.gateway, order_key)
    assert await bench.gateway.buy(market(1, NAVER), key=order_key) == answers[0]
    assert cash - await bench.gateway.cash() < 2 * state.filled_amount_krw


async def test_the_same_key_with_another_body_is_a_conflict(bench: Bench) -> None:
    order_key = key()
    await bench.gateway.buy(market(1, NAVER), key=order_key)
    with pytest.raises(Conflict):
        await bench.gateway.buy(market(2, NAVER), key=order_key)
    with pytest.raises(Conflict):
        await bench.gateway.sell(market(1, NAVER), key=order_key)


async def test_what_the_broker_refuses_is_a_refusal_with_its_reason(bench: Bench) -> None:
    result = await bench.gateway.sell(market(9_999, KAKAO), key=key())
    assert (result.success, result.outcome, result.order_no) == (False, OrderOutcome.REFUSED, None)
    assert result.message


async def test_a_limit_off_the_grid_is_bad_input(bench: Bench) -> None:
    order = OrderRequest(stock_code=SAMSUNG, quantity=1, order_type=OrderType.LIMIT, price=60_050)
    with pytest.raises(BadInput):
        await bench.gateway.buy(order, key=key())


async def test_a_refusal_for_the_rate_sends_nothing_and_the_same_key_works_afterwards(bench: Bench) -> None:
    order_key = key()
    bench.refuse_for_rate()
    with pytest.raises(RateLimited):
        await bench.gateway.buy(market(1, NAVER), key=order_key)
    assert (await bench.gateway.buy(market(1, NAVER), key=order_key)).success


async def test_a_lost_reply_is_unknown_then_found_and_meanwhile_blocks_its_stock_and_side(bench: Bench) -> None:
    order_key = key()
    bench.lose_next_reply()
    with pytest.raises(OutcomeUnknown):
        await bench.gateway.buy(market(2, HYNIX), key=order_key)
    await bench.resolve()

    async def is_found() -> bool:
        try:
            return (await bench.gateway.buy(market(2, HYNIX), key=order_key)).success
        except OutcomeUnknown:
            return False

    await eventually(is_found, what="the order is found at the broker")
    assert (await ended(bench.gateway, order_key)).filled_qty == 2


async def test_a_resting_order_is_cancelled_once(bench: Bench) -> None:
    order_key = key()
    result = await bench.gateway.buy(await far_below(bench.gateway, KAKAO), key=order_key)
    assert result.order_no is not None
    assert not (await bench.gateway.order_status(key=order_key)).terminal
    assert await bench.gateway.cancel(result.order_no)
    state = await ended(bench.gateway, order_key)
    assert (state.status, state.filled_qty) == (OrderStatus.CANCELED, 0)
    assert not await bench.gateway.cancel(result.order_no)


async def test_the_day_is_told_with_what_holds_buys_back(bench: Bench) -> None:
    day = await bench.gateway.market_state()
    assert (day.trade_date, day.state) == (date(2025, 3, 4), MarketState.TRADING)
    assert day.buys_allowed is not any(block.strategy == "" for block in day.buy_blocks)


async def test_an_unknown_order_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound):
        await bench.gateway.order_status(key="never-sent")
    with pytest.raises(NotFound):
        await bench.gateway.cancel("0000099999")


async def test_more_stocks_than_a_session_takes_are_a_conflict(bench: Bench) -> None:
    with pytest.raises(Conflict):
        await bench.gateway.subscribe([f"{number:06d}" for number in range(41)])
    await bench.gateway.subscribe([SAMSUNG, HYNIX])
    await bench.gateway.unsubscribe([SAMSUNG])


async def test_a_whole_wish_makes_room_for_itself(bench: Bench) -> None:
    await bench.gateway.subscribe([f"{number:06d}" for number in range(40)], replace=True)
    await bench.gateway.subscribe([f"{number:06d}" for number in range(100, 140)], replace=True)
    await bench.gateway.subscribe([], replace=True)
