"""Whatever order, split, repetition and interruption fills come in, positions are the sum of the fills."""

import asyncio
import tempfile
from collections import defaultdict
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from prime_jennie.domain.orders import TradeType
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.fills import Execution
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.trades import TradeLog
from prime_jennie.infra.database.tables.trading import OrderRow
from tests.support.database import migrate_empty
from tests.support.order_desk import ACCOUNT, OPEN, STRATEGY, OrderDesk

CODES = ("005930", "000660", "0004Y0")
Report = tuple[int, int]

orders = st.lists(
    st.tuples(
        st.sampled_from(CODES),
        st.sampled_from([TradeType.BUY, TradeType.SELL]),
        st.lists(st.tuples(st.integers(1, 50), st.integers(1_000, 200_000)), min_size=1, max_size=4),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(plan=orders, chance=st.randoms(use_true_random=False))
def test_positions_are_the_sum_of_the_fills(plan: list[tuple[str, TradeType, list[Report]]], chance: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'p.db'}"
        migrate_empty(url)
        db = Database(url)
        try:
            asyncio.run(play(db, plan, chance))
        finally:
            db.close_now()


async def play(db: Database, plan: list[tuple[str, TradeType, list[Report]]], chance: object) -> None:
    desk = OrderDesk(db)
    held: dict[str, int] = defaultdict(int)
    pending: list[tuple[OrderRow, list[Report]]] = []
    for number, (code, side, wanted) in enumerate(plan):
        parts = wanted if side is TradeType.BUY else affordable(wanted, held[code])
        if not parts:
            continue
        quantity = sum(shares for shares, _ in parts)
        held[code] += quantity if side is TradeType.BUY else -quantity
        order = await desk.accepted(f"k{number}", side, quantity, stock_code=code)
        await report(desk, order, parts, chance)
        pending.append((order, parts))
    for order, parts in pending:
        await report(desk, order, parts, chance)  # every report once more, in full
    await desk.books.book_strategy(ACCOUNT, STRATEGY)

    positions = {row.stock_code: row for row in await PositionRepository(db).open_positions(ACCOUNT, STRATEGY)}
    assert {code: row.quantity for code, row in positions.items()} == {c: n for c, n in held.items() if n}
    assert {c: n for c, n in (await desk.fills.totals(ACCOUNT, STRATEGY)).items() if n} == {
        code: row.quantity for code, row in positions.items()
    }
    trades = await TradeLog(db).trades(ACCOUNT, STRATEGY)
    assert sum(trade.quantity for trade in trades) == sum(shares for _, parts in pending for shares, _ in parts)
    # Money is neither made nor lost in the books: what was paid is profit taken plus what the positions cost.
    paid = sum(t.total_amount + t.commission_krw for t in trades if t.trade_type == "BUY")
    received = sum(t.total_amount - t.commission_krw - t.tax_krw for t in trades if t.trade_type == "SELL")
    cost = sum(row.total_buy_amount + row.buy_commission_krw for row in positions.values())
    assert sum(t.profit_amount or 0 for t in trades) == received - paid + cost


async def report(desk: OrderDesk, order: OrderRow, parts: list[Report], chance: object) -> None:
    """Tell an order's executions by notices and listings, repeated and out of turn, with bookings in between."""
    filled, amount = 0, 0
    for shares, price in parts:
        execution = Execution(shares, shares * price, OPEN)
        way = chance.choice(["notice", "listing", "both"])  # type: ignore[attr-defined]
        if way != "listing":
            for _ in range(chance.randint(1, 2)):  # type: ignore[attr-defined]
                await desk.fills.record(order.id, execution, filled_before=filled, source="notice", lease=None)
        filled, amount = filled + shares, amount + shares * price
        if way != "notice":
            await desk.fills.record_total(order.id, filled_qty=filled, filled_amount_krw=amount, at=OPEN)
        if chance.random() < 0.5:  # type: ignore[attr-defined]
            await asyncio.gather(desk.books.book(order.id), desk.books.book(order.id))


def affordable(parts: list[Report], held: int) -> list[Report]:
    """Cut a sale down to what is held."""
    cut: list[Report] = []
    for shares, price in parts:
        if min(shares, held) > 0:
            cut.append((min(shares, held), price))
            held -= min(shares, held)
    return cut
