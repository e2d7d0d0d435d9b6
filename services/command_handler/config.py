"""What command-handler is configured with."""

from pydantic import Field, SecretStr

from prime_jennie.domain.reader import Language
from prime_jennie.infra.clients.telegram_settings import TelegramSettings


class CommandSettings(TelegramSettings):
    """Settings of command-handler."""

    port: int = Field(8091, ge=1, le=65_535, description="HTTP port (seeds)")
    operator_token: SecretStr | None = Field(
        None, validation_alias="JENNIE_OPERATOR_TOKEN", description="bearer token of the console; unset: no console"
    )
    command_language: Language = Field(Language.KOREAN, description="ko or en, until a chat chooses with /lang")
    command_every_secs: float = Field(5.0, ge=0, le=60, description="clock seconds between commands of one chat")
    confirm_within_secs: float = Field(60.0, gt=0, le=600, description="clock seconds in which a code is good")
    manual_trades_per_day: int = Field(20, ge=0, le=200, description="buys and sells by hand a KST day (rulebook §10)")
    price_alert_every_secs: float = Field(15.0, ge=1, le=300, description="clock seconds between looks at prices")
    gateway_answer_secs: float = Field(5.0, gt=0, le=60, description="real seconds that one question may take")
    telegram_poll_secs: int = Field(25, ge=0, le=50, description="real seconds that Telegram may hold a question open")
    telegram_stale_secs: float = Field(
        60.0, gt=0, description="real age beyond which a command that moves money is not carried out"
    )
