"""What scout-job is configured with."""

from pydantic import Field

from prime_jennie.infra.settings import ServiceSettings


class ScoutSettings(ServiceSettings):
    """Settings of scout-job."""

    port: int = Field(8087, ge=1, le=65_535, description="HTTP port (seeds)")
    index_code: str = Field("0001", description="the index that decides: 0001 KOSPI, 1001 KOSDAQ")
    index_days: int = Field(60, ge=21, le=250, description="sessions of the index to ask for; the MA20 needs 20")
    refresh_minutes: float = Field(30, gt=0, le=55, description="clock minutes between refreshes, below the key's hour")
