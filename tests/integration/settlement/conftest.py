"""Fixtures of the settlement's tests."""

from tests.support.database import database_url, db, mariadb_db, mariadb_server, mariadb_url, sqlite_db, sqlite_url

__all__ = ["database_url", "db", "mariadb_db", "mariadb_server", "mariadb_url", "sqlite_db", "sqlite_url"]
