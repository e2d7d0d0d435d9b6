"""Which bot speaks, and to whom."""

from typing import Annotated, Any

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import NoDecode

from prime_jennie.infra.clients.telegram import TELEGRAM_URL
from prime_jennie.infra.settings import ServiceSettings


class TelegramSettings(ServiceSettings):
    """Settings of a service that speaks through Telegram."""

    telegram_bot_token: SecretStr | None = Field(None, description="unset: no Telegram")
    telegram_chat_ids: Annotated[tuple[int, ...], NoDecode] = Field(
        (), description="chats that are told and may give commands, comma separated; empty: nobody"
    )
    telegram_url: str = Field(
        TELEGRAM_URL, pattern=r"^https?://.+/bot$", description="address of the Bot API; the token follows it"
    )
    telegram_timeout_secs: float = Field(10.0, gt=0, le=60, description="real seconds for one answer of the Bot API")

    @field_validator("telegram_chat_ids", mode="before")
    @classmethod
    def _comma_separated(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        ids = [part.strip() for part in value.split(",") if part.strip()]
        if any(not part.removeprefix("-").isascii() or not part.removeprefix("-").isdecimal() for part in ids):
            raise ValueError("must be chat ids, whole numbers separated by commas")
        return tuple(dict.fromkeys(int(part) for part in ids))
