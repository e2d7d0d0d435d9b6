"""Read booked sales order by order, however many executions each had."""

from datetime import datetime

from sqlalchemy import func, select

from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.sales import Sale
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.portfolio import TradeLogRow


class SalesQueries:
    """The sales of an account; only the bookkeeper adds to them."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def since(self, account: str, since: datetime, *, strategy: str | None = None) -> list[Sale]:
        """Return the sell orders with executions since then, in order of their orders' ids.

        The cost of what was sold is what came in, less fees and tax, less the profit.
        """
        proceeds = func.sum(TradeLogRow.total_amount - TradeLogRow.commission_krw - TradeLogRow.tax_krw)
        profit = func.sum(func.coalesce(TradeLogRow.profit_amount, 0))
        query = (
            select(proceeds, profit)
            .where(
                TradeLogRow.account == account,
                TradeLogRow.trade_type == TradeType.SELL.value,
                TradeLogRow.trade_timestamp >= since,
            )
            .group_by(TradeLogRow.order_id)
            .order_by(TradeLogRow.order_id)
        )
        if strategy is not None:
            query = query.where(TradeLogRow.strategy == strategy)
        rows = await self._db.read(lambda session: list(session.execute(query)))
        return [Sale(cost_krw=int(net) - int(profit), profit_krw=int(profit)) for net, profit in rows]
