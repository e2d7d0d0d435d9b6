"""What every service is configured with, read once from the environment when it starts."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from prime_jennie.infra.clients.slack_config import SLACK_URL, BatchIntervalSecs, DuplicateWindowSecs, TimeoutSecs


class ServiceSettings(BaseSettings):
    """Settings common to all services; a service adds its own fields in a subclass.

    Names are those of `.env.example`. An empty variable counts as unset.
    """

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True)

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 in a pod")
    port: int = Field(8080, ge=1, le=65_535, description="HTTP port")
    redis_url: str = Field("redis://127.0.0.1:6379/0", description="streams, cache, locks, limiter")
    database_url: str = Field("sqlite:///prime-jennie.db", description="SQLAlchemy URL of the database")
    kis_gateway_url: str = Field("http://127.0.0.1:8080", description="base URL of kis-gateway")
    clock_url: str | None = Field(
        None, validation_alias="JENNIE_CLOCK", description="Redis of a virtual clock's leader; unset: the real clock"
    )
    closures_file: Path | None = Field(
        None,
        validation_alias="JENNIE_CLOSURES",
        description="mounted days on which the exchanges stay closed beyond our table (CSV); unset: none",
    )
    strategy: str | None = Field(
        None, validation_alias="JENNIE_STRATEGY", description="owner of this process; unset: keys without a prefix"
    )
    strategy_file: Path | None = Field(
        None, validation_alias="JENNIE_STRATEGY_FILE", description="mounted live configuration (JSON)"
    )
    service_token: SecretStr | None = Field(
        None, validation_alias="JENNIE_SERVICE_TOKEN", description="bearer token for the gateway's trading endpoints"
    )
    read_token: SecretStr | None = Field(
        None, validation_alias="JENNIE_READ_TOKEN", description="bearer token that lets the platform look, never trade"
    )
    namespace: str = Field(
        "default", validation_alias="JENNIE_NAMESPACE", description="whose slots these are; one platform, one namespace"
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_json: bool = Field(True, description="one JSON object a line; false: readable console lines")
    slack_bot_token: SecretStr | None = Field(None, description="unset: no Slack")
    slack_critical_channel: str | None = Field(None, description="channel for CRITICAL, sent at once; unset: none")
    slack_error_channel: str | None = Field(None, description="channel for ERROR, sent at once; unset: none")
    slack_warning_channel: str | None = Field(None, description="channel for WARNING, gathered; unset: none")
    slack_batch_interval: BatchIntervalSecs = Field(300, description="real seconds for which warnings are gathered")
    slack_duplicate_window: DuplicateWindowSecs = Field(
        60, description="real seconds for which the same message is held back"
    )
    slack_timeout: TimeoutSecs = Field(3, description="real seconds for one request to Slack")
    slack_url: str = Field(SLACK_URL, pattern=r"^https?://\S+$", description="address of Slack's Web API")
    stop_within_secs: float = Field(5.0, gt=0, description="seconds that a graceful stop may take")
