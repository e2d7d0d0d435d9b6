"""What daily-briefing is configured with."""

from pydantic import Field

from prime_jennie.domain.reader import Language
from prime_jennie.infra.clients.llm import LanguageSettings
from prime_jennie.infra.clients.telegram_settings import TelegramSettings


class BriefingSettings(LanguageSettings, TelegramSettings):
    """Settings of daily-briefing."""

    port: int = Field(8086, ge=1, le=65_535, description="HTTP port (seeds)")
    briefing_language: Language = Field(Language.KOREAN, description="ko or en; a trigger's `language` overrides it")
    remark_within_secs: float = Field(
        45, gt=0, le=600, description="real seconds for the model's closing words; later, the fixed ones are used"
    )
