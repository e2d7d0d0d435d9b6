"""Read booked sales order by order, however many executions each had."""

from collections.abc import Iterable

from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.sales import Sale
from prime_jennie.infra.database.tables.portfolio import TradeLogRow


def sales_of(trades: Iterable[TradeLogRow]) -> list[Sale]:
    """Return the sell orders among booked executions, in order of their first ones."""
    orders: dict[str, list[TradeLogRow]] = {}
    for trade in trades:
        if trade.trade_type == TradeType.SELL.value:
            orders.setdefault(trade.order_id, []).append(trade)
    return [_sale(executions) for executions in orders.values()]


def _sale(executions: list[TradeLogRow]) -> Sale:
    """Put a sale together; the cost of what was sold is what came in, less fees and tax, less the profit."""
    net_krw = sum(trade.total_amount - trade.commission_krw - trade.tax_krw for trade in executions)
    profit_krw = sum(trade.profit_amount or 0 for trade in executions)
    is_known = all(trade.profit_amount is not None for trade in executions)
    return Sale(
        stock_name=executions[-1].stock_name, cost_krw=net_krw - profit_krw if is_known else 0, profit_krw=profit_krw
    )
