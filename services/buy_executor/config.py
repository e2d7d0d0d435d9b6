"""What buy-executor is configured with."""

from pydantic import Field

from prime_jennie.infra.settings import ServiceSettings


class BuyExecutorSettings(ServiceSettings):
    """Settings of buy-executor; limits and capital are the strategy's live configuration."""

    port: int = Field(8082, ge=1, le=65_535, description="HTTP port (seeds)")
    portfolio_guard_enabled: bool = Field(True, description="the rulebook's last look at sectors, values and cash")
