"""Runtime overrides with who set them and when."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from prime_jennie.infra.database.tables.base import MYSQL_OPTIONS, Base
from prime_jennie.infra.database.types import UtcDateTime


class ConfigRow(Base):
    __tablename__ = "config"
    __table_args__ = (MYSQL_OPTIONS,)

    config_key: Mapped[str] = mapped_column(String(100), primary_key=True)
    config_value: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    updated_by: Mapped[str] = mapped_column(String(100))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
