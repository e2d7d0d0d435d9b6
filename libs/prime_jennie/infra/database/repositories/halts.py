"""Keep every halt as its own record: who stopped trading, why, and since when."""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from prime_jennie.domain.risk import WHOLE_ACCOUNT, Halt, HaltSource, HaltState, StandingHalt
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.events import Event, EventLevel, add_event
from prime_jennie.infra.database.tables.ownership import HaltRow
from prime_jennie.infra.database.upsert import affected, upsert

HALT_SET = "halt.set"


class HaltRepository:
    """Halts of a person or the risk engine; the spec's own halt lives in the configuration."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def set(self, account: str, strategy: str, halt: Halt) -> Halt:
        """Write the source's halt and return what it has in force then.

        Only what the same source set before is replaced, and never by something milder: to say less is to lift first.
        """
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

        def work(session: Session) -> Halt:
            before = session.get(HaltRow, (account, strategy, halt.source.value), with_for_update=True)
            if before is not None and HaltState(before.state).severity > halt.state.severity:
                return _halt(before)
            upsert(session, HaltRow, [row], keys=keys)
            if before is None or before.state != halt.state.value:
                add_event(session, _set(account, strategy, halt))
            return halt

        return await self._db.write(work)

    async def lift(self, account: str, strategy: str, source: HaltSource) -> bool:
        """Remove the source's halt where it was set; False when there is none."""

        def work(session: Session) -> bool:
            lifted = delete(HaltRow).where(
                HaltRow.account == account, HaltRow.strategy == strategy, HaltRow.source == source.value
            )
            return affected(session.execute(lifted)) == 1

        return await self._db.write(work)

    async def in_force(self, account: str, strategy: str) -> list[StandingHalt]:
        """Return the halts that bind a strategy: its own and those of the whole account."""
        return [_standing(row) for row in await self._rows(account, (strategy, WHOLE_ACCOUNT))]

    async def all(self, account: str) -> list[StandingHalt]:
        """Return every halt of the account and its strategies."""
        return [_standing(row) for row in await self._rows(account, None)]

    async def _rows(self, account: str, strategies: tuple[str, ...] | None) -> list[HaltRow]:
        query = select(HaltRow).where(HaltRow.account == account).order_by(HaltRow.strategy, HaltRow.source)
        if strategies is not None:
            query = query.where(HaltRow.strategy.in_(strategies))
        return await self._db.read(lambda session: list(session.execute(query).scalars()))


def _set(account: str, strategy: str, halt: Halt) -> Event:
    return Event(
        kind=HALT_SET,
        message=f"{halt.state.value} by {halt.source.value}: {halt.why}",
        service="halts",
        at=halt.at,
        account=account,
        strategy=strategy,
        level=EventLevel.WARN,
        who=halt.who,
    )


def _halt(row: HaltRow) -> Halt:
    return Halt(state=HaltState(row.state), source=HaltSource(row.source), who=row.who, why=row.why, at=row.at)


def _standing(row: HaltRow) -> StandingHalt:
    halt = _halt(row)
    return StandingHalt(
        strategy=row.strategy, state=halt.state, source=halt.source, who=halt.who, why=halt.why, at=halt.at
    )
