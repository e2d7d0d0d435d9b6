"""The model client against a real HTTP server on loopback."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
from pydantic import Field, SecretStr, ValidationError
from redis.asyncio import Redis

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.language import BadAnswer, LanguageModel, Prompt, Tier, Usage
from prime_jennie.domain.model import Message
from prime_jennie.infra.clients.llm import LanguageSettings, open_model
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.redis.connection import connect
from tests.support.language_server import (
    CUT,
    NOT_A_COMPLETION,
    SERVER_ERROR,
    LanguageServer,
    Reply,
    language_server,
    saying,
)
from tests.support.redis_server import free_port

KEY = "sk-a-key-that-nobody-may-see"
NOW = datetime(2025, 3, 17, 22, 20, tzinfo=UTC)  # 07:20 on the 18th in Seoul


class Opinion(Message):
    score: float = Field(ge=0, le=100)


GOOD = saying(Opinion(score=61))
PROMPT = Prompt(service="macro-council", tier=Tier.REASONING, system="You judge.", user="Judge.", max_tokens=100)


@pytest.fixture
def server() -> Iterator[LanguageServer]:
    with language_server(GOOD) as running:
        yield running


def settings_of(server: LanguageServer, **more: object) -> LanguageSettings:
    return LanguageSettings.model_validate(
        {
            "llm_base_url": server.url,
            "llm_model": "exaone",
            "llm_judge_model": "claude",
            "llm_api_key": SecretStr(KEY),
            "llm_timeout_secs": 5.0,
        }
        | more
    )


@pytest.fixture
async def model(server: LanguageServer, redis: Redis) -> AsyncIterator[LanguageModel]:
    opened = open_model(settings_of(server), redis, ManualClock(NOW))
    assert opened is not None
    yield opened
    await opened.close()


async def test_the_question_carries_model_key_schema_and_both_parts(
    model: LanguageModel, server: LanguageServer
) -> None:
    assert (await model.ask(PROMPT, Opinion)).score == 61
    await model.ask(PROMPT.model_copy(update={"tier": Tier.JUDGE}), Opinion)
    first, second = server.asked
    assert (first.body["model"], second.body["model"]) == ("exaone", "claude")
    assert (first.system, first.user) == ("You judge.", "Judge.")
    assert first.body["response_format"]["json_schema"]["schema"] == Opinion.model_json_schema()
    assert (first.body["max_tokens"], first.body["temperature"]) == (100, 0.3)
    assert first.headers["authorization"] == f"Bearer {KEY}"
    assert model.name == "exaone, judge claude"


async def test_a_server_without_schemas_is_asked_in_words_from_then_on(
    model: LanguageModel, server: LanguageServer
) -> None:
    server.takes_schemas = False
    await model.ask(PROMPT, Opinion)
    await model.ask(PROMPT, Opinion)
    assert [asked.has_schema for asked in server.asked] == [True, False, False]
    assert '"maximum": 100' in server.asked[1].system


async def test_a_server_that_refuses_both_ways_is_unavailable_and_keeps_its_schemas(
    model: LanguageModel, server: LanguageServer
) -> None:
    server.says(Reply(status=404), Reply(status=404), GOOD)
    with pytest.raises(Unavailable, match="HTTP 404"):
        await model.ask(PROMPT, Opinion)
    await model.ask(PROMPT, Opinion)
    assert [asked.has_schema for asked in server.asked] == [True, False, True]


@pytest.mark.parametrize("failure", [SERVER_ERROR, CUT, Reply(status=429), Reply(status=503)])
async def test_a_failed_request_is_repeated_once(model: LanguageModel, server: LanguageServer, failure: Reply) -> None:
    server.says(failure, GOOD)
    assert (await model.ask(PROMPT, Opinion)).score == 61
    assert len(server.asked) == 2


async def test_a_request_that_fails_twice_is_not_sent_a_third_time(
    model: LanguageModel, server: LanguageServer
) -> None:
    server.says(SERVER_ERROR)
    with pytest.raises(Unavailable, match="HTTP 500"):
        await model.ask(PROMPT, Opinion)
    assert len(server.asked) == 2


@pytest.mark.parametrize("status", [401, 403, 302])
async def test_a_definite_refusal_is_not_repeated_and_tells_no_secret(
    model: LanguageModel, server: LanguageServer, status: int
) -> None:
    server.says(Reply(status=status, body=f'{{"error": {{"message": "Incorrect API key: {KEY}"}}}}'.encode()))
    with pytest.raises(Unavailable) as refused:
        await model.ask(PROMPT, Opinion)
    assert len(server.asked) == 1
    assert KEY not in repr(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize(
    "body", [NOT_A_COMPLETION.body, b"", b"{}", b'{"choices": []}', b'{"choices": [{"message": {"content": 5}}]}']
)
async def test_a_body_that_is_no_completion_is_a_bad_answer(
    model: LanguageModel, server: LanguageServer, body: bytes
) -> None:
    server.says(Reply(body=body))
    with pytest.raises(BadAnswer):
        await model.ask(PROMPT, Opinion)
    assert len(server.asked) == 1


async def test_a_late_answer_is_unavailable_within_the_deadline(server: LanguageServer, redis: Redis) -> None:
    server.says(Reply(GOOD.text, delay_secs=2.0))
    model = open_model(settings_of(server, llm_timeout_secs=0.4), redis, ManualClock(NOW))
    assert model is not None
    asked_at = time.monotonic()
    with pytest.raises(Unavailable, match=r"within 0\.4 s"):
        await model.ask(PROMPT, Opinion)
    assert time.monotonic() - asked_at < 1.5
    await model.close()


async def test_usage_is_counted_by_service_and_seoul_day_for_ninety_days(
    model: LanguageModel, server: LanguageServer, redis: Redis
) -> None:
    server.says(SERVER_ERROR, GOOD)
    await asyncio.gather(model.ask(PROMPT, Opinion), model.ask(PROMPT, Opinion))
    key = "llm:stats:2025-03-18:macro-council"
    assert await redis.hgetall(key) == {"calls": "3", "tokens_in": "240", "tokens_out": "60"}
    assert 90 * 86_400 - 60 < await redis.ttl(key) <= 90 * 86_400
    assert model.usage == Usage(calls=3, tokens_in=240, tokens_out=60)


async def test_a_lost_count_costs_no_answer(server: LanguageServer) -> None:
    nowhere = connect(f"redis://127.0.0.1:{free_port()}/0")
    model = open_model(settings_of(server), nowhere, ManualClock(NOW))
    assert model is not None
    assert (await model.ask(PROMPT, Opinion)).score == 61
    await model.close()
    await nowhere.aclose()


async def test_nothing_of_the_key_the_prompt_or_the_address_is_logged(
    model: LanguageModel, server: LanguageServer, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.INFO):
        server.says(SERVER_ERROR, GOOD)
        await model.ask(PROMPT, Opinion)
    written = caplog.text + "".join(capfd.readouterr())
    assert KEY not in written
    assert server.url not in written
    assert KEY not in repr(settings_of(server)) + repr(model)


async def test_environment_of_the_sdk_changes_nothing(
    server: LanguageServer, redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "somebody-elses")
    monkeypatch.setenv("OPENAI_ORG_ID", "somebody")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    model = open_model(settings_of(server, llm_api_key=None), redis, ManualClock(NOW))
    assert model is not None
    await model.ask(PROMPT, Opinion)
    assert server.asked[0].headers["authorization"] == "Bearer none"
    assert "openai-organization" not in server.asked[0].headers
    await model.close()


async def test_without_an_address_there_is_no_model(redis: Redis) -> None:
    assert open_model(LanguageSettings(), redis, ManualClock(NOW)) is None


@pytest.mark.parametrize(
    "wrong", [{"llm_base_url": "http://h/v1"}, {"llm_base_url": "h:80", "llm_model": "m"}, {"llm_timeout_secs": 0}]
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LanguageSettings.model_validate(wrong)
