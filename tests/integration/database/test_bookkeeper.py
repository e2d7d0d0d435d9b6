"""Every execution becomes one trade, and the positions are what the trades left."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest

from prime_jennie.domain.errors import NotFound
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.symbols import Market, StockMaster
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.bookkeeper import Bookkeeper
from prime_jennie.infra.database.repositories.masters import ListedStock, MasterRepository
from prime_jennie.infra.database.repositories.origins import OrderOrigin
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.trades import TradeLog
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow
from tests.support.order_desk import ACCOUNT, OPEN, SAMSUNG, STRATEGY, OrderDesk, two_days_later

BUY, SELL = TradeType.BUY, TradeType.SELL


@pytest.fixture
def desk(db: Database) -> OrderDesk:
    return OrderDesk(db)


def purchase(key: str) -> OrderOrigin:
    return OrderOrigin(
        account=ACCOUNT,
        strategy=STRATEGY,
        idempotency_key=key,
        stock_code=SAMSUNG,
        stock_name="삼성전자",
        reason="GOLDEN_CROSS: MA5 crossed MA20 at 72,000",
        strategy_signal="GOLDEN_CROSS",
        market_regime="BULL",
        llm_score=50.0,
        hybrid_score=62.5,
        trade_tier="TIER2",
        sector_group="반도체/IT",
        message_id="1741564800000-0",
        stop_loss_pct=6.0,
    )


def sale(key: str, **facts: object) -> OrderOrigin:
    values: dict[str, object] = {"sell_reason": "STOP_LOSS", **facts}
    return OrderOrigin(
        account=ACCOUNT,
        strategy=STRATEGY,
        idempotency_key=key,
        stock_code=SAMSUNG,
        stock_name="삼성전자",
        reason="sold",
        **values,  # type: ignore[arg-type]
    )


async def held(db: Database) -> ActivePortfolioRow | None:
    return await PositionRepository(db).position(ACCOUNT, STRATEGY, SAMSUNG)


async def test_a_purchase_opens_a_position_that_knows_why(db: Database, desk: OrderDesk) -> None:
    order = await desk.traded("b", BUY, [(10, 72_000)], origin=purchase("b"))
    (booked,) = await desk.books.book(order.id)
    trade = booked.trade
    # 10 × 72,000 = 720,000; commission 720,000 × 0.0140527 % = 101.18 → 101; no tax on purchases
    assert (trade.total_amount, trade.commission_krw, trade.tax_krw) == (720_000, 101, 0)
    assert (trade.reason, trade.message_id) == ("GOLDEN_CROSS: MA5 crossed MA20 at 72,000", "1741564800000-0")
    assert (trade.profit_amount, trade.profit_pct, trade.holding_days) == (None, None, None)
    position = await held(db)
    assert position is not None
    assert (position.quantity, position.average_buy_price, position.total_buy_amount) == (10, 72_000.0, 720_000)
    assert (position.entry_signal, position.trade_tier, position.market_regime) == ("GOLDEN_CROSS", "TIER2", "BULL")
    assert (position.hybrid_score, position.sector_group) == (62.5, "반도체/IT")
    # stop = fill × (1 − 6 %) = 72,000 × 0.94
    assert (position.high_watermark, position.stop_loss_price) == (72_000, 67_680)
    assert (position.scale_out_level, position.rsi_sold, position.bought_at) == (0, False, OPEN)


async def test_partial_fills_average_into_one_position(db: Database, desk: OrderDesk) -> None:
    order = await desk.traded("b", BUY, [(4, 72_000), (6, 72_100), (3, 72_200)], origin=purchase("b"))
    booked = await desk.books.book(order.id)
    assert [one.trade.quantity for one in booked] == [4, 6, 3]
    position = await held(db)
    assert position is not None
    # 288,000 + 432,600 + 216,600 = 937,200 ÷ 13 = 72,092.3077
    assert (position.quantity, position.total_buy_amount) == (13, 937_200)
    assert position.average_buy_price == pytest.approx(72_092.3077)


async def test_a_sale_is_booked_after_fees_tax_and_the_purchases_commission(desk: OrderDesk) -> None:
    bought = await desk.traded("b", BUY, [(10, 72_000)], origin=purchase("b"))
    await desk.books.book(bought.id)
    later = OPEN + timedelta(days=3)
    sold = await desk.traded("s", SELL, [(10, 75_000)], at=later, origin=sale("s"))
    (booked,) = await desk.books.book(sold.id)
    trade = booked.trade
    # proceeds 750,000; commission 105.39 → 105; tax 2025 0.15 % = 1,125; cost 720,000 + 101
    # profit = 750,000 − 105 − 1,125 − 720,000 − 101 = 28,669; ÷ 720,101 = 3.9812 %
    assert (trade.commission_krw, trade.tax_krw, trade.profit_amount) == (105, 1_125, 28_669)
    assert trade.profit_pct == pytest.approx(3.9812, abs=0.0001)
    assert (trade.holding_days, trade.sell_reason) == (3, "STOP_LOSS")
    assert booked.position is None


async def test_sale_rows_carry_the_entrys_score_tier_and_regime(desk: OrderDesk) -> None:
    """✗ An ancestor left them empty: its analysis by regime and score was all "unknown"."""
    await desk.traded("b", BUY, [(10, 72_000)], origin=purchase("b"))
    sold = await desk.traded("s", SELL, [(10, 75_000)], origin=sale("s"))
    trade = (await desk.books.book(sold.id))[-1].trade
    assert (trade.strategy_signal, trade.market_regime, trade.trade_tier) == ("GOLDEN_CROSS", "BULL", "TIER2")
    assert (trade.llm_score, trade.hybrid_score) == (50.0, 62.5)


async def test_tax_is_dated_by_settlement_not_by_the_trade(db: Database, desk: OrderDesk) -> None:
    await desk.traded("b", BUY, [(10, 72_000)])
    sold = await desk.traded("s", SELL, [(10, 75_000)], at=datetime(2024, 12, 30, 1, tzinfo=UTC))
    settled: list[date] = []

    def next_year(day: date) -> date:
        settled.append(day)
        return date(2025, 1, 3)

    booked = await Bookkeeper(db, next_year).book(sold.id)
    # traded on 30 December 2024 (0.18 %), settled in 2025: 750,000 × 0.15 % = 1,125
    assert booked[-1].trade.tax_krw == 1_125
    assert settled == [date(2024, 12, 30)]


async def test_days_are_counted_in_seoul(desk: OrderDesk) -> None:
    # 23:30 UTC on Sunday is 08:30 on Monday in Seoul, 06:00 UTC on Monday is 15:00 there: the same day.
    await desk.traded("b", BUY, [(10, 72_000)], at=datetime(2025, 3, 9, 23, 30, tzinfo=UTC))
    sold = await desk.traded("s", SELL, [(10, 72_000)], at=datetime(2025, 3, 10, 6, 0, tzinfo=UTC))
    assert (await desk.books.book(sold.id))[-1].trade.holding_days == 0


async def test_profits_of_all_partial_sales_add_up_to_the_won(db: Database, desk: OrderDesk) -> None:
    await desk.traded("b", BUY, [(7, 72_100), (6, 72_300)])
    sold = await desk.traded("s", SELL, [(3, 73_000), (4, 72_900), (5, 73_100), (1, 73_200)])
    booked = await desk.books.book(sold.id)
    trades = [one.trade for one in booked]
    paid = sum(t.total_amount + t.commission_krw for t in trades if t.trade_type == "BUY")
    received = sum(t.total_amount - t.commission_krw - t.tax_krw for t in trades if t.trade_type == "SELL")
    assert sum(t.profit_amount or 0 for t in trades) == received - paid
    assert await held(db) is None
    assert await TradeLog(db).realised_krw(ACCOUNT, STRATEGY, OPEN) == received - paid


async def test_booking_again_books_nothing(desk: OrderDesk) -> None:
    order = await desk.traded("b", BUY, [(4, 72_000), (6, 72_100)])
    assert len(await desk.books.book(order.id)) == 2
    assert await desk.books.book(order.id) == []
    assert await desk.books.book_strategy(ACCOUNT, STRATEGY) == []


async def test_twenty_bookers_at_once_book_each_fill_once(db: Database, desk: OrderDesk) -> None:
    first = await desk.traded("b1", BUY, [(1, 72_000 + i * 100) for i in range(10)])
    second = await desk.traded("b2", BUY, [(1, 71_000 + i * 100) for i in range(10)])
    booked = await asyncio.gather(*(desk.books.book(order.id) for order in [first, second] * 10))
    assert sum(len(trades) for trades in booked) == 20
    position = await held(db)
    assert position is not None
    assert position.quantity == 20


async def test_a_sale_never_overtakes_the_purchase_it_sells(db: Database, desk: OrderDesk) -> None:
    await desk.traded("b", BUY, [(10, 72_000)], origin=purchase("b"))
    sold = await desk.traded("s", SELL, [(10, 75_000)], origin=sale("s"))
    # The buyer died before it booked; booking the sale books the purchase first.
    booked = await desk.books.book(sold.id)
    assert [one.trade.trade_type for one in booked] == ["BUY", "SELL"]
    assert booked[-1].trade.profit_amount == 28_669
    assert await held(db) is None


async def test_a_scale_out_level_advances_when_the_sale_fills(db: Database, desk: OrderDesk) -> None:
    """✗ An ancestor advanced the level when it wished to sell."""
    bought = await desk.traded("b", BUY, [(100, 72_000)], origin=purchase("b"))
    await desk.books.book(bought.id)
    order = await desk.accepted("s", SELL, 25, origin=sale("s", sell_reason="PROFIT_TARGET", scale_out_level=1))
    await desk.books.book(order.id)
    position = await held(db)
    assert position is not None
    assert position.scale_out_level == 0
    await desk.fill(order, [(5, 75_000), (20, 75_000)])
    await desk.books.book(order.id)
    position = await held(db)
    assert position is not None
    assert (position.scale_out_level, position.quantity) == (1, 75)


async def test_an_rsi_sale_is_marked_once_it_fills(db: Database, desk: OrderDesk) -> None:
    await desk.traded("b", BUY, [(100, 72_000)])
    sold = await desk.traded("s", SELL, [(50, 75_000)], origin=sale("s", sell_reason="RSI_OVERBOUGHT"))
    await desk.books.book(sold.id)
    position = await held(db)
    assert position is not None
    assert position.rsi_sold


async def test_a_fresh_purchase_starts_a_new_life(db: Database, desk: OrderDesk) -> None:
    first = await desk.traded("b1", BUY, [(100, 72_000)], origin=purchase("b1"))
    await desk.books.book(first.id)
    old = await held(db)
    assert old is not None
    part = await desk.traded("s1", SELL, [(25, 75_000)], origin=sale("s1", scale_out_level=2))
    rest = await desk.traded("s2", SELL, [(75, 75_000)], origin=sale("s2"))
    again = await desk.traded("b2", BUY, [(10, 70_000)], origin=purchase("b2"))
    for order in (part, rest, again):
        await desk.books.book(order.id)
    new = await held(db)
    assert new is not None
    assert new.position_id != old.position_id
    assert (new.scale_out_level, new.rsi_sold, new.quantity, new.high_watermark) == (0, False, 10, 70_000)


async def test_a_sale_meant_for_an_older_life_marks_nothing_on_the_new_one(db: Database, desk: OrderDesk) -> None:
    await desk.traded("b", BUY, [(100, 72_000)])
    late = sale("s", sell_reason="PROFIT_TARGET", scale_out_level=3, position_id="an older life")
    sold = await desk.traded("s", SELL, [(25, 75_000)], origin=late)
    await desk.books.book(sold.id)
    position = await held(db)
    assert position is not None
    assert (position.scale_out_level, position.quantity) == (0, 75)


async def test_adding_to_a_position_keeps_its_life_and_first_day(db: Database, desk: OrderDesk) -> None:
    await desk.traded("b1", BUY, [(10, 72_000)], origin=purchase("b1"))
    added = await desk.traded("b2", BUY, [(10, 74_000)], at=OPEN + timedelta(days=1), origin=purchase("b2"))
    booked = await desk.books.book(added.id)
    position = await held(db)
    assert position is not None
    assert booked[0].position is not None
    assert position.position_id == booked[0].position.position_id
    assert (position.bought_at, position.average_buy_price) == (OPEN, 73_000.0)


async def test_shares_nobody_bought_here_are_booked_loudly(db: Database, desk: OrderDesk) -> None:
    await desk.traded("b", BUY, [(10, 72_000)])
    sold = await desk.traded("s", SELL, [(15, 75_000)])
    booked = (await desk.books.book(sold.id))[-1]
    assert (booked.unmatched_quantity, booked.trade.quantity, booked.trade.profit_amount) == (5, 15, None)
    assert await held(db) is None
    more = await desk.traded("s2", SELL, [(1, 75_000)])
    assert (await desk.books.book(more.id))[0].unmatched_quantity == 1


async def test_strategies_do_not_mix(db: Database, desk: OrderDesk) -> None:
    order = await desk.traded("b", BUY, [(10, 72_000)])
    assert await desk.books.book_strategy(ACCOUNT, "krx-other") == []
    assert len(await desk.books.book_strategy(ACCOUNT, STRATEGY)) == 1
    assert await PositionRepository(db).open_positions(ACCOUNT, "krx-other") == []
    assert len(await TradeLog(db).of_order(order.id)) == 1


async def test_an_order_without_an_origin_takes_the_gateways_reason_and_the_masters_name(
    db: Database, desk: OrderDesk
) -> None:
    master = StockMaster(stock_code=SAMSUNG, stock_name="삼성전자", market=Market.KOSPI)
    await MasterRepository(db).upsert([ListedStock(master)], at=OPEN)
    order = await desk.traded("by hand", BUY, [(10, 72_000)])
    trade = (await desk.books.book(order.id))[0].trade
    assert (trade.stock_name, trade.reason, trade.message_id) == (
        "삼성전자",
        "reason of by hand",
        "message of by hand",
    )


async def test_remembering_an_origin_twice_keeps_the_first(desk: OrderDesk) -> None:
    assert await desk.origins.remember(purchase("b"), at=OPEN)
    assert not await desk.origins.remember(sale("b"), at=OPEN)
    origin = await desk.origins.of_key(ACCOUNT, STRATEGY, "b")
    assert origin is not None
    assert origin.strategy_signal == "GOLDEN_CROSS"


async def test_an_unknown_order_is_not_found(db: Database) -> None:
    with pytest.raises(NotFound):
        await Bookkeeper(db, two_days_later).book("nobody")


async def test_trades_are_read_by_their_time(db: Database, desk: OrderDesk) -> None:
    order = await desk.traded("b", BUY, [(4, 72_000), (6, 72_100)])
    await desk.books.book(order.id)
    assert len(await TradeLog(db).trades(ACCOUNT, STRATEGY, since=OPEN)) == 2
    assert await TradeLog(db).trades(ACCOUNT, until=OPEN) == []
