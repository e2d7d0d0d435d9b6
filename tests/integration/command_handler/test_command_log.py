"""Commands are taken once, trades by hand are counted and followed, on both databases."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import select

from prime_jennie.domain.orders import TradeType
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.commands import CommandLog, ManualTrade, TakenCommand
from prime_jennie.infra.database.tables.journal import EventRow

AT = datetime(2025, 3, 10, 3, 0, tzinfo=UTC)
DAY = AT - timedelta(hours=3)


def log_of(db: Database, account: str = "12345678-01") -> CommandLog:
    return CommandLog(db, account, "command-handler")


def command(**known: Any) -> TakenCommand:
    given = {"message_id": "telegram:1:7", "chat": "telegram:7", "who": "Owner (7)", "name": "buy", "text": "/buy x"}
    return TakenCommand(**{**given, "at": AT, **known})


def trade(message_id: str = "manual:1", **known: Any) -> ManualTrade:
    given: dict[str, Any] = {
        "chat": "telegram:7",
        "who": "Owner (7)",
        "strategy": "krx-core",
        "side": TradeType.BUY,
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "quantity": 10,
        "at": AT,
    }
    return ManualTrade(message_id=message_id, **(given | known))


async def rows(db: Database) -> list[EventRow]:
    return await db.read(lambda session: list(session.scalars(select(EventRow).order_by(EventRow.id))))


async def test_a_message_is_taken_once_whoever_asks(db: Database) -> None:
    taken = await asyncio.gather(*(log_of(db).begin(command()) for _ in range(8)))
    assert sorted(taken) == [False] * 7 + [True]


async def test_a_command_has_one_audit_row_and_one_outcome(db: Database) -> None:
    log = log_of(db)
    await log.begin(command())
    assert await log.end(command(), "done", at=AT, detail="x")
    assert not await log.end(command(), "failed", at=AT)
    begun, ended = await rows(db)
    assert (begun.kind, begun.message, begun.who, begun.service) == (
        "command",
        "/buy x",
        "Owner (7)",
        "command-handler",
    )
    assert begun.payload == {"chat": "telegram:7", "command": "buy", "message_id": "telegram:1:7"}
    assert (ended.kind, ended.message) == ("command-outcome", "/buy: done")
    assert ended.payload == {"chat": "telegram:7", "outcome": "done", "detail": "x"}


async def test_what_has_no_outcome_is_found_again_of_this_account_only(db: Database) -> None:
    log = log_of(db)
    for number, at in enumerate((AT - timedelta(days=2), AT, AT)):
        await log.begin(command(message_id=f"m{number}", at=at))
    await log_of(db, "99999999-01").begin(command(message_id="theirs"))
    await log.end(command(message_id="m1"), "done", at=AT)
    assert await log.without_outcome(DAY) == [command(message_id="m2")]


async def test_the_days_trades_are_limited_and_a_way_out_is_not(db: Database) -> None:
    log = log_of(db)
    assert await log.begin_trades([trade("a")], since=DAY, most=2) == 1
    assert await log.begin_trades([trade("b")], since=DAY, most=2) == 2
    assert await log.begin_trades([trade("c")], since=DAY, most=2) is None
    assert await log.begin_trades([trade("d", is_way_out=True), trade("e", is_way_out=True)], since=DAY, most=2) == 2
    assert [found.message_id for found in await log.open_trades(DAY)] == ["a", "b", "d", "e"]
    assert await log.begin_trades([trade("f")], since=AT + timedelta(days=1), most=2) == 1  # another day


async def test_a_followed_trade_comes_back_as_it_was_until_it_has_an_outcome(db: Database) -> None:
    log = log_of(db)
    sale = trade("s", side=TradeType.SELL, is_way_out=True)
    await log.begin_trades([sale], since=DAY, most=0)
    assert await log.open_trades(DAY) == [sale]
    assert await log.end_trade(sale, "sold", "10 shares", at=AT)
    assert not await log.end_trade(sale, "failed", "", at=AT)
    assert await log.open_trades(DAY) == []
