"""Ask how the sectors did: the mean 20-session return of their stocks."""

from datetime import date

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.market import StockDailyPriceRow, StockMasterRow

SESSIONS = 20


class SectorMomentumRepository:
    """Sums up `stock_daily_price` in the database: nothing of a stock comes over the wire."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def before(self, day: date) -> list[tuple[SectorGroup, float, int]]:
        """Return each sector's mean return in percent and its stocks, of the sessions before a day, by label.

        A stock counts that traded on the newest of these days and was there 20 sessions earlier. Empty where the bars
        reach less far back.
        """

        def work(session: Session) -> list[tuple[SectorGroup, float, int]]:
            days = _days(session, day)
            if len(days) <= SESSIONS:
                return []
            now, then = aliased(StockDailyPriceRow), aliased(StockDailyPriceRow)
            gain_pct = (now.close_price - then.close_price) * 100.0 / then.close_price
            query = (
                select(StockMasterRow.sector_group, func.avg(gain_pct), func.count())
                .select_from(now)
                .join(then, (then.stock_code == now.stock_code) & (then.price_date == days[-1]))
                .join(StockMasterRow, StockMasterRow.stock_code == now.stock_code)
                .where(
                    now.price_date == days[0],
                    now.volume > 0,
                    then.close_price > 0,
                    StockMasterRow.sector_group.is_not(None),
                )
                .group_by(StockMasterRow.sector_group)
                .order_by(StockMasterRow.sector_group)
            )
            return [
                (SectorGroup(name), round(float(mean), 4), int(count)) for name, mean, count in session.execute(query)
            ]

        return await self._db.read(work)


def _days(session: Session, day: date) -> list[date]:
    """Return the newest days with bars before a day, the newest first, one more than the sessions wanted."""
    bars = StockDailyPriceRow
    query = select(bars.price_date).where(bars.price_date < day).distinct().order_by(bars.price_date.desc())
    return list(session.execute(query.limit(SESSIONS + 1)).scalars())
