"""/portfolio, /balance, /pnl: our books at live quotes, and no figure where there is none."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session

from command_handler.replies import Outcome
from prime_jennie.infra.database.tables.portfolio import TradeLogRow
from prime_jennie.infra.database.tables.trading import FillRow, OrderIntentRow, OrderRow
from tests.support.commanding import ACCOUNT, HYNIX, SAMSUNG, STRATEGY, Commanding


async def book(desk: Commanding, order: str, side: str, *parts: int | None, days_ago: int = 0, **known: Any) -> None:
    """Book an order's executions, each of ten shares at 70,000 with the profit that is given."""
    at = desk.clock.now() - timedelta(days=days_ago)

    def work(session: Session) -> None:
        common = {"account": ACCOUNT, "strategy": STRATEGY, "stock_code": SAMSUNG, "side": side}
        session.add(
            OrderIntentRow(
                **common,
                id=order,
                idempotency_key=order,
                body_hash="x",
                order_type="market",
                quantity=10 * len(parts),
                reason="test",
                state="ACCEPTED",
                epoch=1,
                attempts=1,
                created_at=at,
            )
        )
        session.flush()
        session.add(
            OrderRow(
                **common,
                id=order,
                order_date=at.date(),
                broker_order_no=order,
                idempotency_key=order,
                order_type="market",
                quantity=10 * len(parts),
                status="FILLED",
                filled_qty=10 * len(parts),
                filled_amount_krw=700_000 * len(parts),
                requested_at=at,
                updated_at=at,
            )
        )
        session.flush()
        for number, profit in enumerate(parts):
            fill = FillRow(
                **common,
                order_id=order,
                broker_fill_id=f"{order}-{number}",
                quantity=10,
                price=70_000,
                amount_krw=700_000,
                filled_at=at,
                source="notice",
            )
            session.add(fill)
            session.flush()
            session.add(
                TradeLogRow(
                    account=ACCOUNT,
                    strategy=STRATEGY,
                    order_id=order,
                    fill_id=fill.id,
                    stock_code=SAMSUNG,
                    stock_name="삼성전자",
                    trade_type=side,
                    quantity=10,
                    price=70_000,
                    total_amount=700_000,
                    commission_krw=98,
                    tax_krw=0 if side == "BUY" else 1_050,
                    reason="test",
                    profit_amount=None if side == "BUY" else profit,
                    trade_timestamp=at,
                    **known,
                )
            )

    await desk.db.write(work)


async def test_a_portfolio_is_valued_at_the_present_price(desk: Commanding) -> None:
    await desk.hold(SAMSUNG)
    await desk.hold(HYNIX, quantity=5, average_buy_price=210_000)
    # 100 × 72,000 − 7,000,000, less 983 and 1,011 of commission and a tax of 0.15 %, 10,800: +187,206 (+2.67 %);
    # 5 × 200,000 − 1,050,000, less 147, 140 and 1,500: −51,787 (−4.93 %); together +135,419 of 8,050,000 (+1.68 %)
    assert await desk.say("/portfolio") == (
        "보유 2종목\n"
        "SK하이닉스 000660 5주 @210,000 → 200,000 · -51,787 (-4.93%)\n"
        "삼성전자 005930 100주 @70,000 → 72,000 · +187,206 (+2.67%)\n"
        "매입 8,050,000원 · 평가 8,200,000원 · 손익 +135,419원 (+1.68%, 수수료·세금 뒤)"
    )


async def test_a_stock_without_a_quote_has_no_profit_of_zero(desk: Commanding) -> None:
    await desk.hold(SAMSUNG)
    await desk.hold(HYNIX)
    del desk.broker.prices_krw[HYNIX]
    text = await desk.say("/portfolio")
    assert "SK하이닉스 000660 100주 @70,000 · 시세 ?" in text
    assert "매입 14,000,000원\n시세 없음: 000660" in text


async def test_a_portfolio_is_shown_without_a_gateway_and_says_so(desk: Commanding) -> None:
    await desk.hold(SAMSUNG)
    desk.gateway.down = True
    text = await desk.say("/portfolio")
    assert "삼성전자 005930 100주 @70,000 · 시세 ?" in text
    assert text.endswith("게이트웨이가 응답하지 않습니다")


async def test_an_empty_portfolio_and_another_strategys(desk: Commanding) -> None:
    assert await desk.say("/portfolio") == "보유 종목이 없습니다"
    await desk.announce("krx-other")
    await desk.hold(SAMSUNG)
    assert await desk.say("/portfolio @krx-other") == "보유 종목이 없습니다"
    assert (await desk.say("/portfolio @krx-core")).startswith("보유 1종목")
    assert (await desk.ask("/portfolio @nobody")).outcome is Outcome.WRONG


async def test_the_balance_is_the_brokers_own(desk: Commanding) -> None:
    assert await desk.say("/balance") == (
        "계좌 잔고\n총자산 50,000,000원\n예수금 50,000,000원\n주문 가능 50,000,000원\n주식 평가 0원 (0.0%)\n보유 0종목"
    )


async def test_a_balance_that_is_not_to_be_had_is_not_an_empty_one(desk: Commanding) -> None:
    desk.gateway.down = True
    reply = await desk.ask("/balance")
    assert (reply.outcome, reply.lines[0].ko) == (Outcome.FAILED, "게이트웨이가 응답하지 않습니다")


async def test_todays_result_counts_orders_and_what_they_cost(desk: Commanding) -> None:
    await desk.hold(SAMSUNG)
    await book(desk, "b1", "BUY", 0, 0)
    await book(desk, "s1", "SELL", 30_000, -1_000, 5_000)  # one sale in three executions
    await book(desk, "s2", "SELL", -20_000)
    await book(desk, "s0", "SELL", 777_777, days_ago=1)  # yesterday's
    assert await desk.say("/pnl") == (
        "오늘 손익\n"
        "실현 +14,000원 (수수료·세금 뒤)\n"
        "매수 1 · 매도 2 (1승 1패, 승률 50%)\n"
        "수수료 588원 · 세금 4,200원\n"  # 6 × 98; 4 × 1,050
        # 7,200,000 − 7,000,000, less 983 and 1,011 of commission and a tax of 0.15 %, 10,800.
        "미실현 +187,206원 (수수료·세금 뒤)"
    )


async def test_each_holding_bears_its_own_fees(desk: Commanding) -> None:
    await desk.hold(SAMSUNG)
    await desk.hold(HYNIX, quantity=5, average_buy_price=210_000)
    # Beside the 187,206: 1,000,000 − 1,050,000, less 147 and 140 of commission and 1,500 of tax.
    assert "미실현 +135,419원 (수수료·세금 뒤)" in await desk.say("/pnl")


async def test_a_sale_that_broke_even_or_whose_cost_nobody_knows_is_no_loss(desk: Commanding) -> None:
    await book(desk, "s1", "SELL", 30_000)
    await book(desk, "s2", "SELL", 5_000, -5_000)
    await book(desk, "s3", "SELL", None)
    assert "매도 3 (1승 0패, 승률 100%)" in await desk.say("/pnl")


async def test_the_last_days_are_listed_one_by_one(desk: Commanding) -> None:
    await book(desk, "s1", "SELL", 10_000)
    await book(desk, "s2", "SELL", -4_000, days_ago=3)
    await book(desk, "s3", "SELL", 9_000, days_ago=8)
    text = await desk.say("/pnl 7일")
    assert text.startswith("최근 7일 손익\n실현 +6,000원 (수수료·세금 뒤)\n03-07 -4,000원\n03-10 +10,000원\n")


async def test_a_day_without_trades_has_no_winning_rate(desk: Commanding) -> None:
    assert "매수 0 · 매도 0 (0승 0패, 승률 -)" in await desk.say("/pnl")


async def test_an_unrealised_result_without_quotes_is_unknown(desk: Commanding) -> None:
    await desk.hold(SAMSUNG)
    desk.gateway.down = True
    assert "미실현: 시세를 알 수 없습니다" in await desk.say("/pnl")


@pytest.mark.parametrize("text", ["/pnl 0", "/pnl 91", "/pnl -1", "/pnl all", "/pnl 1 2", "/portfolio x", "/balance 1"])
async def test_a_wrong_argument_is_told_what_is_right(desk: Commanding, text: str) -> None:
    reply = await desk.ask(text)
    assert reply.outcome is Outcome.WRONG
    assert reply.lines[-1].ko.startswith(f"사용법: {text.split()[0]}")
