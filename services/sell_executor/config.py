"""What sell-executor is configured with."""

from pydantic import Field

from prime_jennie.infra.settings import ServiceSettings


class SellExecutorSettings(ServiceSettings):
    """Settings of sell-executor; when a holding is sold is price-monitor's business."""

    port: int = Field(8083, ge=1, le=65_535, description="HTTP port (seeds)")
    sales_abreast: int = Field(8, ge=1, le=64, description="stocks sold at once; one stock's sales wait for each other")
