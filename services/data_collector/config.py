"""What data-collector is configured with."""

from pydantic import Field, SecretStr

from prime_jennie.infra.clients.ecos import ECOS_URL
from prime_jennie.infra.settings import ServiceSettings


class CollectorSettings(ServiceSettings):
    """Settings of data-collector."""

    port: int = Field(8092, ge=1, le=65_535, description="HTTP port (seeds)")
    history_sessions: int = Field(
        260, ge=20, le=2_000, description="sessions fetched of a stock without any bar: a year, for the 52-week high"
    )
    vix_url: str | None = Field(None, pattern=r"^https?://\S+$", description="Yahoo's chart service; unset: no VIX")
    ecos_url: str = Field(ECOS_URL, pattern=r"^https?://\S+$", description="Bank of Korea's ECOS service")
    ecos_api_key: SecretStr | None = Field(None, description="key of ECOS; unset: no USD/KRW and no base rate")
    minute_bars_days: int = Field(30, ge=1, description="calendar days for which minute bars are kept")
    daily_bars_years: int = Field(3, ge=1, description="years for which daily bars are kept (rulebook §9)")
