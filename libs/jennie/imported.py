"""What a person has imported, asked without a reader of files in memory."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.migrate import migrate
from prime_jennie.infra.database.repositories.configs import IMPORT_KEY_PREFIX
from prime_jennie.infra.database.tables.market import StockDailyPriceRow
from prime_jennie.infra.database.tables.settings import ConfigRow


def last_imported_day(database_url: str) -> date | None:
    """Return the last day of imported prices, None where nothing was imported."""
    db = Database(database_url)
    try:
        if db.is_sqlite and not Path(str(db.url.database)).is_file():
            return None
        migrate(database_url)
        return db.read_now(_last_day)
    finally:
        db.close_now()


def _last_day(session: Session) -> date | None:
    imports = select(func.count()).where(ConfigRow.config_key.startswith(IMPORT_KEY_PREFIX))
    if not session.execute(imports).scalar_one():
        return None
    return session.execute(select(func.max(StockDailyPriceRow.price_date))).scalar_one()
