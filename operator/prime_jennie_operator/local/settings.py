"""What a person's environment says to a local run: whose broker, whose database, whose prices."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from prime_jennie.domain.errors import BadInput
from prime_jennie_operator.local.secrets import FIGURES_SECRET, LLM_SECRET, NOTIFICATION_SECRET

ACCOUNT_NO = re.compile(r"[0-9]{8}-[0-9]{2}")
PRICES_KEY = "prices-url"


class LocalSettings(BaseSettings):
    """Read `.env.example`'s names; everything may be absent, the simulator then stands in for the broker."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True)

    kis_env: Literal["mock", "paper", "live"] = Field("mock", description="mock is the simulator")
    kis_app_key: SecretStr | None = Field(None, description="36 characters")
    kis_app_secret: SecretStr | None = Field(None, description="180 characters")
    kis_account_no: str | None = Field(None, description="NNNNNNNN-NN")
    kis_hts_id: str | None = Field(None, description="login id, for fill notices")
    kis_live_confirm: str | None = Field(None, description="the account's number again: a second yes to real orders")
    kis_base_url: str = Field("", description="REST host; empty: that of the environment")
    kis_ws_url: str = Field("", description="WebSocket host; empty: that of the environment")
    database_url: str | None = Field(None, description="unset: a SQLite file in the run's folder")
    prices_url: str = Field(
        "sqlite:///.jennie/prices.sqlite", validation_alias="DATABASE_URL", description="where imported prices are"
    )
    jennie_data: Path | None = Field(None, description="folder of prices; unset: imported ones, else synthetic")

    llm_base_url: str = Field("", description="OpenAI-compatible address ending in /v1; empty: the offline analyst")
    llm_model: str = Field("", description="the model's name as its server knows it")
    llm_judge_model: str = Field("", description="a stronger model for judge and briefing; empty: LLM_MODEL")
    llm_api_key: SecretStr | None = Field(None, description="the server's key")
    vix_url: str = Field("", description="Yahoo's chart service; empty: no VIX")
    ecos_api_key: SecretStr | None = Field(None, description="Bank of Korea; unset: no USD/KRW, no base rate")
    telegram_bot_token: SecretStr | None = Field(None, description="unset: no Telegram")
    telegram_chat_ids: str = Field("", description="chats that may give commands, comma separated; empty: nobody")
    jennie_language: Literal["ko", "en"] = Field("ko", description="of the briefing and the commands")
    slack_bot_token: SecretStr | None = Field(None, description="unset: no Slack")
    slack_critical_channel: str = Field("", description="channel for CRITICAL")
    slack_error_channel: str = Field("", description="channel for ERROR")
    slack_warning_channel: str = Field("", description="channel for WARNING")

    def values(self) -> dict[str, Any]:
        """Say it as overrides of the chart's values; raise BadInput for a broker without credentials."""
        gateway: dict[str, Any] = {"environment": self.kis_env}
        if self.kis_env != "mock":
            account_no = self._needed("KIS_ACCOUNT_NO", self.kis_account_no)
            if not ACCOUNT_NO.fullmatch(account_no):
                raise BadInput("environment", "KIS_ACCOUNT_NO", "must be NNNNNNNN-NN")
            if self.kis_env == "live" and self.kis_live_confirm != account_no:
                raise BadInput("environment", "KIS_LIVE_CONFIRM", "must repeat KIS_ACCOUNT_NO: orders would be real")
            gateway |= {
                "accountNo": account_no,
                "liveConfirmation": self.kis_live_confirm or "",
                "baseUrl": self.kis_base_url,
                "webSocketUrl": self.kis_ws_url,
            }
        values: dict[str, Any] = {
            "kisGateway": gateway,
            # A laptop goes on with the day that it began, else with the last one of its data.
            "kisSimulator": {"day": None},
            "logging": {"jsonLines": False},
            "secrets": {"pricesKey": PRICES_KEY},
            "llm": {"baseUrl": self.llm_base_url, "model": self.llm_model, "judgeModel": self.llm_judge_model},
            "worldFigures": {"vixUrl": self.vix_url},
            "notifications": {
                "language": self.jennie_language,
                "telegramChatIds": self.telegram_chat_ids,
                "slackCriticalChannel": self.slack_critical_channel,
                "slackErrorChannel": self.slack_error_channel,
                "slackWarningChannel": self.slack_warning_channel,
            },
        }
        if self.kis_env != "mock":
            values["virtualClock"] = {"enabled": False}
        if self.jennie_data is not None:
            if not self.jennie_data.is_dir():
                raise BadInput("environment", "JENNIE_DATA", f"{self.jennie_data} is no folder")
            values["kisSimulator"]["dataFolder"] = str(self.jennie_data.resolve())
        return values

    def kis_credentials(self) -> dict[str, str] | None:
        """Give the keys of the gateway's Secret; None for the simulator, which takes generated ones."""
        if self.kis_env == "mock":
            return None
        key, secret = (
            self._needed(name, value.get_secret_value() if value else None)
            for name, value in (("KIS_APP_KEY", self.kis_app_key), ("KIS_APP_SECRET", self.kis_app_secret))
        )
        return {"app-key": key, "app-secret": secret} | ({"hts-id": self.kis_hts_id} if self.kis_hts_id else {})

    def channel_secrets(self) -> dict[str, dict[str, str]]:
        """Give the Secrets of models, figures and alert channels; what is not configured is absent."""
        found = {
            NOTIFICATION_SECRET: {
                "telegram-bot-token": self.telegram_bot_token,
                "slack-bot-token": self.slack_bot_token,
            },
            LLM_SECRET: {"api-key": self.llm_api_key},
            FIGURES_SECRET: {"ecos-api-key": self.ecos_api_key},
        }
        return {
            name: {key: value.get_secret_value() for key, value in keys.items() if value}
            for name, keys in found.items()
        }

    def _needed(self, name: str, value: str | None) -> str:
        if not value:
            raise BadInput("environment", name, f"missing; KIS_ENV={self.kis_env} needs it")
        return value
