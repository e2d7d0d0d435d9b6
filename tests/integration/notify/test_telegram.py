"""TelegramSender against the Bot API's twin: what arrives, what does not, and what nobody can know."""

import json
import logging
import time
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from prime_jennie.infra.clients.telegram import Delivered, TelegramSender
from prime_jennie.infra.clients.telegram_text import escaped
from prime_jennie.infra.logging import configure_logging
from tests.support.redis_server import free_port
from tests.support.telegram_api import TOKEN, Fault, TelegramApi, flood

SECRET_PART = TOKEN.partition(":")[2]


@pytest.fixture
def telegram() -> Iterator[TelegramApi]:
    with TelegramApi(chats={7, 8, 9}) as api:
        yield api


def _sender(telegram: TelegramApi, *, token: str = TOKEN, timeout_secs: float = 5.0) -> TelegramSender:
    return TelegramSender(SecretStr(token), telegram.base_url, timeout_secs=timeout_secs)


async def test_every_chat_gets_the_message_one_after_the_other(telegram: TelegramApi) -> None:
    deliveries = await _sender(telegram).send([7, 8, 9], f"<b>{escaped('<삼성&전자>')}</b>")
    assert [(delivery.chat_id, delivery.outcome) for delivery in deliveries] == [
        (chat, Delivered.SENT) for chat in (7, 8, 9)
    ]
    assert [(message.chat_id, message.text) for message in telegram.sent] == [
        (chat, "<삼성&전자>") for chat in (7, 8, 9)
    ]
    assert all(parameters["chat_id"] in {"7", "8", "9"} for _, parameters in telegram.calls)


async def test_a_long_text_arrives_as_several_messages_in_order(telegram: TelegramApi) -> None:
    lines = "\n".join(f"{number:05} {'가' * 60}" for number in range(150))
    (delivery,) = await _sender(telegram).send([7], lines)
    assert (delivery.outcome, delivery.parts) == (Delivered.SENT, 3)
    assert "\n".join(telegram.to(7)) == lines


async def test_one_chat_that_refuses_costs_no_other_its_message(telegram: TelegramApi) -> None:
    telegram.blocked.add(8)
    deliveries = await _sender(telegram).send([404, 7, 8, 9], "안녕하세요")
    assert [delivery.outcome for delivery in deliveries] == [
        Delivered.REFUSED,
        Delivered.SENT,
        Delivered.REFUSED,
        Delivered.SENT,
    ]
    assert "hat not found" in deliveries[0].reason
    assert len(telegram.calls) == 4, "a refusal is not repeated"


async def test_flood_control_is_waited_for(telegram: TelegramApi) -> None:
    telegram.fail("sendMessage", flood(1))
    started = time.monotonic()
    (delivery,) = await _sender(telegram).send([7], "안녕하세요")
    assert delivery.outcome is Delivered.SENT
    assert time.monotonic() - started >= 1
    assert telegram.to(7) == ["안녕하세요"]


async def test_flood_control_for_an_hour_is_not_waited_for(telegram: TelegramApi) -> None:
    telegram.fail("sendMessage", flood(3_600))
    (delivery,) = await _sender(telegram).send([7], "안녕하세요")
    assert (delivery.outcome, delivery.reason) == (Delivered.NOT_SENT, "flood control: wait 3600 s")


async def test_flood_control_without_end_is_given_up(telegram: TelegramApi) -> None:
    telegram.fail("sendMessage", flood(1), flood(1), flood(1), flood(1))
    (delivery,) = await _sender(telegram).send([7], "안녕하세요")
    assert delivery.outcome is Delivered.NOT_SENT
    assert len(telegram.calls) == 3


@pytest.mark.parametrize("fault", [Fault(lost=True), Fault(status=502, description="Bad Gateway"), Fault(status=500)])
async def test_a_message_that_may_have_arrived_is_unknown_and_not_sent_again(
    telegram: TelegramApi, fault: Fault
) -> None:
    telegram.fail("sendMessage", fault)
    (delivery,) = await _sender(telegram).send([7], "안녕하세요")
    assert delivery.outcome is Delivered.UNKNOWN
    assert len(telegram.calls) == 1


async def test_a_late_answer_is_unknown_and_the_next_chat_is_served(telegram: TelegramApi) -> None:
    telegram.fail("sendMessage", Fault(hang_secs=1.5))
    deliveries = await _sender(telegram, timeout_secs=0.5).send([7, 8], "안녕하세요")
    assert [delivery.outcome for delivery in deliveries] == [Delivered.UNKNOWN, Delivered.SENT]
    assert [message.chat_id for message in telegram.wait_for(2)] == [8, 7], "and late it arrives, once"


async def test_the_rest_of_a_long_text_stays_unsent_behind_an_uncertain_part(telegram: TelegramApi) -> None:
    telegram.fail("sendMessage", Fault(lost=True))
    (delivery,) = await _sender(telegram).send([7], "\n".join(["가" * 3_000] * 3))
    assert (delivery.outcome, delivery.parts) == (Delivered.UNKNOWN, 0)
    assert len(telegram.sent) == 1


async def test_where_nobody_listens_nothing_was_sent() -> None:
    sender = TelegramSender(SecretStr(TOKEN), f"http://127.0.0.1:{free_port()}/bot", timeout_secs=1)
    (delivery,) = await sender.send([7], "안녕하세요")
    assert delivery.outcome is Delivered.NOT_SENT


@pytest.mark.parametrize("token", ["123456789:AAEwrongwrongwrongwrongwrongwrong-ab", "no-token-at-all"])
async def test_a_wrong_token_is_refused_and_never_shown(
    telegram: TelegramApi, token: str, capsys: pytest.CaptureFixture[str], restored_logging: None
) -> None:
    configure_logging("command-handler", level="DEBUG")
    (delivery,) = await _sender(telegram, token=token).send([7], "안녕하세요")
    assert delivery.outcome is Delivered.REFUSED
    shown = delivery.reason + repr(delivery) + capsys.readouterr().out
    assert token not in shown
    assert (token.partition(":")[2] or token) not in shown


async def test_not_even_a_debug_log_holds_the_token(
    telegram: TelegramApi, capsys: pytest.CaptureFixture[str], restored_logging: None
) -> None:
    configure_logging("command-handler", level="DEBUG")
    telegram.fail("sendMessage", Fault(lost=True), Fault(status=400, description=f"bad /bot{TOKEN}/sendMessage"))
    sender = _sender(telegram)
    deliveries = await sender.send([7, 8, 9], "안녕하세요")
    logged = capsys.readouterr().out
    assert SECRET_PART not in logged + repr(deliveries) + repr(vars(sender))
    events = [json.loads(line)["event"] for line in logged.splitlines()]
    assert events.count("telegram message not delivered") == 2
    assert logging.getLogger().level == logging.DEBUG


async def test_nothing_to_say_is_said_to_nobody(telegram: TelegramApi) -> None:
    (delivery,) = await _sender(telegram).send([7], " \n ")
    assert (delivery.outcome, delivery.parts) == (Delivered.SENT, 0)
    assert telegram.calls == []
