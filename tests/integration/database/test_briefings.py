"""A day's briefing is stored once, and no doubt about a chat is ever turned into a second message."""

from datetime import UTC, date, datetime, timedelta

import pytest

from prime_jennie.domain.briefing import Briefing, ChatDelivery, DeliveryState
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.briefing_sources import BriefingSources
from prime_jennie.infra.database.repositories.briefings import BriefingRepository
from prime_jennie.infra.database.tables.lifecycle import DailySettlementRow, MarketStateRow
from prime_jennie.infra.database.tables.research import StockNewsSentimentRow
from prime_jennie.infra.database.tables.scouting import WatchlistHistoryRow
from tests.support.any_row import any_row

DAY = date(2025, 2, 14)
AT = datetime(2025, 2, 14, 8, 0, tzinfo=UTC)
CHAT = -1_001_234_567_890


def briefing(body: str = "<b>하루</b> 📈", *, day: date = DAY) -> Briefing:
    return Briefing(
        briefing_date=day,
        body=body,
        sources={"vix": "global_macro_snapshot"},
        gaps=("뉴스: 수집된 자료 없음",),
        writer="오프라인 작성기",
        created_at=AT,
    )


def closed(state: DeliveryState, reason: str = "") -> ChatDelivery:
    return ChatDelivery(chat_id=CHAT, state=state, reason=reason)


async def test_a_briefing_comes_back_as_it_was_stored(db: Database) -> None:
    briefings = BriefingRepository(db)
    assert await briefings.put(briefing()) == briefing()
    assert await briefings.find(DAY) == briefing()
    assert await briefings.find(DAY - timedelta(days=1)) is None


async def test_a_days_first_briefing_stays(db: Database) -> None:
    briefings = BriefingRepository(db)
    await briefings.put(briefing())
    assert (await briefings.put(briefing("another"))).body == briefing().body


async def test_the_newest_is_of_the_newest_day(db: Database) -> None:
    briefings = BriefingRepository(db)
    assert await briefings.newest() is None
    for age in (1, 0, 2):
        await briefings.put(briefing(day=DAY - timedelta(days=age)))
    newest = await briefings.newest()
    assert newest is not None
    assert newest.briefing_date == DAY


async def test_a_message_leaves_once_and_its_outcome_is_kept(db: Database) -> None:
    briefings = BriefingRepository(db)
    await briefings.put(briefing())
    assert await briefings.begin(DAY, CHAT, at=AT)
    assert not await briefings.begin(DAY, CHAT, at=AT)
    await briefings.close(DAY, closed(DeliveryState.SENT), parts=1, at=AT)
    assert not await briefings.begin(DAY, CHAT, at=AT)
    assert await briefings.deliveries(DAY) == {CHAT: closed(DeliveryState.SENT)}
    assert await briefings.deliveries(DAY - timedelta(days=1)) == {}
    stored = await briefings.find(DAY)
    assert stored is not None
    assert stored.sent_at == AT


@pytest.mark.parametrize(
    ("state", "may_leave_again"),
    [
        (DeliveryState.SENT, False),
        (DeliveryState.REFUSED, False),
        (DeliveryState.UNKNOWN, False),
        (DeliveryState.NOT_SENT, True),
    ],
)
async def test_only_what_certainly_did_not_leave_may_leave_again(
    db: Database, state: DeliveryState, may_leave_again: bool
) -> None:
    briefings = BriefingRepository(db)
    await briefings.put(briefing())
    await briefings.begin(DAY, CHAT, at=AT)
    await briefings.close(DAY, closed(state, "x" * 2_000), parts=0, at=AT)
    assert await briefings.begin(DAY, CHAT, at=AT) is may_leave_again
    stored = await briefings.find(DAY)
    assert stored is not None
    assert (stored.sent_at is None) is (state is not DeliveryState.SENT)


async def test_what_was_leaving_when_its_process_died_is_unknown_but_not_what_leaves_now(db: Database) -> None:
    briefings = BriefingRepository(db)
    for chat_id in (7, 8):
        await briefings.begin(DAY, chat_id, at=AT)
    assert await briefings.give_up_interrupted(at=AT, but={(DAY, 8)}) == 1
    states = {chat_id: delivery.state for chat_id, delivery in (await briefings.deliveries(DAY)).items()}
    assert states == {7: DeliveryState.UNKNOWN, 8: DeliveryState.SENDING}
    assert not await briefings.begin(DAY, 7, at=AT)


async def test_the_account_is_the_one_whose_day_was_noted_last(db: Database) -> None:
    sources = BriefingSources(db)
    assert await sources.last_account() is None
    rows = [any_row(MarketStateRow.__table__, seed) for seed in (2, 1)]  # type: ignore[arg-type]
    await db.write(lambda session: session.add_all(MarketStateRow(**row) for row in rows))
    assert await sources.last_account() == rows[0]["account"]


async def test_the_settlements_of_a_day_are_those_of_the_account_alone(db: Database) -> None:
    def row(account: str, strategy: str, day: date) -> DailySettlementRow:
        key = {"account": account, "strategy": strategy, "trade_date": day}
        return DailySettlementRow(**(any_row(DailySettlementRow.__table__) | key))  # type: ignore[arg-type]

    rows = [row("A", "b", DAY), row("A", "a", DAY), row("B", "a", DAY), row("A", "a", DAY - timedelta(days=1))]
    await db.write(lambda session: session.add_all(rows))
    assert [found.strategy for found in await BriefingSources(db).settlements("A", DAY)] == ["a", "b"]


async def test_the_watchlist_is_that_of_the_days_last_run_best_first(db: Database) -> None:
    def row(run_id: str, code: str, rank: int, hour: int, day: date = DAY) -> WatchlistHistoryRow:
        return WatchlistHistoryRow(
            **(
                any_row(WatchlistHistoryRow.__table__)  # type: ignore[arg-type]
                | {"snapshot_date": day, "run_id": run_id, "stock_code": code, "rank": rank}
                | {"created_at": AT.replace(hour=hour)}
            )
        )

    rows = [
        row("scout-1430", "B", 2, 5),
        row("scout-1430", "A", 1, 5),
        row("scout-0830", "C", 1, 0),
        row("scout-1530", "D", 1, 7, DAY - timedelta(days=1)),
    ]
    await db.write(lambda session: session.add_all(rows))
    assert [found.stock_code for found in await BriefingSources(db).watchlist(DAY)] == ["A", "B"]
    assert await BriefingSources(db).watchlist(DAY + timedelta(days=1)) == []


async def test_the_news_are_the_clearest_of_two_days_judged_and_published_by_now(db: Database) -> None:
    def row(number: int, score: float | None, day: date, published: datetime = AT) -> StockNewsSentimentRow:
        return StockNewsSentimentRow(
            **(
                any_row(StockNewsSentimentRow.__table__, number)  # type: ignore[arg-type]
                | {"sentiment_score": score, "news_date": day, "published_at": published}
            )
        )

    rows = [
        row(1, 55, DAY),
        row(2, 10, DAY - timedelta(days=1)),
        row(3, 95, DAY),
        row(4, None, DAY),
        row(5, 100, DAY - timedelta(days=2)),
        row(6, 0, DAY, AT + timedelta(minutes=1)),
    ]
    await db.write(lambda session: session.add_all(rows))
    found = await BriefingSources(db).news(DAY, AT, most=5)
    assert [news.sentiment_score for news in found] == [95, 10, 55]
    assert len(await BriefingSources(db).news(DAY, AT, most=2)) == 2
