"""What scout-job is configured with."""

from pydantic import Field

from prime_jennie.infra.clients.llm import LanguageSettings
from prime_jennie.infra.settings import ServiceSettings


class ScoutSettings(ServiceSettings, LanguageSettings):
    """Settings of scout-job; what a run may list comes with its slot (`parameters`)."""

    port: int = Field(8087, ge=1, le=65_535, description="HTTP port (seeds)")
    index_code: str = Field("0001", description="the index that decides: 0001 KOSPI, 1001 KOSDAQ")
    index_days: int = Field(60, ge=21, le=250, description="sessions of the index to ask for; the MA20 needs 20")
    refresh_minutes: float = Field(30, gt=0, le=55, description="clock minutes between refreshes, below the key's hour")
    analysis_secs: float = Field(
        240, gt=0, le=1_800, description="real seconds for all questions of one run; who has not answered keeps quant"
    )
    keep_scores_days: int = Field(
        180, ge=30, description="calendar days for which scores are kept: some 19,000 rows a day"
    )
