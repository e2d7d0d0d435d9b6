"""The most severe halt of any source wins; a store that does not answer is no permission."""

from collections.abc import Sequence
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.keys import Keyspace
from prime_jennie.domain.risk import Halt, HaltSource, HaltState
from prime_jennie.infra.halts import HaltReader
from tests.support.scanning import at

ACCOUNT, STRATEGY = "12345678-01", "krx-core"


class Flags:
    """Redis, as far as flags go."""

    def __init__(self, *raised: str, gone: bool = False) -> None:
        self.raised = raised
        self.gone = gone

    async def mget(self, keys: Sequence[str]) -> list[str | None]:
        if self.gone:
            raise RedisConnectionError("gone")
        return ["1" if key in self.raised else None for key in keys]


class Records:
    """The halts on record; None stands for a database that is gone."""

    def __init__(self, *states: HaltState, gone: bool = False) -> None:
        self.states = states
        self.gone = gone
        self.asked: list[tuple[str, str]] = []

    async def in_force(self, account: str, strategy: str) -> list[Halt]:
        self.asked.append((account, strategy))
        if self.gone:
            raise Unavailable("database: gone")
        return [
            Halt(state=state, source=HaltSource.PERSON, who="jennie", why="test", at=at("09:00"))
            for state in self.states
        ]


async def effective(
    flags: Flags | None = None,
    records: Records | None = None,
    spec: HaltState = HaltState.ACTIVE,
    strategy: str | None = STRATEGY,
) -> HaltState:
    redis: Any = flags or Flags()
    halts: Any = records or Records()
    return await HaltReader(redis, halts, Keyspace(strategy), ACCOUNT).effective(spec)


async def test_without_any_halt_the_strategy_trades() -> None:
    assert await effective() is HaltState.ACTIVE


@pytest.mark.parametrize(
    ("key", "state"),
    [
        ("emergency:trading_pause", HaltState.PAUSED),
        ("emergency:full_stop", HaltState.STOPPED),
        ("emergency:stop", HaltState.STOPPED),
    ],
)
@pytest.mark.parametrize("prefix", ["", f"{STRATEGY}:"])
async def test_each_flag_halts_for_the_account_and_for_the_strategy(key: str, state: HaltState, prefix: str) -> None:
    assert await effective(Flags(prefix + key)) is state


async def test_another_strategys_flag_halts_nobody_here() -> None:
    assert await effective(Flags("other:emergency:full_stop")) is HaltState.ACTIVE


async def test_a_service_alone_reads_the_bare_flags() -> None:
    assert await effective(Flags("emergency:stop"), strategy=None) is HaltState.STOPPED


@pytest.mark.parametrize(
    ("spec", "record", "flag", "expected"),
    [
        (HaltState.PAUSED, HaltState.ACTIVE, "", HaltState.PAUSED),
        (HaltState.STOPPED, HaltState.PAUSED, "emergency:trading_pause", HaltState.STOPPED),
        (HaltState.ACTIVE, HaltState.STOPPED, "emergency:trading_pause", HaltState.STOPPED),
        (HaltState.PAUSED, HaltState.PAUSED, "emergency:full_stop", HaltState.STOPPED),
    ],
)
async def test_the_most_severe_source_wins(spec: HaltState, record: HaltState, flag: str, expected: HaltState) -> None:
    assert await effective(Flags(flag), Records(record), spec) is expected


async def test_records_are_asked_for_this_account_and_strategy() -> None:
    records = Records()
    await effective(records=records)
    assert records.asked == [(ACCOUNT, STRATEGY)]


async def test_a_store_that_does_not_answer_raises_instead_of_allowing() -> None:
    with pytest.raises(RedisConnectionError):
        await effective(Flags(gone=True))
    with pytest.raises(Unavailable):
        await effective(records=Records(gone=True))
