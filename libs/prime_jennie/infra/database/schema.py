"""Which tables this code expects, and whether a database has them.

Only programs that migrate carry Alembic, so the newest revision stands here; a test holds the two equal.

A database that is further on will do as well. An upgrade migrates while the gateway and held strategies still run the
older code, until the exchange closes, and a rollback takes no table back: whoever starts anew in between must go on
selling. Migrations therefore only add, which a test demands of each.
"""

import re
from typing import Final

import structlog
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError, OperationalError, ProgrammingError
from sqlalchemy.orm import Session

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.outages import OUTAGES, Backoff

REVISION: Final = "0005"
"""The newest migration's, which this code reads and writes."""

_NUMBERED: Final = re.compile(r"[0-9]{4}")
_NO_SUCH_TABLE_MYSQL: Final = 1146
_LONGEST_REASON: Final = 200  # characters

log = structlog.get_logger(__name__)


class ExpectedSchema:
    """Waited for once, by whatever opens the database; what was found is never asked for again."""

    def __init__(self) -> None:
        self.missing = ""
        """What keeps the service from beginning, in plain words; "" before the first look and once all is there."""

    async def wait_in(self, db: Database) -> None:
        """Return once the database has the tables; one that does not answer is waited for, too."""
        backoff = Backoff()
        while True:
            try:
                missing = await db.read(missing_in)
            except OUTAGES as error:
                missing = str(error)[:_LONGEST_REASON]
            if not missing:
                break
            if missing != self.missing:
                log.warning("waiting for the schema", why=missing)
            self.missing = missing
            await backoff.pause()
        if self.missing:
            log.info("the schema is there")
        self.missing = ""


def missing_in(session: Session) -> str:
    """Say by one query what of the schema is missing; "" when nothing is."""
    found = revisions(session)
    if not found:
        return f"the database has no tables yet: revision {REVISION} is expected, and no migration has ended"
    if strange := [one for one in found if not _NUMBERED.fullmatch(one)]:
        return f"the database is at revision {strange[0]!r}, which is none of ours"
    newest = max(found)
    return "" if newest >= REVISION else f"the database is at revision {newest}, {REVISION} is expected"


def is_further(connection: Connection) -> bool:
    """Tell whether a newer release has migrated this database."""
    return any(_NUMBERED.fullmatch(one) and one > REVISION for one in revisions(connection))


def revisions(source: Session | Connection) -> list[str]:
    """Return where the database stands: none before the first migration, one afterwards."""
    try:
        return [str(one) for one in source.execute(text("SELECT version_num FROM alembic_version")).scalars()]
    except (OperationalError, ProgrammingError) as error:
        if _is_missing_table(error):
            return []
        raise


def _is_missing_table(error: DBAPIError) -> bool:
    told = error.orig.args if error.orig is not None else ()
    return bool(told) and (told[0] == _NO_SUCH_TABLE_MYSQL or str(told[0]).startswith("no such table"))
