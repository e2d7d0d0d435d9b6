"""What dashboard-api is configured with."""

from pathlib import Path

from pydantic import Field, SecretStr, field_validator

from prime_jennie.infra.settings import ServiceSettings


class DashboardSettings(ServiceSettings):
    """Settings of dashboard-api."""

    port: int = Field(8090, ge=1, le=65_535, description="HTTP and WebSocket port (seeds)")
    operator_token: SecretStr | None = Field(
        None, validation_alias="JENNIE_OPERATOR_TOKEN", description="bearer token for what changes something"
    )
    service_urls: str = Field("", description="the platform's services, NAME=URL, comma separated")
    max_clients: int = Field(100, ge=1, le=10_000, description="WebSockets at once; more are turned away")
    replay_updates: int = Field(1_000, ge=1, le=100_000, description="updates kept for clients that come back")
    client_backlog: int = Field(256, ge=8, le=10_000, description="updates that may wait for one client")
    prices_every_secs: float = Field(0.5, gt=0, le=60, description="real seconds between two price updates")
    stalled_secs: float = Field(10, gt=0, le=300, description="real seconds that one message to a client may take")
    allowed_origin: str | None = Field(None, description="origin whose pages may call (CORS); unset: none")
    logs_folder: Path | None = Field(None, description="folder of the services' log files; unset: no logs here")

    @field_validator("service_urls")
    @classmethod
    def _pairs(cls, text: str) -> str:
        for pair in filter(None, text.split(",")):
            name, _, url = pair.partition("=")
            if not name or not url.startswith(("http://", "https://")):
                raise ValueError(f"{pair!r} is not NAME=URL")
        return text

    @property
    def addresses(self) -> dict[str, str]:
        """Return each platform service's URL, by its name."""
        pairs = (pair.partition("=") for pair in filter(None, self.service_urls.split(",")))
        return {name: url.rstrip("/") for name, _, url in pairs}
