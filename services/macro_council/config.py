"""What macro-council is configured with."""

from pydantic import Field

from prime_jennie.domain.language import Usage
from prime_jennie.infra.clients.llm import LanguageSettings
from prime_jennie.infra.settings import ServiceSettings

_MILLION = 1_000_000


class CouncilSettings(ServiceSettings, LanguageSettings):
    """Settings of macro-council."""

    port: int = Field(8089, ge=1, le=65_535, description="HTTP port (seeds)")
    index_code: str = Field("0001", pattern=r"^[0-9]{4}$", description="the index that decides: KOSPI")
    second_index_code: str = Field("1001", pattern=r"^[0-9]{4}$", description="the index shown beside it: KOSDAQ")
    index_bars: int = Field(150, ge=21, le=500, description="sessions of each index (rulebook §7)")
    headlines: int = Field(15, ge=0, le=50, description="headlines at most (rulebook §7)")
    quote_minutes: float = Field(10, gt=0, description="clock minutes after which an index quote counts as unknown")
    llm_usd_per_million_in: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="price of a million tokens read; unset: the cost is unknown"
    )
    llm_usd_per_million_out: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="price of a million tokens written; unset: the cost is unknown"
    )

    def cost_usd(self, usage: Usage) -> float | None:
        """Return what usage cost, None where a price is unknown."""
        if self.llm_usd_per_million_in is None or self.llm_usd_per_million_out is None:
            return None
        read, written = usage.tokens_in * self.llm_usd_per_million_in, usage.tokens_out * self.llm_usd_per_million_out
        return round((read + written) / _MILLION, 6)
