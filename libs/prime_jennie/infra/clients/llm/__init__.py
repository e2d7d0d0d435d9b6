"""Language models behind OpenAI-compatible servers."""

from redis.asyncio import Redis

from prime_jennie.domain.language import LanguageModel
from prime_jennie.domain.ports import Clock
from prime_jennie.infra.clients.llm.model import OpenAiModel
from prime_jennie.infra.clients.llm.settings import LanguageSettings
from prime_jennie.infra.clients.llm.stats import UsageCounter

__all__ = ["LanguageSettings", "open_model"]


def open_model(settings: LanguageSettings, redis: Redis, clock: Clock) -> LanguageModel | None:
    """Return the configured model, None where no address is set; nothing is sent before the first question."""
    if settings.llm_base_url is None:
        return None
    return OpenAiModel(settings, UsageCounter(redis, clock))
