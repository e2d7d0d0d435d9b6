"""One-time codes: the same person, in time, once."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from command_handler.confirmations import Confirmations
from command_handler.phrases import same
from command_handler.replies import Refused, Reply
from prime_jennie.infra.fakes.clock import ManualClock
from tests.support.eventually import eventually

AT = datetime(2025, 3, 10, 3, 0, tzinfo=UTC)
CHAT, OWNER = "telegram:7", "Owner (7)"


async def act(message_id: str) -> Reply:
    return Reply(same(message_id))


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock(AT)


@pytest.fixture
async def codes(clock: ManualClock) -> AsyncIterator[Confirmations]:
    made = Confirmations(clock, 60)
    yield made
    await made.close()


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10_000:04}"


async def test_a_code_is_good_once(codes: Confirmations) -> None:
    code = codes.ask(CHAT, OWNER, act)
    assert len(code) == 4
    assert code.isdecimal()
    assert codes.take(CHAT, OWNER, code) is act
    with pytest.raises(Refused, match="nothing to confirm"):
        codes.take(CHAT, OWNER, code)


async def test_a_code_is_good_for_a_minute_of_the_clock(codes: Confirmations, clock: ManualClock) -> None:
    code = codes.ask(CHAT, OWNER, act)
    clock.advance(59.9)
    first = codes.ask(CHAT, "Other (8)", act)
    clock.advance(0.1)
    with pytest.raises(Refused, match="expired"):
        codes.take(CHAT, OWNER, code)
    assert codes.take(CHAT, "Other (8)", first) is act


@pytest.mark.parametrize(("chat", "who"), [(CHAT, "Other (8)"), ("telegram:8", OWNER)])
async def test_nobody_else_can_confirm(codes: Confirmations, chat: str, who: str) -> None:
    code = codes.ask(CHAT, OWNER, act)
    with pytest.raises(Refused, match="nothing to confirm"):
        codes.take(chat, who, code)
    assert codes.take(CHAT, OWNER, code) is act


async def test_three_wrong_codes_forget_the_question(codes: Confirmations) -> None:
    code = codes.ask(CHAT, OWNER, act)
    for left in (2, 1, 0):
        with pytest.raises(Refused) as refused:
            codes.take(CHAT, OWNER, wrong(code))
        assert refused.value.reply.lines[0].ko == f"남은 시도: {left}"
    with pytest.raises(Refused, match="nothing to confirm"):
        codes.take(CHAT, OWNER, code)


async def test_a_newer_question_replaces_the_older(codes: Confirmations) -> None:
    async def other(message_id: str) -> Reply:
        return Reply(same(message_id))

    older = codes.ask(CHAT, OWNER, act)
    newer = codes.ask(CHAT, OWNER, other)
    if older != newer:
        with pytest.raises(Refused):
            codes.take(CHAT, OWNER, older)
    assert codes.take(CHAT, OWNER, newer) is other


async def test_a_virtual_day_goes_at_the_speed_of_the_reader_meanwhile(
    codes: Confirmations, clock: ManualClock
) -> None:
    code = codes.ask(CHAT, OWNER, act)
    await eventually(lambda: "command-handler:confirmation" in clock.holding)
    codes.take(CHAT, OWNER, code)
    await eventually(lambda: not clock.holding)
    codes.ask(CHAT, OWNER, act)
    await eventually(lambda: clock.holding)
    clock.advance(60)
    await eventually(lambda: not clock.holding)
