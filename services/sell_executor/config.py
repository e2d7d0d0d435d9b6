"""What sell-executor is configured with."""

from pydantic import Field

from prime_jennie.domain.trading_strategy import MAX_SYMBOLS
from prime_jennie.infra.settings import ServiceSettings


class SellExecutorSettings(ServiceSettings):
    """Settings of sell-executor; when a holding is sold is price-monitor's business."""

    port: int = Field(8083, ge=1, le=65_535, description="HTTP port (seeds)")
    sales_abreast: int = Field(
        MAX_SYMBOLS,
        ge=1,
        le=64,
        description="stocks sold at once, all that a strategy may hold: each may wait in an auction;"
        " one stock's sales wait for each other",
    )
