"""/pause, /resume, /stop: a person's halts survive restarts and an emptied Redis, and nobody else's is touched."""

import pytest

from command_handler.replies import Outcome
from prime_jennie.domain.risk import WHOLE_ACCOUNT, Halt, HaltSource, HaltState
from prime_jennie.infra.database.repositories.halts import HaltRepository
from tests.support.commanding import ACCOUNT, STRATEGY, Commanding


async def effective(desk: Commanding, strategy: str = STRATEGY) -> HaltState:
    return await desk.halts.effective(strategy)


async def of_risk(desk: Commanding, strategy: str = STRATEGY) -> None:
    halt = Halt(state=HaltState.PAUSED, source=HaltSource.RISK, who="day-loss", why="3.1 % lost", at=desk.clock.now())
    await desk.halts.set(strategy, halt)


async def test_a_pause_stops_the_buys_of_the_account_with_who_and_why(desk: Commanding) -> None:
    text = await desk.say("/pause 점심 <b>식사</b>")
    assert text.startswith("계좌 전체: 매수 중지\n새 매수를 하지 않습니다. 손절과 익절은 계속됩니다")
    (halt,) = await HaltRepository(desk.db).in_force(ACCOUNT, STRATEGY)
    assert (halt.strategy, halt.state, halt.source) == (WHOLE_ACCOUNT, HaltState.PAUSED, HaltSource.PERSON)
    assert (halt.who, halt.why, halt.at) == ("telegram:7 Owner (7)", "점심 <b>식사</b>", desk.clock.now())
    assert await effective(desk) is HaltState.PAUSED


async def test_a_strategy_can_be_paused_alone(desk: Commanding) -> None:
    await desk.announce("krx-other")
    assert (await desk.say("/pause @krx-other")).startswith("krx-other: 매수 중지")
    assert await effective(desk) is HaltState.ACTIVE
    assert await effective(desk, "krx-other") is HaltState.PAUSED


async def test_a_misspelt_strategy_halts_nothing_and_is_told(desk: Commanding) -> None:
    reply = await desk.ask("/stop 확인 @krx-cor")
    assert reply.outcome is Outcome.WRONG
    assert "@krx-core" in reply.lines[0].ko
    assert await effective(desk) is HaltState.ACTIVE


@pytest.mark.parametrize("text", ["/stop", "/stop 네", "/stop now"])
async def test_a_full_stop_without_its_word_does_nothing_and_says_which(desk: Commanding, text: str) -> None:
    reply = await desk.ask(text)
    assert reply.outcome is Outcome.WRONG
    assert "/stop 확인" in reply.lines[0].ko
    assert await effective(desk) is HaltState.ACTIVE


@pytest.mark.parametrize("word", ["확인", "긴급", "confirm"])
async def test_a_full_stop_says_that_stops_stop_too(desk: Commanding, word: str) -> None:
    text = await desk.say(f"/stop {word} 해킹 의심")
    assert text.startswith("계좌 전체: 전면 중지\n매수와 자동 매도가 모두 멈춥니다. 손절도 나가지 않습니다")
    (halt,) = await desk.halts.in_force(STRATEGY)
    assert (halt.state, halt.why) == (HaltState.STOPPED, "해킹 의심")


async def test_a_pause_never_weakens_a_stop(desk: Commanding) -> None:
    await desk.say("/stop 확인")
    assert (await desk.say("/pause")).startswith("계좌 전체: 전면 중지")
    assert await effective(desk) is HaltState.STOPPED


async def test_resume_lifts_a_persons_halt_only_and_names_what_remains_and_where(desk: Commanding) -> None:
    await desk.announce(STRATEGY, generation=2, trading="Paused")
    await of_risk(desk)
    await desk.say("/stop 확인")
    text = await desk.say("/resume")
    assert text.startswith("계좌 전체: 사람이 건 중지를 풀었습니다\n아직 유효한 중지:\n")
    assert "krx-core · 매수 중지 · 전략 YAML" in text
    assert "spec.trading을 Active로" in text
    assert "krx-core · 매수 중지 · 위험 관리 (day-loss: 3.1 % lost) → 위험 한도가 건 것이라" in text
    assert await effective(desk) is HaltState.PAUSED


async def test_resume_lifts_only_where_it_was_set(desk: Commanding) -> None:
    await desk.announce("krx-other")
    await desk.say("/pause")
    await desk.say("/pause @krx-other")
    text = await desk.say("/resume")
    assert text.startswith("계좌 전체: 사람이 건 중지를 풀었습니다")
    assert "→ /resume @krx-other" in text
    assert await effective(desk, "krx-other") is HaltState.PAUSED
    assert (await desk.say("/resume @krx-other")).endswith("거래가 정상입니다")
    assert await effective(desk, "krx-other") is HaltState.ACTIVE


async def test_resume_alone_means_the_only_strategy_that_a_person_halted(desk: Commanding) -> None:
    await desk.say("/pause @krx-core")
    assert (await desk.say("/resume")).startswith("krx-core: 사람이 건 중지를 풀었습니다\n거래가 정상입니다")


async def test_resume_with_nothing_to_lift_says_so(desk: Commanding) -> None:
    reply = await desk.ask("/resume")
    assert (reply.outcome, reply.title.ko) == (Outcome.REFUSED, "계좌 전체: 사람이 건 중지가 없습니다")


async def test_a_flag_set_by_hand_is_named_and_left_to_its_author(desk: Commanding) -> None:
    await desk.redis.set("emergency:full_stop", "1")
    assert "Redis에 손으로 건 값" in await desk.say("/resume")
    assert await effective(desk) is HaltState.STOPPED


async def test_a_pause_survives_a_restart_and_an_emptied_redis(desk: Commanding) -> None:
    await desk.say("/pause")
    assert "by person" in await desk.redis.get("emergency:trading_pause")
    await desk.redis.flushall()
    desk.room = desk.furnished()
    assert await effective(desk) is HaltState.PAUSED
    assert (await desk.say("/resume")).startswith("계좌 전체: 사람이 건 중지를 풀었습니다")
    assert await effective(desk) is HaltState.ACTIVE
    assert await desk.redis.get("emergency:trading_pause") is None


async def test_a_reason_of_any_length_fits_its_row(desk: Commanding) -> None:
    await desk.say("/pause " + "가" * 480)
    (halt,) = await desk.halts.in_force(STRATEGY)
    assert halt.why == "가" * 200
