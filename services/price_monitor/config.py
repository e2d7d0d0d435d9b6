"""What price-monitor is configured with."""

from pydantic import Field

from prime_jennie.infra.settings import ServiceSettings


class MonitorSettings(ServiceSettings):
    """Settings of price-monitor; when it sells is the strategy's live configuration."""

    port: int = Field(8088, ge=1, le=65_535, description="HTTP port (seeds)")
    refresh_secs: float = Field(300, gt=0, description="seconds of tick time between refreshes of indicators (§6)")
    positions_secs: float = Field(10, gt=0, description="seconds of tick time between looks at active_portfolio")
    tick_silence_secs: float = Field(30, gt=0, description="real seconds without ticks before they are asked for again")
