"""Describe every table, one file a group; importing this package fills `Base.metadata`."""

from prime_jennie.infra.database.tables import (
    journal,
    lifecycle,
    macro,
    market,
    messages,
    ownership,
    portfolio,
    research,
    scouting,
    settings,
    slots,
    trading,
)
from prime_jennie.infra.database.tables.base import Base

__all__ = [
    "Base",
    "journal",
    "lifecycle",
    "macro",
    "market",
    "messages",
    "ownership",
    "portfolio",
    "research",
    "scouting",
    "settings",
    "slots",
    "trading",
]
