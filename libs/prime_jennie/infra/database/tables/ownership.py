"""Who may trade: halts, the gateway's lease, and the broker's tokens (encrypted)."""

from datetime import datetime

from sqlalchemy import BigInteger, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from prime_jennie.infra.database.tables.base import MYSQL_OPTIONS, Base
from prime_jennie.infra.database.types import UtcDateTime


class HaltRow(Base):
    """A stop set by a person or the risk engine; strategy '' means the whole account."""

    __tablename__ = "halts"
    __table_args__ = (MYSQL_OPTIONS,)

    account: Mapped[str] = mapped_column(String(32), primary_key=True)
    strategy: Mapped[str] = mapped_column(String(63), primary_key=True)
    source: Mapped[str] = mapped_column(String(10), primary_key=True)
    state: Mapped[str] = mapped_column(String(10))
    who: Mapped[str] = mapped_column(String(100))
    why: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class GatewayLeaseRow(Base):
    """The one owner of an app key; the epoch grows with every change of owner."""

    __tablename__ = "gateway_leases"
    __table_args__ = (MYSQL_OPTIONS,)

    name: Mapped[str] = mapped_column(String(128), primary_key=True)
    owner: Mapped[str] = mapped_column(String(128))
    epoch: Mapped[int] = mapped_column(BigInteger)
    acquired_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class BrokerTokenRow(Base):
    """A token of the broker, encrypted; the app key appears as a hash only."""

    __tablename__ = "broker_tokens"
    __table_args__ = (MYSQL_OPTIONS,)

    app_key_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    kind: Mapped[str] = mapped_column(String(10), primary_key=True)
    secret: Mapped[str] = mapped_column(Text)
    issued_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
