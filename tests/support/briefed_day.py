"""A day in the database as the other services leave it behind, for the briefing to find."""

from datetime import date
from typing import Any

from prime_jennie.domain.macro import GlobalSnapshot, VixRegime
from prime_jennie.domain.market import IndexDailyPrice
from prime_jennie.domain.positions import DailySnapshot
from prime_jennie.domain.slots import SlotSource, SlotState, Task, slot_name
from prime_jennie.domain.symbols import Market, StockMaster
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.repositories.insights import InsightRepository
from prime_jennie.infra.database.repositories.macro_snapshots import MacroSnapshotRepository
from prime_jennie.infra.database.repositories.masters import ListedStock, MasterRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.database.repositories.slots import SlotKey, SlotRepository
from prime_jennie.infra.database.repositories.snapshots import SnapshotRepository
from prime_jennie.infra.database.tables.lifecycle import DailySettlementRow
from prime_jennie.infra.database.tables.portfolio import TradeLogRow
from prime_jennie.infra.database.tables.research import StockNewsSentimentRow
from prime_jennie.infra.database.tables.scouting import WatchlistHistoryRow
from prime_jennie.infra.database.tables.trading import FillRow, OrderIntentRow, OrderRow
from tests.support.any_row import any_row
from tests.support.insights import insight
from tests.support.scanning import DAY, at
from tests.support.service_desk import ACCOUNT, HYNIX, SAMSUNG, STRATEGY, ServiceDesk


def row_of(model: Any, seed: int = 1, **known: Any) -> Any:
    """Return a row with what a test says and any values elsewhere."""
    return model(**(any_row(model.__table__, seed) | known))


async def add(desk: ServiceDesk, *rows: Any) -> None:
    """Store rows."""
    await desk.db.write(lambda session: session.add_all(rows))


async def traded(
    desk: ServiceDesk,
    number: int,
    side: str,
    *,
    quantity: int,
    price: int,
    profit_krw: int | None = None,
    clock: str = "10:00",
    day: date = DAY,
    order: int | None = None,
    **known: Any,
) -> None:
    """Book one execution; `order` groups executions of one order."""
    order_id = f"order-{order or number}"
    owner = {"account": known.get("account", ACCOUNT), "strategy": known.get("strategy", STRATEGY)}
    key = {**owner, "idempotency_key": order_id, "broker_order_no": order_id}

    def work(session: Any) -> None:
        if session.get(OrderRow, order_id) is None:
            session.add(row_of(OrderIntentRow, number, id=order_id, unresolved_slot=None, **key))
            session.add(row_of(OrderRow, number, id=order_id, **key))
            session.flush()
        session.add(row_of(FillRow, number, order_id=order_id, broker_fill_id=f"fill-{number}", **owner))
        session.flush()
        facts = {
            "order_id": order_id,
            "fill_id": number,
            "stock_code": SAMSUNG,
            "stock_name": "삼성전자",
            "trade_type": side,
            "quantity": quantity,
            "price": price,
            "total_amount": quantity * price,
            "commission_krw": 0,
            "tax_krw": 0,
            "profit_amount": profit_krw,
            "trade_timestamp": at(clock, day),
            **owner,
        }
        session.add(row_of(TradeLogRow, number, **(facts | known)))

    await desk.db.write(work)


async def settled(
    desk: ServiceDesk, *, realized: int, unrealized: int, positions: list[dict[str, Any]] | None = None, **known: Any
) -> None:
    """Settle a strategy's day."""
    facts = {
        "account": ACCOUNT,
        "strategy": STRATEGY,
        "trade_date": DAY,
        "realized_pnl": realized,
        "unrealized_pnl": unrealized,
        "total_pnl": realized + unrealized,
        "positions_snapshot": positions or [],
    }
    await add(desk, row_of(DailySettlementRow, **(facts | known)))


def position(code: str, name: str, quantity: int, unrealized: int | None) -> dict[str, Any]:
    """Return one settled position as its row keeps it."""
    return {
        "symbol": code,
        "qty": quantity,
        "avg_price": 10_000.0,
        "current_price": None if unrealized is None else 10_000,
        "timestamp": "2026-02-19T06:45:00Z",
        "realized_pnl": 0,
        "unrealized_pnl": unrealized,
        "total_pnl": unrealized or 0,
        "metadata": {"stock_name": name},
    }


async def whole_day(desk: ServiceDesk) -> None:
    """Leave behind everything that a full day leaves behind."""
    session_before = load_sessions().previous(DAY).day  # the 13th, before the New Year's holidays
    await PriceRepository(desk.db).upsert_index(
        [
            IndexDailyPrice(
                index_code=code,
                price_date=day,
                open_price=close,
                high_price=close,
                low_price=close,
                close_price=close,
                volume=1,
                source=source,
            )
            for code, source in (("0001", "근사"), ("1001", None))
            for day, close in ((session_before, 2_500.0), (DAY, 2_525.0))
        ]
    )
    snapshot = GlobalSnapshot(
        snapshot_date=DAY,
        timestamp=at("07:20"),
        vix=15.37,
        vix_regime=VixRegime.NORMAL,
        usd_krw=1443.5,
        completeness_pct=50,
    )
    await MacroSnapshotRepository(desk.db).save(snapshot, at=at("07:20"), overwrite=True)
    said = insight(insight_date=DAY, sentiment_score=58.0, council="exaone-4", decided_at=at("07:30"))
    await InsightRepository(desk.db).put(said, run_id="council-20260219-0730", raw={})
    await MasterRepository(desk.db).upsert(
        [
            ListedStock(StockMaster(stock_code=code, stock_name=name, market=Market.KOSPI))
            for code, name in ((SAMSUNG, "삼성전자"), (HYNIX, "SK하이닉스"))
        ],
        at=at("07:20"),
    )
    await add(
        desk,
        *(
            row_of(
                WatchlistHistoryRow,
                rank,
                snapshot_date=DAY,
                run_id="scout-20260219-1430",
                stock_code=code,
                stock_name=name,
                rank=rank,
                trade_tier="TIER1",
                hybrid_score=80.0 - rank,
                market_regime="BULL",
                created_at=at("14:30"),
            )
            for rank, (code, name) in enumerate(((SAMSUNG, "삼성전자"), (HYNIX, "SK하이닉스")), start=1)
        ),
        row_of(
            StockNewsSentimentRow,
            stock_code=SAMSUNG,
            news_date=DAY,
            headline="삼성전자, 신규 공장 착공",
            sentiment_score=82.0,
            published_at=at("12:00"),
        ),
    )
    slots = SlotRepository(desk.db)
    for task, clock, state, reason in (
        (Task.MACRO_COUNCIL, "07:30", SlotState.RAN, "neutral"),
        (Task.SCOUT, "14:30", SlotState.FAILED, "Unavailable: kis-gateway: timeout"),
    ):
        key = SlotKey(namespace="default", name=slot_name(task, at(clock)), task=task, at=at(clock))
        await slots.record(key, source=SlotSource.SCHEDULE, state=state, reason=reason, now=at(clock))
    await traded(desk, 1, "BUY", quantity=10, price=70_000)
    await traded(desk, 2, "BUY", quantity=5, price=70_100, order=1, clock="10:01")
    await traded(desk, 3, "SELL", quantity=10, price=71_000, profit_krw=9_000, clock="11:00")
    await traded(desk, 4, "SELL", quantity=5, price=69_000, profit_krw=-5_600, clock="13:00")
    await settled(
        desk,
        realized=3_400,
        unrealized=-1_200,
        positions=[position(HYNIX, "SK하이닉스", 3, -1_200), position(SAMSUNG, "삼성전자", 0, 0)],
    )
    end = DailySnapshot(
        snapshot_date=DAY, total_asset=50_201_538, cash_balance=33_677_500, stock_eval_amount=16_524_038
    )
    await SnapshotRepository(desk.db).save(ACCOUNT, "", end, position_count=1, at=at("15:45"))
