"""Close a strategy's day: what each position earned, and the day in a few figures (rulebook §13.1)."""

from datetime import date

from pydantic import Field, JsonValue

from prime_jennie.domain.model import Record, Timestamp
from prime_jennie.domain.money import Amount, Krw, Ratio
from prime_jennie.domain.symbols import StockCode


class SettledPosition(Record):
    """One stock that is held at the end of the day or was traded on it; money in KRW.

    `current_price` and `unrealized_pnl` are None where no price is known: nothing is invented, and `metadata` says why.
    """

    symbol: StockCode
    qty: Amount
    avg_price: float = Field(ge=0, allow_inf_nan=False)
    current_price: Amount | None
    timestamp: Timestamp
    realized_pnl: Krw
    """Of the day's sales, after commission and tax."""
    unrealized_pnl: Krw | None
    """What selling all of it at this price would earn, after commission and tax."""
    total_pnl: Krw
    metadata: dict[str, JsonValue] = Field(default_factory=dict)


class DaySummary(Record):
    """The day's closed sales in figures; a sale is one order, however many executions it took."""

    total_trades: int = Field(ge=0)
    winning_trades: int = Field(ge=0)
    losing_trades: int = Field(ge=0)
    gross_profit: Amount
    gross_loss: Amount
    """As an absolute."""
    net_pnl: Krw
    unrealized_pnl: Krw
    max_drawdown: Ratio
    win_rate: Ratio
    profit_factor: float = Field(ge=0, le=999.99, allow_inf_nan=False)


class Settlement(Record):
    """A strategy's day; the totals leave out what has no price, and `missing_prices` names it."""

    positions: tuple[SettledPosition, ...]
    realized_pnl: Krw
    unrealized_pnl: Krw
    total_pnl: Krw
    stock_value: Amount
    """Of the positions with a price."""
    invested: Amount
    """What the held shares cost, their buy commission included."""
    realized_to_date: Krw
    """Of all sales ever."""
    missing_prices: tuple[StockCode, ...] = ()
    summary: DaySummary


class DailySettlementEvent(Record):
    """Told once per account, strategy and day."""

    account: str = Field(min_length=1)
    strategy: str
    trade_date: date
    settles_on: date
    """When the day's trades are paid: two sessions later."""
    realized_pnl: Krw
    unrealized_pnl: Krw
    total_pnl: Krw
    positions: int = Field(ge=0)
    missing_prices: tuple[StockCode, ...] = ()
    summary: DaySummary
    settled_at: Timestamp
