"""The most severe halt of any source wins, each is lifted only where it was set, and Redis holds copies only."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from prime_jennie.domain.risk import WHOLE_ACCOUNT, Halt, HaltSource, HaltState
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.events import EventRepository
from prime_jennie.infra.halts import COPY_MARK, HAND, SPEC_AUTHOR, HaltDesk
from prime_jennie.infra.redis.connection import connect
from tests.support.redis_server import running_redis

ACCOUNT, STRATEGY, OTHER = "12345678-01", "krx-core", "krx-other"
AT = datetime(2025, 3, 4, tzinfo=UTC)
ACTIVE, PAUSED, STOPPED = HaltState.ACTIVE, HaltState.PAUSED, HaltState.STOPPED


def halt(state: HaltState, source: HaltSource = HaltSource.PERSON, why: str = "폭락") -> Halt:
    return Halt(state=state, source=source, who="owner", why=why, at=AT)


@pytest.fixture
def halts(redis: Redis, sqlite_db: Database) -> HaltDesk:
    return HaltDesk(redis, sqlite_db, ACCOUNT)


async def flags(redis: Redis) -> dict[str, str]:
    return {key: await redis.get(key) for key in sorted(await redis.keys("*emergency:*"))}


async def test_without_any_halt_a_strategy_trades(halts: HaltDesk) -> None:
    assert await halts.effective(STRATEGY) is ACTIVE
    assert await halts.in_force(STRATEGY) == []


@pytest.mark.parametrize("scope", [STRATEGY, WHOLE_ACCOUNT])
@pytest.mark.parametrize("source", [HaltSource.PERSON, HaltSource.RISK])
@pytest.mark.parametrize(("state", "flag"), [(PAUSED, "emergency:trading_pause"), (STOPPED, "emergency:full_stop")])
async def test_a_halt_is_a_record_with_who_and_why_and_a_copy_that_says_it_is_one(
    halts: HaltDesk, redis: Redis, scope: str, source: HaltSource, state: HaltState, flag: str
) -> None:
    await halts.set(scope, halt(state, source))
    key = f"{scope}:{flag}" if scope else flag
    assert await flags(redis) == {key: f"{COPY_MARK}{state} by {source} (owner): 폭락"}
    assert await halts.effective(STRATEGY) is state
    assert await halts.effective(OTHER) is (ACTIVE if scope else state)
    (standing,) = await halts.in_force(STRATEGY)
    assert (standing.strategy, standing.source, standing.who, standing.why, standing.at) == (
        scope,
        source,
        "owner",
        "폭락",
        AT,
    )


async def test_it_is_lifted_only_where_it_was_set(halts: HaltDesk, redis: Redis) -> None:
    await halts.set(STRATEGY, halt(PAUSED, HaltSource.RISK))
    assert not await halts.lift(STRATEGY, HaltSource.PERSON)
    assert not await halts.lift(WHOLE_ACCOUNT, HaltSource.RISK)
    assert await halts.effective(STRATEGY) is PAUSED
    assert await halts.lift(STRATEGY, HaltSource.RISK)
    assert await halts.effective(STRATEGY) is ACTIVE
    assert await flags(redis) == {}


async def test_each_source_has_its_own_record_and_the_most_severe_wins(halts: HaltDesk, redis: Redis) -> None:
    await halts.set(STRATEGY, halt(PAUSED, HaltSource.RISK))
    await halts.set(STRATEGY, halt(STOPPED, HaltSource.PERSON))
    assert list(await flags(redis)) == [f"{STRATEGY}:emergency:full_stop"]
    in_force = await halts.in_force(STRATEGY, PAUSED)
    assert [(one.source, one.state) for one in in_force] == [
        (HaltSource.PERSON, STOPPED),
        (HaltSource.SPEC, PAUSED),
        (HaltSource.RISK, PAUSED),
    ]
    assert await halts.lift(STRATEGY, HaltSource.PERSON)
    assert await halts.effective(STRATEGY) is PAUSED
    assert list(await flags(redis)) == [f"{STRATEGY}:emergency:trading_pause"]


async def test_a_milder_halt_of_the_same_source_replaces_nothing(halts: HaltDesk) -> None:
    await halts.set(STRATEGY, halt(STOPPED))
    assert (await halts.set(STRATEGY, halt(PAUSED, why="later"))).state is STOPPED
    assert await halts.effective(STRATEGY) is STOPPED


async def test_the_specs_own_state_counts_and_is_named(halts: HaltDesk) -> None:
    assert await halts.effective(STRATEGY, STOPPED) is STOPPED
    (standing,) = await halts.in_force(STRATEGY, PAUSED)
    assert (standing.source, standing.who, standing.why) == (HaltSource.SPEC, SPEC_AUTHOR, "spec.trading is Paused")


@pytest.mark.parametrize("prefix", ["", f"{STRATEGY}:"])
@pytest.mark.parametrize(
    ("flag", "state"),
    [("emergency:trading_pause", PAUSED), ("emergency:full_stop", STOPPED), ("emergency:stop", STOPPED)],
)
async def test_a_flag_set_by_hand_is_a_persons_halt_while_it_is_there(
    halts: HaltDesk, redis: Redis, prefix: str, flag: str, state: HaltState
) -> None:
    await redis.set(prefix + flag, "1")
    await halts.level_copies({STRATEGY: ACTIVE})
    assert await halts.effective(STRATEGY) is state
    (standing,) = await halts.in_force(STRATEGY)
    assert (standing.strategy, standing.source, standing.who) == (prefix.rstrip(":"), HaltSource.PERSON, HAND)
    assert not await halts.lift(STRATEGY, HaltSource.PERSON)
    await redis.delete(prefix + flag)
    assert await halts.effective(STRATEGY) is ACTIVE


async def test_anothers_flag_halts_nobody_here(halts: HaltDesk, redis: Redis) -> None:
    await redis.set(f"{OTHER}:emergency:full_stop", "1")
    assert await halts.effective(STRATEGY) is ACTIVE


async def test_a_copy_alone_halts_nobody_and_is_removed(halts: HaltDesk, redis: Redis) -> None:
    """A halt was lifted while Redis was away: what is left there is a copy of nothing."""
    for key in ("emergency:trading_pause", f"{STRATEGY}:emergency:full_stop", f"{OTHER}:emergency:stop"):
        await redis.set(key, f"{COPY_MARK}Paused by person (owner): old")
    assert await halts.effective(STRATEGY) is ACTIVE
    assert await halts.level_copies({STRATEGY: ACTIVE}) == 3
    assert await flags(redis) == {}


async def test_an_emptied_redis_says_again_what_is_halted(halts: HaltDesk, redis: Redis) -> None:
    await halts.set(WHOLE_ACCOUNT, halt(PAUSED))
    await halts.set(OTHER, halt(STOPPED, HaltSource.RISK))
    said = await flags(redis)
    await redis.flushall()
    assert await halts.effective(STRATEGY) is PAUSED
    assert await halts.level_copies({STRATEGY: STOPPED, OTHER: ACTIVE}) == 3
    own = f"{COPY_MARK}Stopped by spec ({SPEC_AUTHOR}): spec.trading is Stopped"
    assert await flags(redis) == {**said, f"{STRATEGY}:emergency:full_stop": own}
    assert await halts.level_copies({STRATEGY: STOPPED, OTHER: ACTIVE}) == 0


async def test_a_copy_removed_by_hand_lifts_nothing(halts: HaltDesk, redis: Redis) -> None:
    await halts.set(STRATEGY, halt(STOPPED))
    await redis.delete(f"{STRATEGY}:emergency:full_stop")
    assert await halts.effective(STRATEGY) is STOPPED
    await halts.level_copies({})
    assert list(await flags(redis)) == [f"{STRATEGY}:emergency:full_stop"]


async def test_a_flag_set_by_hand_over_a_copy_outlives_the_record(halts: HaltDesk, redis: Redis) -> None:
    await halts.set(STRATEGY, halt(PAUSED))
    await redis.set(f"{STRATEGY}:emergency:trading_pause", "me too")
    await halts.level_copies({})
    await halts.lift(STRATEGY, HaltSource.PERSON)
    assert await halts.effective(STRATEGY) is PAUSED
    assert await flags(redis) == {f"{STRATEGY}:emergency:trading_pause": "me too"}


async def test_lifting_a_persons_halt_leaves_the_copy_of_the_specs(halts: HaltDesk, redis: Redis) -> None:
    live = LiveConfig.model_validate({"name": STRATEGY, "generation": 1, "spec": {"trading": "Paused"}})
    await redis.set(f"{STRATEGY}:config", live.model_dump_json(by_alias=True))
    await halts.set(STRATEGY, halt(STOPPED))
    await halts.lift(STRATEGY, HaltSource.PERSON)
    assert list(await flags(redis)) == [f"{STRATEGY}:emergency:trading_pause"]


async def test_an_unreadable_configuration_does_not_keep_a_halt_from_its_copy(halts: HaltDesk, redis: Redis) -> None:
    await redis.set(f"{STRATEGY}:config", "{")
    await halts.set(STRATEGY, halt(STOPPED))
    assert list(await flags(redis)) == [f"{STRATEGY}:emergency:full_stop"]


async def test_keys_that_merely_look_like_flags_break_nothing(halts: HaltDesk, redis: Redis) -> None:
    await redis.set("NOT A NAME:emergency:full_stop", "1")
    await redis.set("emergency:drill", "1")
    assert await halts.level_copies({STRATEGY: PAUSED}) == 1


async def test_without_redis_the_records_alone_decide_and_a_halt_can_still_be_set(
    tmp_path: Path, sqlite_db: Database
) -> None:
    with running_redis(tmp_path / "redis") as server:
        halts = HaltDesk(connect(server.url), sqlite_db, ACCOUNT)
        server.kill()
        assert (await halts.set(STRATEGY, halt(PAUSED))).state is PAUSED
        assert await halts.on_record(STRATEGY) is PAUSED
        assert await halts.on_record(STRATEGY, STOPPED) is STOPPED
        assert await halts.on_record(OTHER) is ACTIVE
        with pytest.raises(RedisError):
            await halts.effective(STRATEGY)
        assert await halts.lift(STRATEGY, HaltSource.PERSON)
        assert await halts.on_record(STRATEGY) is ACTIVE


async def test_a_halt_is_an_event_once_however_often_it_is_said(halts: HaltDesk, sqlite_db: Database) -> None:
    for state in (PAUSED, PAUSED, STOPPED, PAUSED):
        await halts.set(STRATEGY, halt(state))
    found = await EventRepository(sqlite_db).newest(ACCOUNT)
    assert [event.message.split(" ")[0] for event in found] == ["Stopped", "Paused"]
    assert [(event.kind, event.who, event.strategy) for event in found] == [("halt.set", "owner", STRATEGY)] * 2
