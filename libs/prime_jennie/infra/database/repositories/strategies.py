"""Remember what every strategy was told: one row a configuration, generation and day."""

from datetime import date, datetime
from enum import StrEnum

from pydantic import JsonValue
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.lifecycle import StrategyParamsRow, StrategyRow
from prime_jennie.infra.database.upsert import insert_new, upsert


class ParamsStatus(StrEnum):
    """Whether a configuration is the one a strategy works by."""

    ACTIVE = "ACTIVE"
    INACTIVE = "INACTIVE"


class StrategyRepository:
    """The strategies of an account and what they worked by."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def acknowledged(
        self, account: str, strategy: str, *, day: date, version: int, params: JsonValue, by: str, at: datetime
    ) -> bool:
        """Write that a configuration is in force; False when this generation was written that day already."""
        row = {
            "account": account,
            "strategy": strategy,
            "trade_date": day,
            "version": version,
            "params": params,
            "status": ParamsStatus.ACTIVE.value,
            "acknowledged_by": by,
            "created_at": at,
        }

        def work(session: Session) -> bool:
            known = session.get(StrategyRow, (account, strategy))
            values = {
                "account": account,
                "strategy": strategy,
                "status": ParamsStatus.ACTIVE.value,
                "created_at": at if known is None else known.created_at,
                "updated_at": at,
            }
            upsert(session, StrategyRow, [values], keys=("account", "strategy"))
            if not insert_new(session, StrategyParamsRow, row):
                return False
            own = (StrategyParamsRow.account == account, StrategyParamsRow.strategy == strategy)
            newest = (StrategyParamsRow.trade_date == day) & (StrategyParamsRow.version == version)
            older = update(StrategyParamsRow).where(*own, ~newest, StrategyParamsRow.status == ParamsStatus.ACTIVE)
            session.execute(older.values(status=ParamsStatus.INACTIVE.value))
            return True

        return await self._db.write(work)

    async def names(self, account: str) -> list[str]:
        """Return every strategy that was ever acknowledged on the account."""
        query = select(StrategyRow.strategy).where(StrategyRow.account == account).order_by(StrategyRow.strategy)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    async def params(self, account: str, strategy: str, *, limit: int = 20) -> list[StrategyParamsRow]:
        """Return what a strategy worked by, the newest first."""
        query = (
            select(StrategyParamsRow)
            .where(StrategyParamsRow.account == account, StrategyParamsRow.strategy == strategy)
            .order_by(StrategyParamsRow.trade_date.desc(), StrategyParamsRow.version.desc())
            .limit(limit)
        )
        return await self._db.read(lambda session: list(session.execute(query).scalars()))
