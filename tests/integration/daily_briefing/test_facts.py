"""What the briefing finds of a day, and what it says it did not find."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy import delete
from sqlalchemy.orm import Session

from daily_briefing.facts import FactFinder
from prime_jennie.domain.briefing import BriefingFacts, IndexFigure, Missing, SaleFigure
from prime_jennie.domain.errors import NotFound
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.macro import Sentiment
from prime_jennie.domain.market import IndexQuote, MarketRegime
from prime_jennie.domain.slots import SlotSource, SlotState, Task, slot_name
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.database.repositories.slots import SlotKey, SlotRepository
from prime_jennie.infra.database.tables.lifecycle import DailySettlementRow, MarketStateRow
from prime_jennie.infra.database.tables.market import IndexDailyPriceRow
from prime_jennie.infra.database.tables.portfolio import DailyAssetSnapshotRow
from prime_jennie.infra.database.tables.research import StockNewsSentimentRow
from prime_jennie.infra.database.tables.scouting import WatchlistHistoryRow
from prime_jennie.infra.jobs import Job, JobDesk
from prime_jennie.infra.outages import Outages
from prime_jennie.infra.redis.connection import connect
from tests.support.briefed_day import add, position, row_of, settled, traded, whole_day
from tests.support.redis_server import free_port
from tests.support.scanning import DAY, at, context
from tests.support.service_desk import ACCOUNT, HYNIX, SAMSUNG, ServiceDesk


@pytest.fixture(autouse=True)
async def _evening(desk: ServiceDesk) -> None:
    desk.clock.set(at("17:00"))
    await desk.redis.delete(RedisKeys.REGIME_CURRENT.value)


async def found(desk: ServiceDesk, *, newest: bool = True, redis: Any = None, **job: Any) -> BriefingFacts:
    jobs = JobDesk(
        service="daily-briefing",
        worker_id="daily-briefing@here:1",
        clock=desk.clock,
        redis=redis or desk.redis,
        db=desk.db,
        gateway=desk.gateway,
        sessions=load_sessions(),
        outages=Outages(),
        namespace="default",
    )
    slot = slot_name(Task.DAILY_BRIEFING, at("17:00"))
    given = {"slot": slot, "task": Task.DAILY_BRIEFING, "at": at("17:00"), "day": DAY, "source": SlotSource.SCHEDULE}
    return await FactFinder(jobs).find(Job(**(given | {"newest": newest} | job)))


async def test_of_a_whole_day_nothing_is_missing(desk: ServiceDesk) -> None:
    await whole_day(desk)
    facts = await found(desk)
    assert facts.missing == ()
    market, trades, portfolio = facts.market, facts.trades, facts.portfolio
    assert (facts.day, facts.has_session) == (DAY, True)
    assert market.kospi == IndexFigure(close=2525.0, change_pct=1.0, is_approximation=True)
    assert market.kosdaq == IndexFigure(close=2525.0, change_pct=1.0)
    assert (market.vix, market.usd_krw, market.sentiment, market.sentiment_score) == (
        15.37,
        1443.5,
        Sentiment.NEUTRAL,
        58,
    )
    assert (market.regime, market.regime_at, market.council) == (MarketRegime.BULL, at("14:30"), "exaone-4")
    assert trades is not None
    assert (trades.buys, trades.sells, trades.bought_krw, trades.sold_krw) == (1, 2, 1_050_500, 1_055_000)
    assert (trades.realized_krw, trades.is_settled, trades.wins, trades.losses, trades.win_rate) == (
        3_400,
        True,
        1,
        1,
        0.5,
    )
    assert trades.best == SaleFigure(stock_name="삼성전자", profit_krw=9_000, profit_pct=1.2839)
    assert trades.worst is not None
    assert trades.worst.profit_krw == -5_600
    assert portfolio is not None
    assert (portfolio.total_asset_krw, portfolio.cash_krw, portfolio.stock_krw) == (50_201_538, 33_677_500, 16_524_038)
    assert (portfolio.positions, portfolio.unrealized_krw) == (1, -1_200)
    assert [(held.stock_name, held.quantity, held.unrealized_krw) for held in portfolio.holdings] == [
        ("SK하이닉스", 3, -1_200)
    ]
    assert [pick.stock_name for pick in facts.watchlist] == ["삼성전자", "SK하이닉스"]
    assert (facts.slots_done, [slot.task for slot in facts.troubled_slots]) == (1, [Task.SCOUT])
    assert [(news.stock_name, news.sentiment_score) for news in facts.news] == [("삼성전자", 82)]
    assert facts.sources["regime"] == "watchlist_history"


async def test_of_an_empty_day_everything_is_missing_and_nothing_invented(desk: ServiceDesk) -> None:
    facts = await found(desk)
    assert set(facts.missing) == set(Missing) - {Missing.ACCOUNT, Missing.POSITIONS, Missing.PRICES}
    assert facts.trades is not None
    assert (facts.trades.buys, facts.trades.realized_krw, facts.trades.is_settled) == (0, 0, False)
    assert facts.portfolio is not None
    assert (facts.portfolio.positions, facts.portfolio.total_asset_krw) == (0, None)
    assert facts.market.model_dump(exclude_none=True) == {}


async def test_without_a_settlement_the_result_is_the_books_and_says_so(desk: ServiceDesk) -> None:
    await whole_day(desk)
    await desk.db.write(lambda session: session.execute(delete(DailySettlementRow)) and None)
    await desk.hold(quantity=7)
    facts = await found(desk)
    assert {Missing.SETTLEMENT, Missing.PRICES} == set(facts.missing)
    assert facts.trades is not None
    assert (facts.trades.realized_krw, facts.trades.is_settled) == (3_400, False)
    assert facts.portfolio is not None
    assert (facts.portfolio.positions, facts.portfolio.unrealized_krw) == (1, None)


async def test_a_settlement_of_one_strategy_only_is_a_part(desk: ServiceDesk) -> None:
    await settled(desk, realized=1_000, unrealized=0)
    await traded(desk, 1, "SELL", quantity=1, price=10_000, profit_krw=1_000)
    await traded(desk, 2, "SELL", quantity=1, price=10_000, profit_krw=-300, strategy="krx-other")
    facts = await found(desk)
    assert Missing.SETTLEMENT in facts.missing
    assert facts.trades is not None
    assert (facts.trades.realized_krw, facts.trades.is_settled) == (700, False)


async def test_another_account_and_another_day_are_not_told(desk: ServiceDesk) -> None:
    await traded(desk, 1, "SELL", quantity=1, price=10_000, profit_krw=1_000, account="87654321-01")
    await traded(desk, 2, "SELL", quantity=1, price=10_000, profit_krw=1_000, day=DAY - timedelta(days=1))
    await traded(desk, 3, "BUY", quantity=1, price=10_000, day=DAY + timedelta(days=1))
    facts = await found(desk)
    assert facts.trades is not None
    assert (facts.trades.buys, facts.trades.sells) == (0, 0)


async def test_a_sale_without_a_known_cost_is_neither_best_nor_worst(desk: ServiceDesk) -> None:
    await traded(desk, 1, "SELL", quantity=1, price=10_000, profit_krw=None, stock_name="모름")
    await traded(desk, 2, "SELL", quantity=1, price=10_000, profit_krw=-5, stock_name="하나")
    facts = await found(desk)
    assert facts.trades is not None
    assert (facts.trades.sells, facts.trades.wins, facts.trades.losses) == (2, 0, 1)
    assert facts.trades.best is not None
    assert facts.trades.best.stock_name == "하나"
    assert facts.trades.worst is None


async def test_a_settled_position_without_a_price_is_named_as_a_gap(desk: ServiceDesk) -> None:
    await settled(
        desk,
        realized=0,
        unrealized=500,
        positions=[position(SAMSUNG, "삼성전자", 2, None), position(HYNIX, "SK하이닉스", 1, 500)],
    )
    facts = await found(desk)
    assert Missing.PRICES in facts.missing
    assert facts.portfolio is not None
    assert [(held.stock_name, held.unrealized_krw) for held in facts.portfolio.holdings] == [
        ("SK하이닉스", 500),
        ("삼성전자", None),
    ]


async def test_positions_written_by_another_version_are_a_gap_and_no_crash(desk: ServiceDesk) -> None:
    await settled(desk, realized=0, unrealized=0, positions=[{"symbol": "?"}])
    assert Missing.POSITIONS in (await found(desk)).missing


async def test_a_regime_in_force_goes_before_the_last_scouting(desk: ServiceDesk) -> None:
    await whole_day(desk)
    await desk.set_regime(context(market_regime=MarketRegime.BEAR))
    facts = await found(desk)
    assert (facts.market.regime, facts.market.regime_at) == (MarketRegime.BEAR, at("17:00"))


async def test_an_index_is_compared_with_the_session_before_or_with_nothing(desk: ServiceDesk) -> None:
    """The day before that session is missing: its change would be of two days."""
    await whole_day(desk)
    prices = PriceRepository(desk.db)
    (older, _) = await prices.index_daily("0001", 2, before=DAY + timedelta(days=1))

    def move(session: Session) -> None:
        bar = session.get(IndexDailyPriceRow, ("0001", older.price_date))
        assert bar is not None
        bar.price_date = date(2026, 2, 12)

    await desk.db.write(move)
    facts = await found(desk)
    assert facts.market.kospi is not None
    assert (facts.market.kospi.close, facts.market.kospi.change_pct) == (2_525.0, None)
    assert facts.market.kosdaq == IndexFigure(close=2_525.0, change_pct=1.0)


async def test_an_index_without_a_bar_is_asked_of_the_gateway(desk: ServiceDesk) -> None:
    desk.broker.index_quotes["0001"] = IndexQuote(
        index_code="0001", price=2_601.5, change_pct=-0.4, timestamp=at("15:30"), source="근사"
    )
    desk.broker.index_quotes["1001"] = IndexQuote(
        index_code="1001", price=700.0, change_pct=0.1, timestamp=at("15:30") - timedelta(days=2)
    )
    facts = await found(desk)
    assert facts.market.kospi == IndexFigure(close=2_601.5, change_pct=-0.4, is_approximation=True)
    assert facts.market.kosdaq is None, "a quote of the day before yesterday is not today's"
    assert Missing.KOSDAQ in facts.missing


async def test_a_past_day_is_told_from_the_records_alone(desk: ServiceDesk) -> None:
    await whole_day(desk)
    await desk.db.write(lambda session: session.execute(delete(WatchlistHistoryRow)) and None)
    await desk.db.write(lambda session: session.execute(delete(DailySettlementRow)) and None)
    await desk.set_regime()
    await desk.hold(quantity=7)
    facts = await found(desk, newest=False)
    assert facts.market.regime is None
    assert facts.portfolio is not None
    assert facts.portfolio.positions is None, "what is held today says nothing of then"
    assert {Missing.REGIME, Missing.POSITIONS, Missing.SETTLEMENT} <= set(facts.missing)


async def test_with_the_gateway_and_redis_away_the_records_speak(desk: ServiceDesk) -> None:
    await whole_day(desk)
    await add(desk, row_of(MarketStateRow, account=ACCOUNT))
    desk.gateway.down = True
    away = connect(f"redis://127.0.0.1:{free_port()}/0")
    facts = await found(desk, redis=away)
    await away.aclose()
    assert facts.missing == ()
    assert facts.sources["account"] == "market_states"
    assert facts.trades is not None
    assert facts.trades.realized_krw == 3_400


async def test_where_nobody_says_whose_account_it_is_no_trade_is_told(desk: ServiceDesk) -> None:
    await whole_day(desk)
    desk.gateway.down = True
    facts = await found(desk)
    assert (facts.trades, facts.portfolio, facts.missing) == (None, None, (Missing.ACCOUNT,))


async def test_a_gateway_that_refuses_costs_its_figure_only(desk: ServiceDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse() -> Any:
        raise NotFound("no such route")

    await whole_day(desk)
    monkeypatch.setattr(desk.gateway, "info", refuse)
    assert Missing.ACCOUNT in (await found(desk)).missing


async def test_the_briefings_own_slot_is_not_told_and_running_ones_are_counted(desk: ServiceDesk) -> None:
    await whole_day(desk)
    slots = SlotRepository(desk.db)
    for task, clock in ((Task.DAILY_BRIEFING, "17:00"), (Task.DATA_COLLECTOR, "16:00")):
        key = SlotKey(namespace="default", name=slot_name(task, at(clock)), task=task, at=at(clock))
        await slots.claim(key, source=SlotSource.SCHEDULE, owner="x", attempts_allowed=1, now=at(clock))
    missed = SlotKey(namespace="default", name="settle-20260219-1545", task=Task.SETTLEMENT, at=at("15:45"))
    await slots.record(missed, source=SlotSource.SCHEDULE, state=SlotState.MISSED, reason="late", now=at("17:00"))
    facts = await found(desk)
    assert (facts.slots_done, facts.slots_open) == (1, 1)
    assert [(slot.task, slot.state) for slot in facts.troubled_slots] == [
        (Task.SCOUT, SlotState.FAILED),
        (Task.SETTLEMENT, SlotState.MISSED),
    ]


@pytest.mark.parametrize(("days", "has_session"), [(3, False), (3_000, None)])
async def test_a_day_without_a_session_or_beyond_the_calendar_is_called_so(
    desk: ServiceDesk, days: int, has_session: bool | None
) -> None:
    day = DAY + timedelta(days=days)
    assert (await found(desk, day=day)).has_session is has_session


async def test_news_of_a_stock_that_no_master_knows_keeps_its_code(desk: ServiceDesk) -> None:
    await add(
        desk,
        row_of(
            StockNewsSentimentRow,
            stock_code="999999",
            news_date=DAY,
            sentiment_score=3.0,
            published_at=at("12:00"),
        ),
    )
    assert [news.stock_name for news in (await found(desk)).news] == ["999999"]


async def test_a_snapshot_of_another_day_is_not_todays(desk: ServiceDesk) -> None:
    await whole_day(desk)
    await desk.db.write(lambda session: session.execute(delete(DailyAssetSnapshotRow)) and None)
    assert (await found(desk)).missing == (Missing.SNAPSHOT,)
