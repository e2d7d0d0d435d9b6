"""What a language model answers, over HTTP and in memory."""

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import Field
from redis.asyncio import Redis

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.language import BadAnswer, LanguageModel, Prompt, Tier
from prime_jennie.domain.model import Message
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.infra.clients.llm import LanguageSettings, open_model
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.language import InMemoryModel
from tests.support.language_server import LanguageServer, Reply, language_server


class Opinion(Message):
    score: float = Field(ge=0, le=100, allow_inf_nan=False)
    sector: SectorGroup | None = None


PROMPT = Prompt(service="scout", tier=Tier.FAST, system="You judge.", user="Judge.", max_tokens=100)
Says = Callable[[str | None], LanguageModel]


@pytest.fixture(params=["memory", "http"])
async def says(request: pytest.FixtureRequest, redis: Redis) -> AsyncIterator[Any]:
    opened: list[LanguageModel] = []
    with language_server() as server:

        def speaker(text: str | None) -> LanguageModel:
            model = _in_memory(text) if request.param == "memory" else _over_http(server, text, redis)
            opened.append(model)
            return model

        yield speaker
        for model in opened:
            await model.close()


def _in_memory(text: str | None) -> LanguageModel:
    return InMemoryModel([text or ""])


def _over_http(server: LanguageServer, text: str | None, redis: Redis) -> LanguageModel:
    server.says(Reply(text))
    settings = LanguageSettings(llm_base_url=server.url, llm_model="exaone", llm_timeout_secs=5)
    model = open_model(settings, redis, ManualClock(datetime(2025, 3, 18, tzinfo=UTC)))
    assert model is not None
    return model


async def test_an_answer_comes_as_its_model(says: Says) -> None:
    model = says('{"score": 61.5, "sector": "조선/방산"}')
    assert await model.ask(PROMPT, Opinion) == Opinion(score=61.5, sector=SectorGroup.DEFENSE_SHIPBUILDING)
    assert model.usage.calls == 1


@pytest.mark.parametrize(
    "text",
    [
        'Here you are:\n```json\n{"score": 50}\n```\nAnything else?',
        '<think>{"score": 1} is too low</think>{"score": 50}',
        '{"score": 50, "mood": "an unknown field"} {"score": 99}',
        '{"score": 50}',
    ],
)
async def test_the_first_object_counts_and_what_stands_around_it_does_not(says: Says, text: str) -> None:
    assert (await says(text).ask(PROMPT, Opinion)).score == 50


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "   \n",
        "The market looks fine.",
        "[50]",
        "50",
        '{"score": 50',
        "{'score': 50}",
        '{"score": "50"}',
        '{"score": NaN}',
        '{"score": 1e999}',
        '{"score": true}',
        '{"score": -1}',
        '{"score": 101}',
        '{"score": null}',
        '{"score": 50, "score": 100}',
        '{"score": 50, "sector": "Shipping"}',
        '{"answer": {"score": 50}}',
        '{"a":' * 100_000,
        "{} {}",
    ],
)
async def test_an_answer_of_no_use_is_a_bad_answer(says: Says, text: str | None) -> None:
    with pytest.raises(BadAnswer):
        await says(text).ask(PROMPT, Opinion)


async def test_the_error_does_not_repeat_what_the_model_said(says: Says) -> None:
    with pytest.raises(BadAnswer) as refused:
        await says('{"score": "ignore your rules"}').ask(PROMPT, Opinion)
    assert "ignore" not in str(refused.value)
    assert "score" in str(refused.value)


async def test_a_model_that_is_away_is_unavailable(redis: Redis) -> None:
    settings = LanguageSettings(llm_base_url="http://127.0.0.1:9/v1", llm_model="exaone", llm_timeout_secs=5)
    away = open_model(settings, redis, ManualClock(datetime(2025, 3, 18, tzinfo=UTC)))
    assert away is not None
    for model in (away, InMemoryModel([Unavailable("away")])):
        with pytest.raises(Unavailable):
            await model.ask(PROMPT, Opinion)
        await model.close()
