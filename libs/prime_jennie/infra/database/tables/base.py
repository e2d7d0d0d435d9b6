"""Give all tables one metadata, one naming of constraints and a case-sensitive collation."""

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

# MariaDB's default collation calls the keys "a" and "A" equal; two orders must not share a row for that.
MYSQL_OPTIONS = {"mysql_engine": "InnoDB", "mysql_charset": "utf8mb4", "mysql_collate": "utf8mb4_bin"}


class Base(DeclarativeBase):
    """Collect the tables; named constraints let migrations find them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
