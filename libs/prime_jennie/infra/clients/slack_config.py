"""What the Slack handler is configured with; every value that makes no sense is refused."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

SLACK_URL: Final = "https://slack.com/api/"

BatchIntervalSecs = Annotated[float, Field(ge=10, le=3_600)]
DuplicateWindowSecs = Annotated[float, Field(ge=10, le=600)]
TimeoutSecs = Annotated[float, Field(ge=0.1, le=30)]


class SlackHandlerConfig(BaseModel):
    """Where each level goes; a level without a channel goes nowhere. All durations are seconds of real time."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bot_token: SecretStr
    critical_channel: str | None = None
    error_channel: str | None = None
    warning_channel: str | None = None
    batch_interval: BatchIntervalSecs = 300
    """How long warnings are gathered."""
    duplicate_window: DuplicateWindowSecs = 60
    """How long the same message is held back after it was sent."""
    timeout: TimeoutSecs = 3
    """Of one request to Slack."""
    base_url: str = Field(SLACK_URL, pattern=r"^https?://\S+$")

    @field_validator("bot_token")
    @classmethod
    def _is_a_token(cls, token: SecretStr) -> SecretStr:
        if not token.get_secret_value().strip():
            raise ValueError("must not be empty")
        return token

    @field_validator("critical_channel", "error_channel", "warning_channel")
    @classmethod
    def _blank_is_none(cls, channel: str | None) -> str | None:
        return (channel or "").strip() or None

    @property
    def has_channel(self) -> bool:
        """Tell whether any level goes anywhere."""
        return any((self.critical_channel, self.error_channel, self.warning_channel))
