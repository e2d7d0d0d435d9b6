"""/buy, /sell, /sellall: asked, confirmed, written down, published once; all else is refused with its reason."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest

from command_handler.replies import Outcome
from prime_jennie.domain.risk import Halt, HaltSource, HaltState
from prime_jennie.domain.signals import SellReason, SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.overrides import dry_run_key
from tests.support.commanding import HYNIX, SAMSUNG, STRATEGY, Commanding, code_in


async def test_a_purchase_is_asked_for_then_published_as_the_executor_reads_it(desk: Commanding) -> None:
    question = await desk.ask("/buy 삼성전자 10")
    assert (question.outcome, question.title.ko) == (Outcome.ASKED, "매수: 삼성전자 005930")
    assert question.lines[0].ko == "krx-core: 시장가 10주 · 72,000원 · 약 720,000원"
    assert await desk.signals() == []
    assert await desk.events("manual-trade") == []
    desk.broker.prices_krw[SAMSUNG] = 72_500
    desk.clock.advance(30)
    done = await desk.ask(f"확인 {code_in(question)}", message_id="telegram:1:55")
    assert (done.outcome, done.title.ko) == (Outcome.DONE, "매수 요청: 삼성전자 005930 10주")
    assert done.lines[0].ko == "오늘 수동 거래 1/20"
    (signal,) = await desk.signals()
    assert (signal.signal_type, signal.source, signal.quantity) == (SignalType.MANUAL, "manual", 10)
    assert (signal.signal_price, signal.timestamp) == (72_500, desk.clock.now())  # of the confirmation
    assert (signal.hybrid_score, signal.trade_tier) == (50, TradeTier.TIER2)
    (entry,) = await desk.redis.xrange("krx-core:stream:buy-signals")
    assert entry[1]["id"] == "manual:telegram:1:55:005930"
    (event,) = await desk.events("manual-trade")
    assert (event.who, event.message) == ("Owner (7)", "BUY 10 005930 by hand")


async def test_without_a_number_a_fifth_of_the_cash_is_bought(desk: Commanding) -> None:
    # 20 % of 50,000,000 are 10,000,000: 138 shares at 72,000
    assert "시장가 138주" in (await desk.ask("/buy 005930")).lines[0].ko


async def test_the_cash_is_the_strategys_own(desk: Commanding) -> None:
    await desk.announce(STRATEGY, generation=2, capitalKrw=10_000_000)
    await desk.hold(HYNIX, quantity=40, average_buy_price=200_000)  # 8,000,000 of it are invested
    # 20 % of 2,000,000 are 400,000: 5 shares
    assert "시장가 5주" in (await desk.ask("/buy 005930")).lines[0].ko
    reply = await desk.ask("/buy 005930 28")
    assert reply.outcome is Outcome.REFUSED
    assert reply.lines[0].ko == "28주는 2,016,000원, 쓸 수 있는 돈은 2,000,000원 (최대 27주)"


async def test_a_share_that_costs_more_than_a_fifth_of_the_cash_is_not_rounded_up(desk: Commanding) -> None:
    desk.broker.cash_krw = 300_000
    reply = await desk.ask("/buy 005930")
    assert (reply.outcome, reply.title.ko) == (Outcome.REFUSED, "삼성전자 005930: 한 주도 살 수 없습니다")


@pytest.mark.parametrize(
    "text",
    [
        "/buy",
        "/buy 10",
        "/buy 005930 0",
        "/buy 005930 -5",
        "/buy 005930 1.5",
        "/buy 005930 10001",
        "/buy 005930 전량",
        "/buy 005930 10 20",
        "/buy <b>x</b> 1",
        "/buy 005930 @nobody",
        "/sell",
        "/sell 005930 0",
        "/sell 005930 101",
        "/sell 005930 ten",
    ],
)
async def test_a_wrong_argument_does_nothing_and_says_what_is_right(desk: Commanding, text: str) -> None:
    await desk.hold(SAMSUNG) if text.startswith("/sell") else None
    reply = await desk.ask(text)
    assert reply.outcome is Outcome.WRONG
    assert reply.lines[-1].ko.startswith(f"사용법: {text.split()[0]} 종목 [수량")
    assert (await desk.ask("확인 0000")).outcome is Outcome.REFUSED


async def halt(desk: Commanding) -> None:
    who = {"source": HaltSource.RISK, "who": "day-loss", "why": "lost", "at": desk.clock.now()}
    await desk.halts.set(STRATEGY, Halt(state=HaltState.PAUSED, **who))


async def close(desk: Commanding) -> None:
    desk.clock.advance(4 * 3600)


async def no_regime(desk: Commanding) -> None:
    await desk.redis.delete("regime:current")


async def held(desk: Commanding) -> None:
    await desk.hold(SAMSUNG)


async def no_gateway(desk: Commanding) -> None:
    desk.gateway.down = True


@pytest.mark.parametrize(
    ("world", "title"),
    [
        (halt, "krx-core: 매수 중지 상태라 사지 않습니다"),
        (close, "장이 열려 있지 않습니다"),
        (no_regime, "오늘의 시장 국면을 아직 모릅니다"),
        (held, "삼성전자 005930: 이미 보유하고 있습니다"),
        (no_gateway, "지금은 할 수 없습니다"),
    ],
)
async def test_what_would_be_refused_is_refused_before_it_is_confirmed(
    desk: Commanding, world: Callable[[Commanding], Any], title: str
) -> None:
    await world(desk)
    reply = await desk.ask("/buy 005930 1")
    assert (reply.outcome in (Outcome.REFUSED, Outcome.FAILED), reply.title.ko) == (True, title)


async def test_a_regime_lost_between_question_and_confirmation_refuses(desk: Commanding) -> None:
    question = await desk.ask("/buy 005930 1")
    await no_regime(desk)
    assert (await desk.ask(f"확인 {code_in(question)}")).outcome is Outcome.REFUSED
    assert (await desk.signals(), await desk.events("manual-trade")) == ([], [])


async def test_a_code_buys_once_and_not_after_a_minute(desk: Commanding) -> None:
    question = await desk.ask("/buy 005930 1")
    confirmation = f"확인 {code_in(question)}"
    assert (await desk.ask(confirmation)).outcome is Outcome.DONE
    assert (await desk.ask(confirmation)).outcome is Outcome.REFUSED
    late = await desk.ask("/buy 005930 1")
    desk.clock.advance(60)
    assert (await desk.ask(f"확인 {code_in(late)}")).title.ko == "확인 시간이 지났습니다"
    assert len(await desk.signals()) == 1


async def test_a_restart_forgets_an_open_question(desk: Commanding) -> None:
    question = await desk.ask("/buy 005930 1")
    await desk.close()
    desk.room = desk.furnished()
    assert (await desk.ask(f"확인 {code_in(question)}")).title.ko == "확인할 명령이 없습니다"
    assert await desk.signals() == []


async def test_a_sale_names_the_position_and_what_it_cost(desk: Commanding) -> None:
    await desk.hold(SAMSUNG)
    question = await desk.ask("/sell 삼성전자 40")
    assert question.lines[0].ko == "krx-core: 시장가 40/100주 · 72,000원 (+2.86%)"
    assert (await desk.ask(f"확인 {code_in(question)}")).title.ko == "매도 요청: 삼성전자 005930 40주"
    (order,) = await desk.sell_orders()
    assert (order.sell_reason, order.quantity, order.current_price) == (SellReason.MANUAL, 40, 72_000)
    assert (order.buy_price, order.profit_pct, order.holding_days) == (70_000, 2.8571, 3)
    assert order.position_id == f"life-{SAMSUNG}"


@pytest.mark.parametrize("text", ["/sell 005930", "/sell 005930 전량", "/sell 005930 all"])
async def test_a_sale_without_a_number_is_of_everything(desk: Commanding, text: str) -> None:
    await desk.hold(SAMSUNG)
    await desk.confirm(text)
    assert [order.quantity for order in await desk.sell_orders()] == [100]


async def test_a_sale_passes_every_halt_closed_doors_and_a_silent_gateway(desk: Commanding) -> None:
    await desk.hold(SAMSUNG)
    await desk.say("/stop 긴급")
    desk.clock.advance(5 * 3600)
    desk.gateway.down = True
    question = await desk.ask("/sell 005930")
    assert "시세 없음" in question.lines[0].ko
    assert question.lines[1].ko == "장이 닫혀 있어 거래소가 거부할 수 있습니다"
    assert (await desk.ask(f"확인 {code_in(question)}")).outcome is Outcome.DONE
    assert [order.current_price for order in await desk.sell_orders()] == [70_000]  # what was paid


@pytest.mark.parametrize(
    ("day", "clock", "note"),
    [
        ("2025-03-11", "08:29", "장이 닫혀 있어 거래소가 거부할 수 있습니다"),
        ("2025-03-11", "08:30", "09:00 시가 동시호가에서 체결됩니다"),
        ("2025-03-11", "08:59", "09:00 시가 동시호가에서 체결됩니다"),
        ("2025-03-11", "09:00", ""),
        ("2025-11-13", "09:29", "장이 닫혀 있어 거래소가 거부할 수 있습니다"),
        ("2025-11-13", "09:30", "10:00 시가 동시호가에서 체결됩니다"),
    ],
)
async def test_before_the_open_a_sale_is_told_to_fill_in_the_opening_auction(
    desk: Commanding, day: str, clock: str, note: str
) -> None:
    """The exam day opens at 10:00, so its auction begins at 09:30."""
    desk.clock.set(datetime.fromisoformat(f"{day}T{clock}:00+09:00"))
    await desk.hold(SAMSUNG)
    question = await desk.ask("/sell 005930")
    assert [line.ko for line in question.lines[1:-1]] == ([note] if note else [])
    everything = await desk.ask("/sellall 확인")
    assert [line.ko for line in everything.lines[1:]] == ([note] if note else [])


async def test_what_is_not_held_is_not_sold(desk: Commanding) -> None:
    assert (await desk.ask("/sell 005930")).title.ko == "삼성전자 005930: 보유하지 않습니다"
    assert (await desk.ask("/sellall 확인")).title.ko == "krx-core: 보유 종목이 없습니다"


async def test_with_several_strategies_a_purchase_names_one_and_a_sale_finds_its_holder(desk: Commanding) -> None:
    await desk.announce("krx-other")
    reply = await desk.ask("/buy 005930 1")
    assert reply.outcome is Outcome.WRONG
    assert "@krx-core @krx-other" in reply.lines[0].ko
    await desk.confirm("/buy 005930 1 @krx-other")
    assert (len(await desk.signals()), len(await desk.signals("krx-other"))) == (0, 1)
    await desk.hold(HYNIX, strategy="krx-other")
    assert (await desk.ask("/sell 000660")).lines[0].ko.startswith("krx-other: ")
    await desk.hold(HYNIX, strategy=STRATEGY)
    assert (await desk.ask("/sell 000660")).outcome is Outcome.WRONG
    assert (await desk.ask("/sellall 확인")).outcome is Outcome.WRONG


async def test_selling_everything_needs_its_word_and_sells_every_position(desk: Commanding) -> None:
    await desk.hold(SAMSUNG)
    await desk.hold(HYNIX, quantity=3)
    for text in ("/sellall", "/sellall 네", "/sellall 확인 지금"):
        assert (await desk.ask(text)).outcome is Outcome.WRONG
    assert await desk.sell_orders() == []
    reply = await desk.ask("/sellall 확인", message_id="m1")
    assert (reply.outcome, reply.title.ko) == (Outcome.DONE, "krx-core: 2종목 매도 요청")
    assert [(order.stock_code, order.quantity) for order in await desk.sell_orders()] == [(HYNIX, 3), (SAMSUNG, 100)]
    entries = await desk.redis.xrange("krx-core:stream:sell-orders")
    assert [fields["id"] for _, fields in entries] == ["manual:m1:000660", "manual:m1:005930"]


async def test_twenty_trades_a_day_survive_a_restart_and_leave_the_way_out_open(desk: Commanding) -> None:
    desk.settings = desk.settings.model_copy(update={"manual_trades_per_day": 2})
    desk.room = desk.furnished()
    await desk.hold(HYNIX)
    assert (await desk.confirm("/buy 005930 1")).outcome is Outcome.DONE
    desk.room = desk.furnished()
    assert (await desk.confirm("/sell 000660 1")).lines[0].ko == "오늘 수동 거래 2/2"
    refused = await desk.confirm("/sell 000660 1")
    assert (refused.outcome, refused.title.ko) == (Outcome.REFUSED, "오늘의 수동 거래 2회를 다 썼습니다")
    assert (await desk.ask("/sellall 확인")).outcome is Outcome.DONE
    desk.clock.advance(24 * 3600)
    await desk.set_regime()
    assert (await desk.confirm("/sell 000660 1")).lines[0].ko == "오늘 수동 거래 1/2"


async def test_a_dry_run_is_said_before_it_is_confirmed(desk: Commanding) -> None:
    await ConfigRepository(desk.db).put(dry_run_key(STRATEGY), "on", who="x", at=desk.clock.now())
    assert (await desk.ask("/buy 005930 1")).lines[-2].ko == "모의 실행 중: 주문을 보내지 않습니다"


async def test_everything_is_sold_although_nobody_can_be_asked_for_a_price(desk: Commanding) -> None:
    await desk.hold(SAMSUNG)
    desk.gateway.down = True
    assert (await desk.ask("/sellall 확인")).outcome is Outcome.DONE
    assert [order.current_price for order in await desk.sell_orders()] == [70_000]  # what was paid
