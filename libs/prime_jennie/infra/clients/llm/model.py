"""A language model behind an OpenAI-compatible server (vLLM, a provider), over the openai SDK."""

import asyncio
import json
import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

import httpx
import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.language import AnswerT, BadAnswer, Prompt, Tier, Usage
from prime_jennie.infra.clients.llm.answers import read_answer
from prime_jennie.infra.clients.llm.settings import LanguageSettings
from prime_jennie.infra.clients.llm.stats import UsageCounter
from prime_jennie.infra.tls import trust

if TYPE_CHECKING:
    from openai import AsyncOpenAI

CONNECT_SECS: Final = 5.0
REPEAT_PAUSE_SECS: Final = 0.5
NO_KEY: Final = "none"  # the SDK wants one even where the server does not
_SCHEMA_REFUSED: Final = frozenset({400, 404, 415, 422, 501})
_MAY_PASS: Final = frozenset({408, 409, 429})  # and every 5xx: asking once more is worth it

log = structlog.get_logger(__name__)


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class _Said(_Lenient):
    content: str | None = None


class _Choice(_Lenient):
    message: _Said


class _Tokens(_Lenient):
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)


class _Completion(_Lenient):
    choices: tuple[_Choice, ...] = Field(min_length=1)
    usage: _Tokens | None = None


class OpenAiModel:
    """Asks for the answer's schema where the server knows `response_format`, in words where it does not.

    The SDK (some 40 MB) is imported with the first question. Its own retries are off: a failed request is repeated
    once at most, within the deadline of `llm_timeout_secs` real seconds; an answer that is no use is never repeated.
    """

    def __init__(self, settings: LanguageSettings, counter: UsageCounter) -> None:
        if settings.llm_base_url is None or settings.llm_model is None:
            raise ValueError("a model needs an address and a name")
        self._base_url = settings.llm_base_url
        self._models = dict.fromkeys(Tier, settings.llm_model)
        self._models[Tier.JUDGE] = settings.llm_judge_model or settings.llm_model
        self._key = settings.llm_api_key
        self._timeout_secs = settings.llm_timeout_secs
        self._counter = counter
        self._usage = Usage()
        self._client: AsyncOpenAI | None = None
        self._knows_schemas = True

    @property
    def name(self) -> str:
        names = list(dict.fromkeys(self._models.values()))
        return names[0] if len(names) == 1 else f"{names[0]}, judge {names[1]}"

    @property
    def usage(self) -> Usage:
        return self._usage

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def ask(self, prompt: Prompt, answer: type[AnswerT]) -> AnswerT:
        client = await self._opened()
        try:
            async with asyncio.timeout(self._timeout_secs):
                text = await self._completed(client, prompt, answer)
        except TimeoutError:
            raise Unavailable(f"the model did not answer within {self._timeout_secs:g} s") from None
        return read_answer(text, answer)

    async def _completed(self, client: "AsyncOpenAI", prompt: Prompt, answer: type[BaseModel]) -> str | None:
        if self._knows_schemas:
            try:
                return await self._asked_twice(client, prompt, _schema_mode(prompt, answer))
            except _Refused as refused:
                if refused.status not in _SCHEMA_REFUSED:
                    raise
                text = await self._asked_twice(client, prompt, _plain_mode(prompt, answer))
                # Only now is it proved that the schema was what the server refused.
                self._knows_schemas = False
                log.info("the model's server takes no response_format: asking in words", status=refused.status)
                return text
        return await self._asked_twice(client, prompt, _plain_mode(prompt, answer))

    async def _asked_twice(self, client: "AsyncOpenAI", prompt: Prompt, mode: dict[str, Any]) -> str | None:
        try:
            return await self._asked(client, prompt, mode)
        except _Refused as refused:
            if refused.status not in _MAY_PASS and refused.status < 500:
                raise
        except _Unreached:
            pass
        await asyncio.sleep(REPEAT_PAUSE_SECS)
        return await self._asked(client, prompt, mode)

    async def _asked(self, client: "AsyncOpenAI", prompt: Prompt, mode: dict[str, Any]) -> str | None:
        sdk = import_module("openai")
        tokens = _Tokens()
        try:
            reply = await client.chat.completions.with_raw_response.create(
                model=self._models[prompt.tier],
                max_tokens=prompt.max_tokens,
                temperature=prompt.temperature,
                **mode,
            )
            try:
                completion = _Completion.model_validate_json(reply.http_response.content)
            except ValidationError:
                raise BadAnswer("the model's server answered with no completion") from None
            tokens = completion.usage or tokens
            return completion.choices[0].message.content
        # Neither body nor cause of the SDK's errors is kept: servers repeat keys and prompts in them.
        except sdk.APIStatusError as error:
            raise _Refused(error.status_code) from None
        except sdk.OpenAIError as error:
            raise _Unreached(f"the model's server cannot be reached ({type(error).__name__})") from None
        finally:
            spent = Usage(calls=1, tokens_in=tokens.prompt_tokens, tokens_out=tokens.completion_tokens)
            self._usage += spent
            await self._counter.add(prompt.service, spent)

    async def _opened(self) -> "AsyncOpenAI":
        if self._client is None:
            await asyncio.to_thread(import_module, "openai")  # a second of imports that nobody else should wait for
            for chatty in ("openai", "httpx", "httpcore"):
                logging.getLogger(chatty).setLevel(logging.WARNING)  # they tell addresses at INFO, prompts at DEBUG
        if self._client is None:
            sdk = import_module("openai")
            opened: AsyncOpenAI = sdk.AsyncOpenAI(
                base_url=self._base_url,
                api_key=NO_KEY if self._key is None else self._key.get_secret_value(),
                max_retries=0,
                http_client=httpx.AsyncClient(
                    timeout=httpx.Timeout(self._timeout_secs, connect=CONNECT_SECS),
                    limits=httpx.Limits(max_connections=None, max_keepalive_connections=20, keepalive_expiry=2.0),
                    trust_env=False,
                    verify=trust(),
                ),
            )
            opened.organization = opened.project = None  # the SDK takes them from its own environment variables
            self._client = opened
        return self._client


class _Unreached(Unavailable):
    """No answer came."""


class _Refused(Unavailable):
    """The server answered with an HTTP error."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the model's server answered HTTP {status}")
        self.status = status


def _schema_mode(prompt: Prompt, answer: type[BaseModel]) -> dict[str, Any]:
    shape = {"name": answer.__name__, "schema": answer.model_json_schema()}
    return {
        "messages": _messages(prompt.system, prompt.user),
        "response_format": {"type": "json_schema", "json_schema": shape},
    }


def _plain_mode(prompt: Prompt, answer: type[BaseModel]) -> dict[str, Any]:
    schema = json.dumps(answer.model_json_schema(), ensure_ascii=False)
    demand = f"Answer with one JSON object and nothing else. It must be valid by this JSON Schema:\n{schema}"
    return {"messages": _messages(f"{prompt.system}\n\n{demand}", prompt.user)}


def _messages(system: str, user: str) -> list[dict[str, str]]:
    return [{"role": "system", "content": system}, {"role": "user", "content": user}]
