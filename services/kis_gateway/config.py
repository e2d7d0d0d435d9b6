"""The gateway's settings: credentials of one KIS app key, limits, backstops."""

from pathlib import Path
from typing import Self

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, field_validator, model_validator

from prime_jennie.domain.broker import Environment
from prime_jennie.infra.settings import ServiceSettings

_BACKOFF_SECS = {
    Environment.MOCK: (0.5, 5.0),
    Environment.LIVE: (60.0, 600.0),
    Environment.PAPER: (60.0, 600.0),
}
_HOSTS = {
    Environment.MOCK: ("http://127.0.0.1:9443", "ws://127.0.0.1:21000"),
    Environment.PAPER: ("https://openapivts.koreainvestment.com:29443", "ws://ops.koreainvestment.com:31000"),
    Environment.LIVE: ("https://openapi.koreainvestment.com:9443", "ws://ops.koreainvestment.com:21000"),
}


class GatewaySettings(ServiceSettings):
    """`KIS_ENV=live` sends real orders: it demands the account's number a second time in KIS_LIVE_CONFIRM."""

    port: int = Field(8080, ge=1, le=65_535, description="HTTP port")

    kis_env: Environment = Field(Environment.MOCK, description="mock (the simulator), paper or live")
    kis_app_key: SecretStr = Field(min_length=1, description="36 characters")
    kis_app_secret: SecretStr = Field(min_length=1, description="180 characters")
    kis_account_no: str = Field(pattern=r"^\d{8}-\d{2}$", description="NNNNNNNN-NN")
    kis_hts_id: str | None = Field(None, description="login id; without it there are no fill notices, only polling")
    kis_live_confirm: str | None = Field(None, description="live only: the account's number again")
    kis_base_url: str = Field("", description="REST host; empty: that of the environment")
    kis_ws_url: str = Field("", description="WebSocket host; empty: that of the environment")

    operator_token: SecretStr | None = Field(
        None, validation_alias="JENNIE_OPERATOR_TOKEN", description="bearer token that corrects books and recovers"
    )
    jennie_encryption_key: SecretStr = Field(description="Fernet key that encrypts the broker's tokens in SQL")
    jennie_token_key: SecretStr = Field(min_length=16, description="key that signs and verifies strategies' tokens")

    kis_rest_per_sec: float = Field(0.0, ge=0, le=20, description="calls a second; 0: mock 19, live 17, paper 1/1.1")
    kis_ledger_per_sec: float = Field(5.0, gt=0, le=20, description="of these, orders and account queries a second")
    kis_timeout_secs: float = Field(5.0, gt=0, le=60, description="real seconds to wait for an answer")

    order_max_quantity: int = Field(10_000, gt=0, description="shares a buy")
    order_max_per_day: int = Field(200, gt=0, description="buys a day and strategy")
    capital_krw: int | None = Field(None, gt=0, description="notional limit where a strategy names no capital")

    account_daily_loss_limit_pct: float | None = Field(
        None, ge=0.1, le=50, description="loss of all strategies together, % of the account's assets at the open"
    )

    breaker_failures: int = Field(20, gt=0, description="unanswered calls in a row that open the breaker")
    breaker_open_secs: float = Field(60.0, gt=0, description="clock seconds it stays open")
    lease_secs: float = Field(5.0, ge=1, description="real seconds an owner may be silent before another takes over")
    poll_orders_secs: float = Field(3.0, gt=0, description="clock seconds between looks at open orders without notices")
    resolve_every_secs: float = Field(5.0, gt=0, description="clock seconds between listings for unresolved orders")
    state_folder: Path | None = Field(
        None, description="folder for what the exchange said and nobody could read; unset: that is counted only"
    )
    ws_silence_secs: float = Field(30.0, gt=0, description="real seconds without a frame that mean a dead session")
    ws_backoff_first_secs: float = Field(0.0, ge=0, description="real; 0: mock 0.5, else 60 (KIS blocks storms)")
    ws_backoff_most_secs: float = Field(0.0, ge=0, description="real seconds; 0: mock 5, else 600")

    @field_validator("jennie_encryption_key")
    @classmethod
    def _encrypts(cls, value: SecretStr) -> SecretStr:
        try:
            Fernet(value.get_secret_value())
        except ValueError:
            raise ValueError("must be 32 bytes in url-safe base64") from None
        return value

    @field_validator("kis_live_confirm")
    @classmethod
    def _no_blank(cls, value: str | None) -> str | None:
        return value or None

    @model_validator(mode="after")
    def _live_is_meant(self) -> Self:
        if self.kis_env is Environment.LIVE and self.kis_live_confirm != self.kis_account_no:
            raise ValueError("KIS_LIVE_CONFIRM must repeat KIS_ACCOUNT_NO: KIS_ENV=live sends real orders")
        return self

    @model_validator(mode="after")
    def _hosts_fit(self) -> Self:
        for name, host in (("KIS_BASE_URL", self.kis_base_url), ("KIS_WS_URL", self.kis_ws_url)):
            if self.kis_env is Environment.MOCK and "koreainvestment" in host:
                raise ValueError(f"{name} is the broker's own host: KIS_ENV=mock is for the simulator")
        return self

    @property
    def rest_per_sec(self) -> float:
        return self.kis_rest_per_sec or self.kis_env.rest_per_sec

    @property
    def secrets(self) -> tuple[str, ...]:
        """Return what must stand in no file, in each of the forms in which the exchange writes it."""
        account, _, product = self.kis_account_no.partition("-")
        key, secret = self.kis_app_key.get_secret_value(), self.kis_app_secret.get_secret_value()
        return (key, secret, self.kis_hts_id or "", self.kis_account_no, account + product, account)

    @property
    def ledger_per_sec(self) -> float:
        return min(self.kis_ledger_per_sec, self.rest_per_sec)

    @property
    def base_url(self) -> str:
        return self.kis_base_url or _HOSTS[self.kis_env][0]

    @property
    def ws_url(self) -> str:
        return self.kis_ws_url or _HOSTS[self.kis_env][1]

    @property
    def backoff_secs(self) -> tuple[float, float]:
        first, most = _BACKOFF_SECS[self.kis_env]
        return self.ws_backoff_first_secs or first, self.ws_backoff_most_secs or most
