"""What buy-scanner is configured with."""

from pydantic import Field

from prime_jennie.infra.settings import ServiceSettings


class ScannerSettings(ServiceSettings):
    """Settings of buy-scanner; what it may buy is the strategy's live configuration."""

    port: int = Field(8081, ge=1, le=65_535, description="HTTP port (seeds)")
    reload_secs: float = Field(60, gt=0, description="seconds of tick time between reloads of watchlist and regime")
    news_secs: float = Field(10, gt=0, description="clock seconds between looks whether the scout has a newer list")
    blocks_bear_regimes: bool = Field(False, description="the rulebook's regime gate, off by default (§4.2 gate 6)")
    history_minutes: int = Field(30, ge=0, le=60, description="minute bars to fetch a stock after a restart; 0 = none")
    tick_silence_secs: float = Field(30, gt=0, description="real seconds without ticks before they are asked for again")
