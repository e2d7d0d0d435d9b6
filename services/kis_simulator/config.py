"""What the exchange is started with: the flags of jennie-sim, each also an environment variable."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Literal

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _env(name: str, flag: str) -> AliasChoices:
    """Accept a shared environment variable beside the flag's own name."""
    return AliasChoices(flag, name)


class SimulatorSettings(BaseSettings):
    """One exchange; limits are the provider's, not ours.

    Environment names are JENNIE_SIM_ and the field's name; JENNIE_DATA, JENNIE_CLOCK and DATABASE_URL are shared.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", env_prefix="JENNIE_SIM_", env_ignore_empty=True, populate_by_name=True
    )

    host: str = Field("127.0.0.1", description="address of all three ports; plain HTTP and ws")
    port: int = Field(9443, ge=0, le=65_535, description="REST; 0 takes a free port")
    ws_port: int = Field(21_000, ge=0, le=65_535, description="WebSocket; 0 takes a free port")
    control_port: int = Field(9444, ge=0, le=65_535, description="control API; 0 takes a free port")
    env: Literal["live", "paper"] = Field("live", description="which TR ids are answered")
    layout: Literal["2025", "20260914"] = Field(
        "20260914", description="WebSocket records: 46 and 23 fields until 2026-09-13, 47 and 26 since"
    )
    rest_per_s: int = Field(20, ge=1, description="REST calls in any second of the clock by app key")
    ledger_per_s: int = Field(6, ge=1, description="account and order calls in any second of the clock by app key")
    token_per_min: int = Field(1, ge=1, description="token requests a minute by app key")
    ws_registrations: int = Field(41, ge=1, description="registrations of one WebSocket session")
    ping_every_secs: float = Field(10.0, gt=0, description="real seconds between PINGPONG messages")
    pong_within_secs: float = Field(
        30.0, gt=0, description="real seconds without a sign of life before a session is cut"
    )
    day: date | None = Field(
        None, description="trading day; unset: the journal's, else the last one of the data, or of the calendar so far"
    )
    at: time = Field(time(8, 30), description="KST at which the day starts")
    until: time | None = Field(None, description="KST at which the day ends; unset: five minutes after the close")
    rate: float | None = Field(None, gt=0, description="most seconds of the clock in a real second")
    tick_secs: int = Field(2, ge=1, le=60, description="clock seconds between prints of one stock")
    seed: int = Field(20_260_914, ge=0, description="of made paths, made markets and faults")
    cash: int = Field(50_000_000, gt=0, le=10**15, description="KRW of an account on first use")
    data: Path | None = Field(
        None,
        validation_alias=_env("JENNIE_DATA", "data"),
        description="folder with krx-daily and stock-master (.parquet or .csv)",
    )
    database_url: str = Field(
        "sqlite:///.jennie/prices.sqlite",
        validation_alias=_env("DATABASE_URL", "database_url"),
        description="where `jennie data import` put prices",
    )
    journal: Path | None = Field(None, description="ledger's file; a second start with it resumes its day")
    clock_url: str | None = Field(
        None,
        validation_alias=_env("JENNIE_CLOCK", "clock_url"),
        description="Redis in which this exchange leads the clock; unset: own clock",
    )
    closures: Path | None = Field(
        None,
        validation_alias=_env("JENNIE_CLOSURES", "closures"),
        description="days on which the exchange stays closed beyond our table (CSV); unset: none",
    )
    log_level: str = Field("WARNING", description="DEBUG, INFO, WARNING or ERROR")
    log_json: bool = Field(True, description="one JSON object a line; false: readable console lines")
