"""A throttle slot from the index quote to state, regime and alert."""

import json
from datetime import timedelta

import pytest
from redis.asyncio import Redis
from sqlalchemy import text

from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.macro import RiskLevel
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.slots import SlotSkipped, Task
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.insights import InsightRepository
from prime_jennie.infra.database.repositories.macro_snapshots import MacroSnapshotRepository
from prime_jennie.infra.redis.connection import connect
from tests.support.council import snapshot
from tests.support.council_desk import CouncilDesk
from tests.support.insights import DAY, OPEN, insight
from tests.support.redis_server import RedisServer


@pytest.fixture
def desk(redis: Redis, db: Database) -> CouncilDesk:
    return CouncilDesk(redis, db, at=OPEN)


async def spoken(desk: CouncilDesk, **changes: object) -> None:
    """Let a council have spoken."""
    await InsightRepository(desk.db).put(insight(sentiment_score=65.0, **changes), run_id="council", raw={})


async def level(desk: CouncilDesk) -> str | None:
    state = await desk.redis.get("intraday:risk:state")
    return None if state is None else json.loads(state)["level"]


async def test_a_calm_market_is_left_alone(desk: CouncilDesk) -> None:
    await spoken(desk, position_size_pct=120.0)
    told = await desk.look(-0.5)
    found = await desk.regime()
    assert found is not None
    assert (found.market_regime, found.position_multiplier, found.buys_blocked) == (MarketRegime.BULL, 1.2, False)
    assert told == "NORMAL: 코스피 -0.50%; BULL, 비중 ×1.2"
    assert await desk.alerts() == []


async def test_a_fall_tightens_at_once_and_is_told(desk: CouncilDesk) -> None:
    await spoken(desk)
    await desk.look(-0.5)
    told = await desk.look(-4.1)
    found = await desk.regime()
    assert found is not None
    assert (found.market_regime, found.buys_blocked) == (MarketRegime.STRONG_BEAR, True)
    assert told.endswith("매수 중단")
    [alert] = await desk.alerts()
    assert (alert.level, alert.title) == (AlertLevel.CRITICAL, "장중 위험 NORMAL → CRITICAL")
    assert "코스피 -4.10%" in alert.text


async def test_the_index_alone_is_throttled_where_no_council_has_spoken(desk: CouncilDesk) -> None:
    await desk.look(-2.2)
    found = await desk.regime()
    assert found is not None
    assert (found.market_regime, found.intraday_risk_level, found.position_multiplier) == (
        MarketRegime.BEAR,
        RiskLevel.WARNING,
        0.6,
    )
    assert (found.regime_source or "").startswith("index fallback")


async def test_every_change_is_told_once_and_recovery_ends_at_caution(desk: CouncilDesk) -> None:
    await spoken(desk)
    for change in (-3.5, *[0.2] * 12):
        await desk.look(change)
    assert await level(desk) == "CAUTION"
    assert [(alert.level, alert.title) for alert in await desk.alerts()] == [
        (AlertLevel.ERROR, "장중 위험 NORMAL → DANGER"),
        (AlertLevel.INFO, "장중 위험 DANGER → WARNING"),
        (AlertLevel.INFO, "장중 위험 WARNING → CAUTION"),
    ]
    noon = desk.clock.now()
    await spoken(desk, decided_at=noon)
    await desk.look(0.3)
    assert await level(desk) == "NORMAL"
    found = await desk.regime()
    assert found is not None
    assert found.intraday_risk_level is RiskLevel.NORMAL


async def test_a_fearful_vix_tightens(desk: CouncilDesk) -> None:
    await MacroSnapshotRepository(desk.db).save(snapshot(vix=36.0), at=OPEN, overwrite=True)
    await desk.look(0.0)
    assert await level(desk) == "WARNING"
    assert "VIX 36.0" in (await desk.alerts())[0].text


async def test_an_unknown_index_loosens_nothing_and_tightens_after_a_quarter_of_an_hour(desk: CouncilDesk) -> None:
    await desk.look(-1.0)
    await spoken(desk, decided_at=desk.clock.now())
    for _ in range(3):
        await desk.look(None)
    assert await level(desk) == "CAUTION"
    assert (await desk.alerts())[-1].title == "장중 지수 미확인"
    for _ in range(3):
        await desk.look(None)
    assert await level(desk) == "WARNING"
    assert "6회 연속" in (await desk.alerts())[-1].text


async def test_a_stale_quote_is_unknown(desk: CouncilDesk) -> None:
    await desk.look(-2.5)
    desk.clock.advance(900)
    desk.quote(0.5, age=timedelta(minutes=11))
    assert "확인하지 못함" in await desk.throttle(desk.job(Task.THROTTLE))
    assert await level(desk) == "WARNING"


async def test_state_and_told_changes_survive_a_restart_and_an_emptied_redis(desk: CouncilDesk) -> None:
    await spoken(desk)
    await desk.look(-4.5)
    await desk.redis.flushall()
    desk.start()
    await desk.throttle.recall()
    assert desk.throttle.state is not None
    assert desk.throttle.state.level is RiskLevel.CRITICAL
    await desk.look(0.5)
    assert await level(desk) == "CRITICAL"
    found = await desk.regime()
    assert found is not None
    assert found.buys_blocked
    assert [alert.title for alert in await desk.alerts()] == ["장중 위험 NORMAL → CRITICAL"]
    events = await desk.db.read(
        lambda session: session.execute(text("SELECT message FROM events WHERE kind = 'throttle'")).scalars().all()
    )
    assert len(events) == 1


async def test_an_emptied_redis_gets_the_days_insight_back(desk: CouncilDesk) -> None:
    await desk.look(0.1)
    assert await desk.insight() is None
    await spoken(desk)
    await desk.look(0.1)
    assert await desk.insight() == await InsightRepository(desk.db).of(DAY)
    desk.clock.advance(86_400)
    await desk.look(0.1)
    assert await desk.insight() is None


async def test_outside_the_session_nothing_is_judged(desk: CouncilDesk) -> None:
    for moment in (OPEN - timedelta(minutes=1), OPEN + timedelta(hours=6, minutes=30), OPEN + timedelta(days=4)):
        with pytest.raises(SlotSkipped, match="장중이 아님"):
            await desk.throttle(desk.job(Task.THROTTLE, moment))
    with pytest.raises(SlotSkipped, match="지난 시각"):
        await desk.throttle(desk.job(Task.THROTTLE, OPEN, newest=False))
    assert await level(desk) is None


async def test_a_slot_that_redis_interrupted_is_ended_by_its_next_attempt(
    mortal_redis: RedisServer, db: Database
) -> None:
    client = connect(mortal_redis.url)
    desk = CouncilDesk(client, db, at=OPEN)
    mortal_redis.kill()
    with pytest.raises(Unavailable):
        await desk.look(-3.2)
    mortal_redis.start()
    desk.start()
    await desk.throttle(desk.job(Task.THROTTLE))
    found = await desk.regime()
    assert found is not None
    assert found.intraday_risk_level is RiskLevel.DANGER
    assert [alert.title for alert in await desk.alerts()] == ["장중 위험 NORMAL → DANGER"]
    await client.aclose()


async def test_without_any_reading_a_tight_throttle_leaves_no_context(desk: CouncilDesk) -> None:
    desk.broker.indexes["0001"] = []
    assert await desk.look(-1.5) == "CAUTION: 코스피 -1.50%; 국면을 알 수 없어 매수 없음"
    assert await desk.regime() is None


async def test_the_morning_after_a_bad_day_begins_with_caution_until_a_council_speaks(desk: CouncilDesk) -> None:
    await spoken(desk)
    await desk.look(-4.5)
    desk.clock.set(OPEN + timedelta(days=1))
    await desk.look(0.5)
    assert await level(desk) == "CAUTION"
    await spoken(desk, insight_date=DAY + timedelta(days=1), decided_at=desk.clock.now())
    await desk.look(0.5)
    assert await level(desk) == "NORMAL"
