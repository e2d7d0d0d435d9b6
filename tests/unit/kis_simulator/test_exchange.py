"""Orders through the day: hours, refusals, auctions, expiry, money."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kis_simulator.exchange.exchange import Exchange
from kis_simulator.exchange.ledger import Account
from kis_simulator.exchange.orders import Instruction, Pricing, Side
from kis_simulator.exchange.refusals import Refusal
from kis_simulator.market.bars import Bar
from prime_jennie.domain.money import commission_krw, sell_tax_krw
from tests.support.trading_day import (
    ACCOUNT,
    CALM,
    CASH_KRW,
    CLOSES_AT,
    OPENS_AT,
    SETTLES_ON,
    buy,
    exchange_of,
    sell,
)

CODE = "005930"


def refused(act: Callable[[], object]) -> str:
    with pytest.raises(Refusal) as caught:
        act()
    return caught.value.code


def conserved(account: Account) -> None:
    """Cash is what was there, less buys, plus sells, less every fee; shares are what was bought less what was sold."""
    bought = sum(e.amount_krw for e in account.executions if e.side is Side.BUY)
    sold = sum(e.amount_krw for e in account.executions if e.side is Side.SELL)
    fees = sum(e.commission_krw + e.tax_krw for e in account.executions)
    assert account.cash_krw == account.initial_cash_krw - bought + sold - fees
    for code, holding in account.holdings.items():
        signed = [e.quantity if e.side is Side.BUY else -e.quantity for e in account.executions if e.code == code]
        assert holding.quantity == sum(signed) >= 0
    for order in account.orders.values():
        mine = [e for e in account.executions if e.order_no == order.number]
        assert order.filled_qty == sum(e.quantity for e in mine)
        assert order.filled_amount_krw == sum(e.amount_krw for e in mine)
        assert order.executions == len(mine)


def test_a_market_order_in_the_session_trades_at_once_with_commission() -> None:
    exchange = exchange_of({CODE: CALM})
    order = exchange.place(buy(CODE, 10))
    assert order.status == "filled"
    account = exchange.account(ACCOUNT)
    (execution,) = account.executions
    assert account.cash_krw == CASH_KRW - execution.amount_krw - commission_krw(execution.amount_krw)


def test_a_sale_pays_commission_and_the_tax_of_its_settlement_year() -> None:
    exchange = exchange_of({CODE: CALM})
    exchange.place(buy(CODE, 10))
    exchange.place(sell(CODE, 10))
    sale = exchange.account(ACCOUNT).executions[-1]
    # 2025: 0.15 % of the amount, fractions dropped.
    assert sale.tax_krw == sale.amount_krw * 15 // 10_000 == sell_tax_krw(sale.amount_krw, SETTLES_ON)
    assert sale.commission_krw == commission_krw(sale.amount_krw)


def test_a_stock_is_refused_by_name_of_the_reason() -> None:
    exchange = exchange_of({CODE: CALM, "000660": Bar(0, 0, 0, 9_000, 0)})
    assert refused(lambda: exchange.place(buy("999999", 1))) == "APBK0656"
    assert refused(lambda: exchange.place(buy("000660", 1))) == "APBK0634"
    assert refused(lambda: exchange.place(buy(CODE, 1, 50_010))) == "APBK0506"
    assert refused(lambda: exchange.place(buy(CODE, 1, 80_000))) == "APBK0507"
    assert refused(lambda: exchange.place(sell(CODE, 1))) == "APBK0400"
    assert exchange.account(ACCOUNT).orders == {}


def test_a_buy_must_be_paid_with_its_commission_at_the_upper_limit_for_market_orders() -> None:
    # Base 50,000, so the upper limit is 65,000. A limit order of 50,000 costs 50,007 a share with commission.
    exchange = exchange_of({CODE: CALM}, cash_krw=500_000)
    assert refused(lambda: exchange.place(buy(CODE, 10, 50_000))) == "APBK0952"
    assert refused(lambda: exchange.place(buy(CODE, 8))) == "APBK0952"
    exchange.place(buy(CODE, 9, 49_500))
    assert refused(lambda: exchange.place(buy(CODE, 1, 54_500))) == "APBK0952"
    exchange.place(buy(CODE, 1, 54_000))


def test_shares_promised_to_an_open_sell_cannot_be_sold_twice() -> None:
    exchange = exchange_of({CODE: CALM})
    exchange.place(buy(CODE, 10))
    exchange.place(sell(CODE, 7, 60_000))
    assert refused(lambda: exchange.place(sell(CODE, 4, 60_000))) == "APBK0400"
    exchange.place(sell(CODE, 3, 60_000))


@pytest.mark.parametrize(
    ("at", "paper", "code"),
    [
        (OPENS_AT - timedelta(minutes=31), False, "APBK0919"),
        (OPENS_AT - timedelta(minutes=31), True, "40580000"),
        (CLOSES_AT, False, "APBK0919"),
        (CLOSES_AT, True, "40580000"),
    ],
)
def test_orders_are_refused_out_of_hours(at: datetime, paper: bool, code: str) -> None:
    exchange = exchange_of({CODE: CALM}, at=at, paper=paper)
    assert refused(lambda: exchange.place(buy(CODE, 1))) == code


def test_orders_before_the_open_cross_at_the_open() -> None:
    exchange = exchange_of({CODE: CALM}, at=OPENS_AT - timedelta(minutes=10))
    market, good, low = (exchange.place(i) for i in (buy(CODE, 3), buy(CODE, 2, 50_000), buy(CODE, 2, 45_000)))
    assert market.status == "open"
    exchange.advance(OPENS_AT)
    assert [o.status for o in (market, good, low)] == ["filled", "filled", "open"]
    assert {e.price for e in exchange.account(ACCOUNT).executions} == {CALM.open}


def test_orders_of_the_closing_auction_wait_and_cross_at_the_close() -> None:
    exchange = exchange_of({CODE: CALM}, at=CLOSES_AT - timedelta(minutes=5))
    order = exchange.place(buy(CODE, 3))
    exchange.advance(CLOSES_AT - timedelta(seconds=1))
    assert order.status == "open"
    exchange.advance(CLOSES_AT)
    assert order.status == "filled"
    assert exchange.account(ACCOUNT).executions[0].price == CALM.close


def test_what_is_open_at_the_close_expires() -> None:
    exchange = exchange_of({CODE: CALM})
    exchange.place(buy(CODE, 5))
    low = exchange.place(buy(CODE, 5, 45_000))
    high = exchange.place(sell(CODE, 5, 60_000))
    exchange.advance(CLOSES_AT)
    assert (low.status, high.status) == ("expired", "expired")
    assert exchange.ledger.open_orders == {}
    assert exchange.cash_available(exchange.account(ACCOUNT)) == exchange.account(ACCOUNT).cash_krw


def test_a_resting_order_fills_in_parts_as_prints_reach_it() -> None:
    exchange = exchange_of({CODE: CALM}, cash_krw=10**12)
    path, index = exchange.last_print(CODE)
    assert path is not None
    low = int(path.price[index:].min())
    order = exchange.place(buy(CODE, 2_000, low))
    at = exchange.at
    while order.remaining_qty and at < CLOSES_AT - timedelta(minutes=11):
        at += timedelta(seconds=1)
        exchange.advance(at)
    assert order.executions > 1
    assert {e.price for e in exchange.account(ACCOUNT).executions} == {low}
    conserved(exchange.account(ACCOUNT))


def test_a_cancel_gets_its_own_number_and_frees_the_cash() -> None:
    exchange = exchange_of({CODE: CALM})
    order = exchange.place(buy(CODE, 5, 45_000))
    request = exchange.cancel(ACCOUNT, order.number, None)
    assert (order.status, request.status, request.original) == ("canceled", "confirmed", order.number)
    assert request.number != order.number
    assert exchange.cash_available(exchange.account(ACCOUNT)) == CASH_KRW
    assert refused(lambda: exchange.cancel(ACCOUNT, order.number, None)) == "APBK0344"
    assert refused(lambda: exchange.cancel(ACCOUNT, "0000009999", None)) == "APBK1663"


def test_a_cancel_after_the_fill_is_refused() -> None:
    exchange = exchange_of({CODE: CALM})
    order = exchange.place(buy(CODE, 1))
    assert refused(lambda: exchange.cancel(ACCOUNT, order.number, None)) == "APBK0344"


def test_part_of_an_order_can_be_cancelled() -> None:
    exchange = exchange_of({CODE: CALM})
    order = exchange.place(buy(CODE, 5, 45_000))
    exchange.cancel(ACCOUNT, order.number, 2)
    assert order.remaining_qty == 3
    assert refused(lambda: exchange.cancel(ACCOUNT, order.number, 4)) == "APBK0344"


def test_a_modify_moves_the_remainder_to_a_new_number() -> None:
    exchange = exchange_of({CODE: CALM})
    order = exchange.place(buy(CODE, 5, 45_000))
    changed = exchange.modify(ACCOUNT, order.number, 46_000, Pricing.LIMIT, None)
    assert (order.status, changed.status) == ("canceled", "open")
    assert (changed.original, changed.remaining_qty, changed.instruction.price) == (order.number, 5, 46_000)


def test_a_modify_that_cannot_be_paid_leaves_the_order_as_it_was() -> None:
    exchange = exchange_of({CODE: CALM}, cash_krw=500_000)
    order = exchange.place(buy(CODE, 10, 49_000))
    assert refused(lambda: exchange.modify(ACCOUNT, order.number, 50_000, Pricing.LIMIT, None)) == "APBK0952"
    assert order.remaining_qty == 10


def test_everybody_who_listens_hears_acceptance_then_fills() -> None:
    exchange = exchange_of({CODE: CALM})
    heard: list[tuple[str, int]] = []
    exchange.listen(lambda order, executions: heard.append((order.number, len(executions))))
    order = exchange.place(buy(CODE, 1))
    assert heard == [(order.number, 0), (order.number, 1)]


actions = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell", "cancel", "modify", "wait"]),
        st.integers(0, 5),
        st.integers(1, 400),
        st.sampled_from([0, 49_500, 49_800, 50_000, 50_200, 50_500]),
    ),
    max_size=40,
)


def act(exchange: Exchange, action: tuple[str, int, int, int]) -> None:
    """Do one action; a refusal changes nothing."""
    kind, which, quantity, price = action
    orders = list(exchange.account(ACCOUNT).orders)
    target = orders[-1 - which] if which < len(orders) else "0000000000"
    pricing = Pricing.LIMIT if price else Pricing.MARKET
    try:
        if kind == "wait":
            exchange.advance(exchange.at + timedelta(seconds=quantity * 2))
        elif kind == "cancel":
            exchange.cancel(ACCOUNT, target, None)
        elif kind == "modify":
            exchange.modify(ACCOUNT, target, price, pricing, None)
        else:
            side = Side.BUY if kind == "buy" else Side.SELL
            exchange.place(Instruction(ACCOUNT, "tester", CODE, side, pricing, quantity, price))
    except Refusal:
        pass


@settings(max_examples=60, deadline=None)
@given(actions)
def test_money_and_shares_are_conserved_whatever_is_ordered(steps: list[tuple[str, int, int, int]]) -> None:
    exchange = exchange_of({CODE: CALM}, at=OPENS_AT - timedelta(minutes=1))
    for step in steps:
        act(exchange, step)
        account = exchange.account(ACCOUNT)
        conserved(account)
        assert exchange.cash_available(account) >= 0
        assert exchange.ledger.sellable(account, CODE) >= 0
    exchange.advance(CLOSES_AT)
    conserved(exchange.account(ACCOUNT))
    assert all(o.remaining_qty == 0 for o in exchange.account(ACCOUNT).orders.values())
