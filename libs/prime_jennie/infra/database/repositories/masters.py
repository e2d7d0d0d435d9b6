"""Know the listed stocks: names, boards, sectors, shares."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.symbols import Market, StockMaster
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.market import StockMasterRow
from prime_jennie.infra.database.upsert import upsert


@dataclass(frozen=True)
class ListedStock:
    """A master entry with what only the listing file knows: shares in issue and the KSIC wording."""

    master: StockMaster
    shares: int | None = None
    industry: str | None = None


class MasterRepository:
    """The stock master."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def upsert(self, stocks: Sequence[ListedStock], *, at: datetime) -> int:
        """Store the entries, overwriting those already there."""
        rows = [
            {
                **stock.master.model_dump(mode="json"),
                "shares": stock.shares,
                "industry": stock.industry,
                "updated_at": at,
            }
            for stock in stocks
        ]
        return await self._db.write(lambda session: upsert(session, StockMasterRow, rows, keys=("stock_code",)))

    async def find(self, stock_code: str) -> ListedStock | None:
        """Return one entry."""
        row = await self._db.read(lambda session: session.get(StockMasterRow, stock_code))
        return None if row is None else _listed(row)

    async def find_all(self, stock_codes: Sequence[str] | None = None) -> dict[str, ListedStock]:
        """Return the entries of the codes, or all; an unknown code is absent."""
        query = select(StockMasterRow).order_by(StockMasterRow.stock_code)
        if stock_codes is not None:
            query = query.where(StockMasterRow.stock_code.in_(stock_codes))

        def work(session: Session) -> dict[str, ListedStock]:
            return {row.stock_code: _listed(row) for row in session.execute(query).scalars()}

        return await self._db.read(work)

    async def names(self, stock_codes: Sequence[str]) -> dict[str, str]:
        """Return the names of the codes; an unknown code names itself."""
        found = await self.find_all(stock_codes)
        return {code: found[code].master.stock_name if code in found else code for code in stock_codes}

    async def count(self) -> int:
        """Count the entries."""
        return await self._db.read(
            lambda session: session.execute(select(func.count()).select_from(StockMasterRow)).scalar_one()
        )


def _listed(row: StockMasterRow) -> ListedStock:
    master = StockMaster(
        stock_code=row.stock_code,
        stock_name=row.stock_name,
        market=Market(row.market),
        market_cap=row.market_cap,
        sector_naver=row.sector_naver,
        sector_group=SectorGroup(row.sector_group) if row.sector_group else None,
        is_active=row.is_active,
    )
    return ListedStock(master, row.shares, row.industry)
