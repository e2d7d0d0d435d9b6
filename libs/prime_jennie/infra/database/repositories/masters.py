"""Know the listed stocks: names, boards, sectors, shares."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, func, select, update
from sqlalchemy.orm import Session

from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.symbols import Market, StockMaster
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.market import StockMasterRow
from prime_jennie.infra.database.upsert import affected, upsert


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

    async def active_codes(self) -> list[str]:
        """Return the codes of the stocks that are listed, in order."""
        query = select(StockMasterRow.stock_code).where(StockMasterRow.is_active.is_(True))
        query = query.order_by(StockMasterRow.stock_code)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    async def shares(self) -> dict[str, int]:
        """Return the shares in issue of every stock of which they are known."""
        query = select(StockMasterRow.stock_code, StockMasterRow.shares).where(StockMasterRow.shares > 0)
        return await self._db.read(
            lambda session: {code: shares for code, shares in session.execute(query) if shares is not None}
        )

    async def set_market_caps(self, caps_krw: Mapping[str, int], *, at: datetime) -> int:
        """Write market caps and leave everything else as it is; return how many were written."""
        one = update(StockMasterRow).where(StockMasterRow.stock_code == bindparam("code"))
        one = one.values(market_cap=bindparam("cap"), updated_at=at)
        rows = [{"code": code, "cap": cap} for code, cap in caps_krw.items()]

        def work(session: Session) -> int:
            # On the connection: the session would take this for a bulk update and demand that every row exists.
            return affected(session.connection().execute(one, rows))

        return await self._db.write(work) if rows else 0

    async def names(self, stock_codes: Sequence[str]) -> dict[str, str]:
        """Return the names of the codes; an unknown code names itself."""
        found = await self.find_all(stock_codes)
        return {code: found[code].master.stock_name if code in found else code for code in stock_codes}

    async def matching(self, text: str, *, limit: int) -> list[StockMaster]:
        """Return the active stocks in whose names a text occurs, blanks and case aside, the shortest name first."""
        folded = func.lower(func.replace(StockMasterRow.stock_name, " ", ""))
        query = (
            select(StockMasterRow)
            .where(StockMasterRow.is_active, folded.contains(text.replace(" ", "").lower(), autoescape=True))
            .order_by(func.length(StockMasterRow.stock_name), StockMasterRow.stock_code)
            .limit(limit)
        )
        return await self._db.read(lambda session: [_listed(row).master for row in session.execute(query).scalars()])

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
