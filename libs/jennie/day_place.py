"""Where a day was lived, for whoever asks about it afterwards: processes here, or pods of a cluster."""

from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import SecretStr


@dataclass(frozen=True)
class DayPlace:
    """Addresses as they are reached from here; `services` are base URLs of those that tell their health."""

    database_url: str
    control_url: str
    gateway_url: str
    gateway_token: SecretStr
    account: str
    services: Mapping[str, str]
    chosen: frozenset[str]
    """Stocks that the strategies' own YAML lists."""
