"""Every command takes the same road: pace, once, audit, answer."""

from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from command_handler.replies import Outcome, as_html, as_text
from command_handler.switchboard import Said
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.reader import Language
from prime_jennie.domain.risk import HaltState
from tests.support.commanding import SAMSUNG, STRATEGY, Commanding, code_in
from tests.support.telegram_html import plain_text

EVERY = [
    "help", "status", "portfolio", "pnl", "balance", "diagnose", "report", "config", "price", "watchlist", "pause",
    "resume", "stop", "dryrun", "maxbuy", "buy", "sell", "sellall", "liquidate", "watch", "unwatch", "alert", "alerts",
    "mute", "unmute", "lang",
]  # fmt: skip


async def test_help_names_every_command_of_the_rulebook_in_both_languages(desk: Commanding) -> None:
    reply = await desk.ask("/help")
    for language in Language:
        text = as_text(reply, language)
        assert all(f"/{name}" in text for name in EVERY)
    assert (await desk.say("/help stop")).startswith("/stop 확인|긴급\n전면 중지")
    assert (await desk.ask("/start")).outcome is Outcome.ANSWERED


@pytest.mark.parametrize(
    "text", ["/nonsense", "hello", "/", "/<b>bold</b>", "안녕", "x" * 5_000, "/buy " + "가" * 5_000]
)
async def test_what_is_no_command_gets_help_and_nothing_is_done(desk: Commanding, text: str) -> None:
    reply = await desk.ask(text)
    assert reply.outcome is Outcome.UNKNOWN_COMMAND
    assert "/portfolio" in as_text(reply, Language.KOREAN)
    assert len(as_html(reply, Language.KOREAN)) < 4_096
    (event,) = await desk.events("command")
    assert len(event.message) <= 300


@pytest.mark.parametrize(
    "argument", ["<b>x</b>", "</b><script>&amp;", "'; DROP TABLE events; --", "%s{0}", "\x00\x1b[2J"]
)
async def test_hostile_text_is_shown_as_text_by_every_command(desk: Commanding, argument: str) -> None:
    for name in EVERY:
        reply = await desk.ask(f"/{name} {argument}")
        for language in Language:
            lines = [line.said_in(language) for line in (reply.title, *reply.lines)]
            assert plain_text(as_html(reply, language)) == "\n".join(lines)
        assert reply.outcome is not Outcome.FAILED


async def test_a_command_is_audited_with_who_where_what_and_outcome(desk: Commanding) -> None:
    await desk.ask("/price 005930", message_id="telegram:1:9", chat="telegram:8", who="Kim (8)")
    await desk.ask("/price 없는회사")
    first, _ = await desk.events("command")
    assert (first.who, first.message, first.at) == ("Kim (8)", "/price 005930", desk.clock.now())
    assert first.payload == {"chat": "telegram:8", "command": "price", "message_id": "telegram:1:9"}
    endings = [event.payload for event in await desk.events("command-outcome")]
    assert [ending["outcome"] for ending in endings if isinstance(ending, dict)] == ["answered", "wrong argument"]


async def test_pasted_secrets_are_not_audited(desk: Commanding) -> None:
    token = "123456789:" + "AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"
    await desk.ask(f"/pause token={token} {token} 12345678-01")
    (event,) = await desk.events("command")
    assert token not in event.message
    assert "12345678" not in event.message
    assert event.message.startswith("/pause token=***")


async def test_the_same_message_is_acted_upon_once_even_after_a_restart(desk: Commanding) -> None:
    await desk.hold(SAMSUNG)
    code = code_in(await desk.ask("/sell 005930 1"))
    assert await desk.hear(f"확인 {code}", message_id="telegram:1:5") is not None
    assert await desk.hear(f"확인 {code}", message_id="telegram:1:5") is None
    desk.room = desk.furnished()
    for _ in range(2):
        assert await desk.hear("/sellall 확인", message_id="telegram:1:5") is None
    assert len(await desk.sell_orders()) == 1


async def test_a_flood_is_answered_once_counted_and_audited_with_the_next_command(desk: Commanding) -> None:
    desk.settings = desk.settings.model_copy(update={"command_every_secs": 5.0})
    desk.room = desk.furnished()
    replies = [await desk.hear("/status") for _ in range(30)]
    outcomes = [None if reply is None else reply.outcome for reply in replies]
    assert outcomes == [Outcome.ANSWERED, Outcome.TOO_FAST, *[None] * 28]
    assert await desk.hear("/status", chat="telegram:8") is not None  # a neighbour
    desk.clock.advance(5)
    assert (await desk.ask("/pnl")).outcome is Outcome.ANSWERED
    last = (await desk.events("command-outcome"))[-1].payload
    assert isinstance(last, dict)
    assert last["ignored_before"] == 29
    assert len(await desk.events("command")) == 3


async def test_a_flood_keeps_no_halt_and_no_confirmation_waiting(desk: Commanding) -> None:
    desk.settings = desk.settings.model_copy(update={"command_every_secs": 5.0})
    desk.room = desk.furnished()
    await desk.hold(SAMSUNG)
    question = await desk.ask("/sell 005930 1")
    assert (await desk.ask(f"확인 {code_in(question)}")).outcome is Outcome.DONE
    assert (await desk.ask("/stop 확인")).outcome is Outcome.DONE
    assert (await desk.ask("/resume")).outcome is Outcome.TOO_FAST
    desk.settings = desk.settings.model_copy(update={"command_every_secs": 0.0})


@pytest.mark.parametrize(
    "text",
    [
        "/buy 005930 1",
        "/sell 005930",
        "/sellall 확인",
        "/resume",
        "/dryrun off",
        "/maxbuy 9",
        "/liquidate arm",
        "확인 1234",
    ],
)
async def test_what_moves_money_is_not_carried_out_late(desk: Commanding, text: str) -> None:
    await desk.hold(SAMSUNG)
    reply = await desk.ask(text, age_secs=61)
    assert (reply.outcome, reply.lines[0].ko) == (Outcome.TOO_OLD, "61초 전에 보내셨습니다. 필요하면 다시 보내십시오")
    assert await desk.sell_orders() == []
    assert (await desk.ask(text, age_secs=60)).outcome is not Outcome.TOO_OLD


async def test_what_only_looks_or_halts_is_carried_out_however_late(desk: Commanding) -> None:
    assert (await desk.ask("/portfolio", age_secs=600)).outcome is Outcome.ANSWERED
    assert (await desk.ask("/stop 긴급", age_secs=600)).outcome is Outcome.DONE


async def test_a_restart_between_taking_and_acting_does_nothing_twice_and_tells(desk: Commanding) -> None:
    await desk.hold(SAMSUNG)
    said = Said("telegram:1:77", "telegram:7", "Owner (7)", "/sellall 확인")
    assert await desk.room.switchboard.take(said) is not None  # and here the process dies
    desk.room = desk.furnished()
    await desk.room.switchboard.tell_interrupted()
    assert await desk.hear("/sellall 확인", message_id="telegram:1:77") is None  # Telegram sends it again
    assert await desk.sell_orders() == []
    (shown,) = desk.room.console.room.after(0)
    assert as_text(shown.reply, Language.KOREAN).startswith("다시 시작하느라 명령이 끊겼습니다\n/sellall 확인\n")
    desk.room = desk.furnished()
    await desk.room.switchboard.tell_interrupted()
    assert desk.room.console.room.after(0) == []


class Gone:
    """A database that does not answer."""

    async def read(self, _work: Any) -> Any:
        raise Unavailable("database: gone")

    write = read


async def test_without_a_database_what_changes_something_is_refused_and_the_rest_is_answered(
    desk: Commanding, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.hold(SAMSUNG)
    gone = Gone()
    monkeypatch.setattr(desk.db, "write", gone.write)
    assert (await desk.ask("/price 005930")).outcome is Outcome.ANSWERED
    for text in ("/sellall 확인", "/dryrun on", "/watch 005930", "확인 1234"):
        reply = await desk.ask(text)
        assert (reply.outcome, reply.lines[0].ko) == (Outcome.FAILED, "데이터베이스가 응답하지 않습니다")
    assert await desk.sell_orders() == []
    reply = await desk.ask("/pause")
    assert reply.outcome is Outcome.FAILED
    assert "확실하지 않습니다" in reply.lines[1].ko


async def test_without_redis_a_halt_is_recorded_all_the_same(desk: Commanding, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_arguments: Any, **_named: Any) -> Any:
        raise RedisConnectionError("gone")

    for method in ("eval", "mget", "get", "scan_iter"):
        monkeypatch.setattr(desk.redis, method, gone)
    assert (await desk.ask("/pause")).outcome is Outcome.DONE
    monkeypatch.undo()
    assert await desk.halts.effective(STRATEGY) is HaltState.PAUSED


async def test_a_bug_in_one_command_is_told_and_silences_no_other(
    desk: Commanding, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def bug(_code: str) -> Any:
        raise KeyError("a secret detail")

    monkeypatch.setattr(desk.gateway, "snapshot", bug)
    reply = await desk.ask("/price 005930")
    assert (reply.outcome, reply.lines[0].ko) == (Outcome.FAILED, "내부 오류")
    assert "secret" not in as_text(reply, Language.ENGLISH)
    assert (await desk.ask("/help")).outcome is Outcome.ANSWERED


async def test_an_outcome_that_could_not_be_written_is_closed_by_the_next_start(
    desk: Commanding, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(*_arguments: Any, **_named: Any) -> Any:
        raise Unavailable("database: gone")

    monkeypatch.setattr(desk.room.switchboard._log, "end", gone)
    assert (await desk.ask("/portfolio")).outcome is Outcome.ANSWERED
    desk.room = desk.furnished()
    await desk.room.switchboard.tell_interrupted()
    (ending,) = await desk.events("command-outcome")
    assert isinstance(ending.payload, dict)
    assert ending.payload["outcome"] == "interrupted"


async def test_without_a_database_the_same_message_is_still_answered_once(
    desk: Commanding, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk.db, "write", Gone().write)
    monkeypatch.setattr("command_handler.switchboard.REMEMBERED", 2)
    assert await desk.hear("/help", message_id="m1") is not None
    assert await desk.hear("/help", message_id="m1") is None
    for name in ("m2", "m3", "m4"):
        await desk.hear("/help", message_id=name)
    assert len(desk.room.switchboard._seen) == 2


async def test_a_language_that_cannot_be_read_is_the_configured_one(
    desk: Commanding, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.say("/lang en")
    languages = desk.furnished().console.languages
    monkeypatch.setattr(desk.db, "read", Gone().read)
    assert await languages.of("telegram:7") is Language.KOREAN
    monkeypatch.undo()
    assert await languages.of("telegram:7") is Language.ENGLISH
