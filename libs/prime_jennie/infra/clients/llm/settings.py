"""Where the language model is; without an address there is none."""

from typing import Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class LanguageSettings(BaseSettings):
    """What a service adds to its settings that may ask a language model."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True)

    llm_base_url: str | None = Field(None, description="OpenAI-compatible address ending in /v1; unset: no model")
    llm_model: str | None = Field(None, description="the model's name as its server knows it")
    llm_judge_model: str | None = Field(None, description="a stronger one for the tier JUDGE; unset: llm_model")
    llm_api_key: SecretStr | None = Field(None, description="the server's key, where it asks for one")
    llm_timeout_secs: float = Field(
        120, gt=0, le=900, description="real seconds for one answer, the repeat of a failed request included"
    )

    @model_validator(mode="after")
    def _a_server_needs_a_models_name(self) -> Self:
        if self.llm_base_url is None:
            return self
        if not self.llm_base_url.startswith(("http://", "https://")):
            raise ValueError("LLM_BASE_URL must begin with http:// or https://")
        if self.llm_model is None:
            raise ValueError("LLM_BASE_URL needs LLM_MODEL: the model's name as its server knows it")
        return self
