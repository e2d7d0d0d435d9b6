"""KisBroker against the really started exchange, and its in-memory twin: the same promises."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pytest
from pydantic import SecretStr

from prime_jennie.domain.broker import BrokerOrderRef, Environment, FillNotice, NoticeKind
from prime_jennie.domain.errors import BrokerRefused, Conflict, NotFound, OutcomeUnknown
from prime_jennie.domain.market import DailyPrice, IndexDailyPrice, MinutePrice
from prime_jennie.domain.money import align_down
from prime_jennie.domain.orders import OrderRequest, OrderType
from prime_jennie.domain.ports import Broker
from prime_jennie.infra.clients.kis.auth import AppKey
from prime_jennie.infra.clients.kis.broker import KisBroker
from prime_jennie.infra.clients.kis.websocket import SocketSettings
from prime_jennie.infra.clock import VirtualClock
from prime_jennie.infra.database.repositories.tokens import BrokerToken, TokenKind
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock
from tests.support.eventually import eventually
from tests.support.exchange import ACCOUNT, APP_KEY, APP_SECRET, RunningExchange, running_exchange
from tests.support.redis_server import RedisServer, running_redis

SAMSUNG, HYNIX, NOWHERE = "005930", "000660", "999999"
TODAY = date(2025, 3, 4)
NOW = datetime(2025, 3, 4, 0, 30, tzinfo=UTC)


@dataclass
class Bench:
    """A broker, and the strings a test pulls behind it."""

    broker: Broker
    twin: InMemoryBroker | None = None
    exchange: RunningExchange | None = None

    def lose_next_reply(self) -> None:
        if self.twin is not None:
            self.twin.lost_replies += 1
        if self.exchange is not None:
            self.exchange.arm("order_reply_lost", count=1)

    def refuse_next_for_rate(self) -> None:
        if self.twin is not None:
            self.twin.refusals.append(BrokerRefused("EGW00201", "초당 거래건수를 초과하였습니다.", may_retry=True))
        if self.exchange is not None:
            self.exchange.arm("rate_refusal", count=1, parameters={"tr_id": "TTTC0012U"})

    def print_something(self, code: str) -> None:
        if self.twin is not None:
            self.twin.move_price(code, self.twin.prices_krw[code])


class Keyring:
    """Tokens in a dictionary."""

    def __init__(self) -> None:
        self.tokens: dict[tuple[str, TokenKind], BrokerToken] = {}

    async def load(self, app_key: str, kind: TokenKind, *, now: datetime) -> BrokerToken | None:
        return self.tokens.get((app_key, kind))

    async def save(self, app_key: str, kind: TokenKind, token: BrokerToken) -> None:
        self.tokens[app_key, kind] = token


KEYRING = Keyring()  # the exchange issues one token a minute, the tests are quicker


@pytest.fixture(scope="module")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with running_redis(tmp_path_factory.mktemp("redis"), fsync="no") as server:
        yield server


@pytest.fixture(scope="module")
def exchange(redis_server: RedisServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningExchange]:
    journal = str(tmp_path_factory.mktemp("exchange") / "journal")
    generous = ("--rest-per-s", "1000", "--ledger-per-s", "1000", "--rate", "20", "--journal", journal)
    with running_exchange(*generous, env={"JENNIE_CLOCK": redis_server.url}) as started:
        yield started


@pytest.fixture(params=["kis", "memory"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    if request.param == "memory":
        twin = in_memory()
        yield Bench(twin, twin=twin)
        return
    started: RunningExchange = request.getfixturevalue("exchange")
    clock = VirtualClock(request.getfixturevalue("redis_server").url)
    await clock.start()
    broker = KisBroker.open(
        base_url=started.rest_url,
        timeout_secs=1.0,
        app_key=AppKey(SecretStr(APP_KEY), SecretStr(APP_SECRET)),
        environment=Environment.MOCK,
        account_no=ACCOUNT,
        tokens=KEYRING,
        clock=clock,
        socket=SocketSettings(started.ws_url, "H0STCNI0", "HTSID01", 30.0, 0.05, 0.2),
        in_session=lambda: True,
    )
    listening = asyncio.create_task(broker.run())
    try:
        await eventually(lambda: broker.socket.hears_notices)
        yield Bench(broker, exchange=started)
    finally:
        listening.cancel()
        with suppress(asyncio.CancelledError):
            await listening
        await broker.close()
        await clock.close()


def in_memory() -> InMemoryBroker:
    days = [TODAY - timedelta(days=back) for back in range(300, 0, -1)]
    bars = [
        DailyPrice(
            stock_code=SAMSUNG,
            price_date=day,
            open_price=70_000,
            high_price=70_500,
            low_price=69_500,
            close_price=70_000,
            volume=10,
        )
        for day in days
        if day.weekday() < 5
    ]
    minutes = [
        MinutePrice(
            stock_code=SAMSUNG,
            price_datetime=NOW - timedelta(minutes=back),
            open_price=70_000,
            high_price=70_000,
            low_price=70_000,
            close_price=70_000,
            volume=1,
        )
        for back in range(20, 0, -1)
    ]
    index = [
        IndexDailyPrice(
            index_code="0001",
            price_date=bar.price_date,
            open_price=2_500.0,
            high_price=2_500.0,
            low_price=2_500.0,
            close_price=2_500.0,
            volume=1,
            source="approximation",
        )
        for bar in bars
    ]
    return InMemoryBroker(
        ManualClock(NOW),
        prices_krw={SAMSUNG: 70_000, HYNIX: 200_000},
        daily={SAMSUNG: bars},
        minutes={SAMSUNG: minutes},
        indexes={"0001": index},
    )


def market(quantity: int, code: str = SAMSUNG) -> OrderRequest:
    return OrderRequest(stock_code=code, quantity=quantity)


async def far_below(broker: Broker, quantity: int = 5) -> OrderRequest:
    price = (await broker.snapshot(SAMSUNG)).price
    return OrderRequest(
        stock_code=SAMSUNG, quantity=quantity, order_type=OrderType.LIMIT, price=align_down(price * 8 // 10)
    )


async def filled_notice(broker: Broker, order_no: str) -> FillNotice:
    async with asyncio.timeout(10):
        async for notice in broker.fill_notices():
            if notice.order_no == order_no and notice.kind is NoticeKind.FILLED:
                return notice
    raise AssertionError("the notices ended")


async def test_a_quote_knows_its_stock_and_an_unknown_stock_is_not_found(bench: Bench) -> None:
    snapshot = await bench.broker.snapshot(SAMSUNG)
    assert snapshot.stock_code == SAMSUNG
    assert snapshot.price > 0
    with pytest.raises(NotFound):
        await bench.broker.snapshot(NOWHERE)


async def test_many_quotes_come_at_once_and_an_unknown_stock_costs_no_other_its_quote(bench: Bench) -> None:
    found = await bench.broker.snapshots([SAMSUNG, NOWHERE, HYNIX, SAMSUNG])
    assert [one.stock_code for one in found.snapshots] == [SAMSUNG, HYNIX]
    assert list(found.missing) == [NOWHERE]
    assert NOWHERE in found.missing[NOWHERE]
    assert (await bench.broker.snapshots([])).snapshots == ()


async def test_a_quote_of_many_says_the_same_as_a_quote_of_one_but_for_what_it_does_not_carry(bench: Bench) -> None:
    many = (await bench.broker.snapshots([SAMSUNG])).snapshots[0]
    one = await bench.broker.snapshot(SAMSUNG)
    if bench.twin is not None:
        assert many == one
    assert (many.high_52w, many.low_52w, many.market_cap) == (None, None, None)
    assert many.low_price <= many.price <= many.high_price
    assert many.volume <= one.volume


async def test_an_index_stands_near_its_last_bar_and_an_unknown_one_is_not_found(bench: Bench) -> None:
    quote = await bench.broker.index_quote("0001")
    last = (await bench.broker.index_daily_prices("0001", TODAY - timedelta(days=20), TODAY))[-1]
    assert (quote.index_code, quote.source) == ("0001", "approximation")
    assert quote.price == pytest.approx(last.close_price * (1 + quote.change_pct / 100), rel=0.01)
    with pytest.raises(NotFound):
        await bench.broker.index_quote("9999")


async def test_daily_bars_come_oldest_first_and_in_their_span_however_many_pages_it_takes(bench: Bench) -> None:
    # 280 calendar days are some 190 sessions: two pages of KIS.
    first = TODAY - timedelta(days=280)
    bars = await bench.broker.daily_prices(SAMSUNG, first, TODAY - timedelta(days=1))
    days = [bar.price_date for bar in bars]
    assert len(days) > 150
    assert days == sorted(set(days))
    assert first <= days[0] <= first + timedelta(days=7)
    assert days[-1] < TODAY


async def test_minute_bars_come_oldest_first(bench: Bench) -> None:
    upto = NOW if bench.twin else (await bench.broker.snapshot(SAMSUNG)).timestamp
    bars = await bench.broker.minute_prices(SAMSUNG, upto)
    times = [bar.price_datetime for bar in bars]
    assert 0 < len(times) <= 30
    assert times == sorted(times)


async def test_index_bars_say_that_they_are_an_approximation(bench: Bench) -> None:
    bars = await bench.broker.index_daily_prices("0001", TODAY - timedelta(days=60), TODAY)
    assert bars
    assert {bar.source for bar in bars} == {"approximation"}


async def test_the_broker_knows_its_holidays(bench: Bench) -> None:
    opens = await bench.broker.holidays(TODAY)
    assert opens[TODAY]
    assert not opens[date(2025, 3, 8)]  # a Saturday


async def test_a_market_order_is_listed_filled_noticed_and_held(bench: Bench) -> None:
    before = await bench.broker.balance()
    held_before = {position.stock_code: position.quantity for position in before.positions}.get(SAMSUNG, 0)
    ref = await bench.broker.buy(market(3))
    notice = await filled_notice(bench.broker, ref.order_no)
    listed = {order.order_no: order for order in await bench.broker.orders_of_day(TODAY)}[ref.order_no]
    after = await bench.broker.balance()
    held = {position.stock_code: position for position in after.positions}[SAMSUNG]
    assert (listed.filled_qty, listed.remaining_qty) == (3, 0)
    assert listed.filled_amount_krw == notice.quantity * notice.price
    assert notice.account_no == ACCOUNT
    assert held.quantity == held_before + 3
    assert after.cash_balance <= before.cash_balance - listed.filled_amount_krw
    assert await bench.broker.orderable_cash() > 0


async def test_a_resting_order_can_be_cancelled_once(bench: Bench) -> None:
    ref = await bench.broker.buy(await far_below(bench.broker))
    listed = {order.order_no: order for order in await bench.broker.orders_of_day(TODAY)}[ref.order_no]
    assert (listed.filled_qty, listed.remaining_qty) == (0, 5)
    await bench.broker.cancel(ref)
    listed = {order.order_no: order for order in await bench.broker.orders_of_day(TODAY)}[ref.order_no]
    assert (listed.remaining_qty, listed.canceled_qty) == (0, 5)
    with pytest.raises(BrokerRefused):
        await bench.broker.cancel(ref)


async def test_an_unknown_order_cannot_be_cancelled(bench: Bench) -> None:
    with pytest.raises(BrokerRefused):
        await bench.broker.cancel(BrokerOrderRef(order_no="0000099999", org_no="00950"))


async def test_what_the_account_cannot_do_is_refused_for_good(bench: Bench) -> None:
    off_tick = OrderRequest(stock_code=SAMSUNG, quantity=1, order_type=OrderType.LIMIT, price=60_050)
    for order, place in (
        (market(1_000_000), bench.broker.sell),
        (market(1_000_000), bench.broker.buy),
        (market(1, NOWHERE), bench.broker.buy),
        (off_tick, bench.broker.buy),
    ):
        with pytest.raises(BrokerRefused) as refused:
            await place(order)
        assert not refused.value.may_retry


async def test_a_refusal_for_the_rate_is_definite_and_may_be_sent_again(bench: Bench) -> None:
    count = len(await bench.broker.orders_of_day(TODAY))
    bench.refuse_next_for_rate()
    with pytest.raises(BrokerRefused) as refused:
        await bench.broker.buy(market(1))
    assert refused.value.may_retry
    assert len(await bench.broker.orders_of_day(TODAY)) == count


async def test_a_lost_reply_is_unknown_and_the_order_is_listed_exactly_once(bench: Bench) -> None:
    known = {order.order_no for order in await bench.broker.orders_of_day(TODAY)}
    bench.lose_next_reply()
    with pytest.raises(OutcomeUnknown):
        await bench.broker.buy(market(7))
    new = [order for order in await bench.broker.orders_of_day(TODAY) if order.order_no not in known]
    assert [order.quantity for order in new] == [7]


async def test_ticks_of_subscribed_stocks_flow(bench: Bench) -> None:
    await bench.broker.subscribe([SAMSUNG, HYNIX])
    bench.print_something(SAMSUNG)
    async with asyncio.timeout(10):
        ticks = await anext(bench.broker.ticks())
    assert {tick.stock_code for tick in ticks} <= {SAMSUNG, HYNIX}
    assert all(tick.price > 0 for tick in ticks)


async def test_more_stocks_than_a_session_takes_are_a_conflict_and_none_of_them_is_added(bench: Bench) -> None:
    codes = [f"{number:06d}" for number in range(41)]
    with pytest.raises(Conflict):
        await bench.broker.subscribe(codes)
    await bench.broker.subscribe(codes[:40])
