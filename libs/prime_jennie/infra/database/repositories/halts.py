"""Keep every halt as its own record: who stopped trading, why, and since when."""

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from prime_jennie.domain.risk import Halt, HaltSource, HaltState
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.ownership import HaltRow
from prime_jennie.infra.database.upsert import affected, upsert

WHOLE_ACCOUNT = ""


class HaltRepository:
    """Halts of a person or the risk engine; the spec's own halt lives in the configuration."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def set(self, account: str, strategy: str, halt: Halt) -> None:
        """Write the source's halt, replacing only what the same source set before."""
        row = {
            "account": account,
            "strategy": strategy,
            "source": halt.source.value,
            "state": halt.state.value,
            "who": halt.who,
            "why": halt.why,
            "at": halt.at,
        }
        keys = ("account", "strategy", "source")
        await self._db.write(lambda session: upsert(session, HaltRow, [row], keys=keys))

    async def lift(self, account: str, strategy: str, source: HaltSource) -> bool:
        """Remove the source's halt where it was set; False when there is none."""

        def work(session: Session) -> bool:
            lifted = delete(HaltRow).where(
                HaltRow.account == account, HaltRow.strategy == strategy, HaltRow.source == source.value
            )
            return affected(session.execute(lifted)) == 1

        return await self._db.write(work)

    async def in_force(self, account: str, strategy: str) -> list[Halt]:
        """Return the halts that bind a strategy: its own and those of the whole account."""
        query = select(HaltRow).where(
            HaltRow.account == account, or_(HaltRow.strategy == strategy, HaltRow.strategy == WHOLE_ACCOUNT)
        )
        query = query.order_by(HaltRow.strategy, HaltRow.source)
        rows = await self._db.read(lambda session: list(session.execute(query).scalars()))
        return [_halt(row) for row in rows]


def _halt(row: HaltRow) -> Halt:
    return Halt(state=HaltState(row.state), source=HaltSource(row.source), who=row.who, why=row.why, at=row.at)
