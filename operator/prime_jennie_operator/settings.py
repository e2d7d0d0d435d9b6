"""What the operator is configured with, read once from the environment when it starts."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from prime_jennie_operator.loading import CHART_VALUES


class OperatorSettings(BaseSettings):
    """Every variable of `python -m prime_jennie_operator`; an empty one counts as unset."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_ignore_empty=True, populate_by_name=True)

    host: str = Field("127.0.0.1", description="address to listen on; 0.0.0.0 in a pod")
    port: int = Field(8080, ge=0, le=65_535, description="HTTP port of /livez, /readyz and /metrics; 0: any free one")
    scope: Literal["namespace", "cluster"] = Field(
        "namespace", validation_alias="OPERATOR_SCOPE", description="whose objects to serve: one namespace's or all"
    )
    namespace: str = Field(
        "",
        validation_alias="OPERATOR_NAMESPACE",
        description="namespace to serve and of the lease; unset: the pod's own",
    )
    instance: str = Field(
        default_factory=socket.gethostname,
        min_length=1,
        max_length=200,
        validation_alias="OPERATOR_INSTANCE",
        description="this process's name in lease and events; unset: the host's, which is the pod's",
    )
    values_file: Path = Field(
        CHART_VALUES, validation_alias="OPERATOR_VALUES", description="the chart's values as installed (YAML)"
    )
    workers: int = Field(
        16,
        ge=1,
        le=256,
        validation_alias="OPERATOR_WORKERS",
        description="objects that are reconciled at the same time",
    )
    resync_secs: float = Field(
        300,
        ge=1,
        validation_alias="OPERATOR_RESYNC_SECS",
        description="seconds in which every object is looked at anew",
    )
    lease_name: str = Field(
        "prime-jennie-operator", validation_alias="OPERATOR_LEASE", description="name of the lease of the leader"
    )
    lease_duration_secs: float = Field(
        11,
        ge=1,
        validation_alias="OPERATOR_LEASE_SECS",
        description="seconds after which a silent leader is replaced; with two retries still within 15",
    )
    renew_deadline_secs: float = Field(
        7,
        gt=0,
        validation_alias="OPERATOR_RENEW_DEADLINE_SECS",
        description="seconds without a renewal after which a leader stops writing",
    )
    retry_period_secs: float = Field(
        1, gt=0, validation_alias="OPERATOR_RETRY_SECS", description="seconds between two looks at the lease"
    )
    request_secs: float = Field(
        3.5,
        gt=0,
        validation_alias="OPERATOR_REQUEST_SECS",
        description="seconds for one request; less than lease minus deadline, so that none outlives the lease",
    )
    watch_secs: float = Field(
        60, ge=1, validation_alias="OPERATOR_WATCH_SECS", description="seconds after which every watch is opened anew"
    )
    stale_watch_secs: float = Field(
        150,
        ge=2,
        validation_alias="OPERATOR_STALE_WATCH_SECS",
        description="seconds after which /livez fails when a watch was not opened anew; at least two of its lives",
    )
    redis_url: str | None = Field(None, description="Redis of the platform; unset: as the values say")
    database_url: SecretStr | None = Field(None, description="SQLAlchemy URL of the slots' ledger; unset: no ledger")
    dashboard_url: str | None = Field(None, description="base URL of dashboard-api; unset: as the values say")
    read_token: SecretStr | None = Field(
        None, validation_alias="JENNIE_READ_TOKEN", description="token with which dashboard-api is asked for figures"
    )
    clock_url: str | None = Field(
        None, validation_alias="JENNIE_CLOCK", description="Redis of a virtual clock's leader; unset: the real clock"
    )
    closures_file: Path | None = Field(
        None, validation_alias="JENNIE_CLOSURES", description="days of this installation without a session; unset: none"
    )
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR")
    log_json: bool = Field(True, description="one JSON object a line; false: readable console lines")
    stop_within_secs: float = Field(8.0, gt=0, description="seconds that a graceful stop may take")

    @model_validator(mode="after")
    def _times_fit_each_other(self) -> Self:
        spare_secs = self.lease_duration_secs - self.renew_deadline_secs
        if self.request_secs >= spare_secs:
            raise ValueError(
                f"OPERATOR_REQUEST_SECS ({self.request_secs:g}) must be less than lease minus renew deadline "
                f"({spare_secs:g}): a write that is under way must end before another may lead"
            )
        if self.retry_period_secs >= self.renew_deadline_secs:
            raise ValueError("OPERATOR_RETRY_SECS must be less than OPERATOR_RENEW_DEADLINE_SECS")
        if self.stale_watch_secs < 2 * self.watch_secs:
            raise ValueError("OPERATOR_STALE_WATCH_SECS must be at least twice OPERATOR_WATCH_SECS")
        return self
