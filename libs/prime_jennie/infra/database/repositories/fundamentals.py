"""Store valuation figures as the broker tells them, and know whose are the oldest."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.research import StockFundamentalRow
from prime_jennie.infra.database.upsert import upsert


@dataclass(frozen=True)
class Valuation:
    """One stock's figures of a day; `market_cap` in KRW, None where the broker gives none."""

    stock_code: str
    per: float | None
    pbr: float | None
    market_cap: int | None


class FundamentalRepository:
    """Figures by stock and day; a ROE from elsewhere stays as it is."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def write(self, day: date, valuations: Sequence[Valuation], *, at: datetime) -> int:
        """Store figures of a day and return how many stocks were written."""
        rows = [
            {
                "stock_code": one.stock_code,
                "trade_date": day,
                "per": one.per,
                "pbr": one.pbr,
                "market_cap": one.market_cap,
                "updated_at": at,
            }
            for one in valuations
        ]
        keys = ("stock_code", "trade_date")
        return await self._db.write(lambda session: upsert(session, StockFundamentalRow, rows, keys=keys))

    async def stalest(self, stock_codes: Sequence[str], count: int) -> list[str]:
        """Return the stocks whose figures are the oldest, those without any first."""
        if not count:
            return []
        row = StockFundamentalRow
        query = select(row.stock_code, func.max(row.trade_date)).group_by(row.stock_code)
        newest = await self._db.read(lambda session: {found[0]: found[1] for found in session.execute(query)})
        return sorted(stock_codes, key=lambda code: (newest.get(code, date.min), code))[:count]
