"""Describe every table, one file a group; importing this package fills `Base.metadata`."""

from prime_jennie.infra.database.tables import market, messages, ownership, portfolio, settings, trading
from prime_jennie.infra.database.tables.base import Base

__all__ = ["Base", "market", "messages", "ownership", "portfolio", "settings", "trading"]
