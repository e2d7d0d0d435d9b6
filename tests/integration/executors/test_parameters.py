"""What a strategy worked by is written once a generation and trading day."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from buy_executor.parameters import ParameterLog
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.strategies import StrategyRepository
from prime_jennie.infra.fakes.clock import ManualClock
from tests.support.sql_gateway import ACCOUNT, STRATEGY

FRIDAY_NOON = datetime(2025, 3, 7, 3, 0, tzinfo=UTC)
A_DAY_SECS = 86_400


def live(generation: int, **spec: Any) -> LiveConfig:
    return LiveConfig.model_validate({"name": STRATEGY, "generation": generation, "spec": spec})


def desk_of(db: Database) -> Any:
    return SimpleNamespace(
        db=db,
        service="buy-executor",
        strategy=STRATEGY,
        clock=ManualClock(FRIDAY_NOON),
        sessions=load_sessions(),
        account=SimpleNamespace(account_no=ACCOUNT),
        config=SimpleNamespace(current=live(3, capitalKrw=20_000_000)),
    )


async def written(db: Database) -> list[tuple[int, int, str]]:
    rows = await StrategyRepository(db).params(ACCOUNT, STRATEGY)
    return [(row.trade_date.day, row.version, row.status) for row in reversed(rows)]


async def test_each_generation_and_trading_day_has_one_row(sqlite_db: Database) -> None:
    db = sqlite_db
    desk = desk_of(db)
    log = ParameterLog(cast(Any, desk))
    for _ in range(3):
        await log.note()
    assert await written(db) == [(7, 3, "ACTIVE")]
    desk.config.current = live(4)
    await log.note()
    await ParameterLog(cast(Any, desk)).note()  # a restart writes nothing twice
    assert await written(db) == [(7, 3, "INACTIVE"), (7, 4, "ACTIVE")]
    desk.clock.advance(A_DAY_SECS)  # a Saturday
    await log.note()
    assert len(await written(db)) == 2
    desk.clock.advance(2 * A_DAY_SECS)
    await log.note()
    assert await written(db) == [(7, 3, "INACTIVE"), (7, 4, "INACTIVE"), (10, 4, "ACTIVE")]
    row = (await StrategyRepository(db).params(ACCOUNT, STRATEGY))[-1]
    assert row.params["capitalKrw"] == 20_000_000  # type: ignore[index]
    assert row.acknowledged_by == "buy-executor"
