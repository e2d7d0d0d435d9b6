"""The day's loss limit: once it is reached, buys are paused for the rest of the day (design §7)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

import structlog

from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.positions import PortfolioState
from prime_jennie.domain.risk import Halt, HaltSource, HaltState
from prime_jennie.domain.sessions import KST, kst_midnight
from prime_jennie.infra.database.repositories.halts import HaltRepository
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.database.repositories.trades import TradeLog
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow, TradeLogRow
from prime_jennie.infra.desk import Desk
from prime_jennie.strategy.capital import sizing_base_krw
from prime_jennie.strategy.pnl import day_loss_pct, day_profit_krw, loss_limit_is_breached

log = structlog.get_logger(__name__)


class DayLoss:
    """Measures before each purchase; the halt it writes is the risk engine's own, and ends with its day."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._account = desk.account.account_no
        self._halts = HaltRepository(desk.db)
        self._positions = PositionRepository(desk.db)
        self._prices = PriceRepository(desk.db)
        self._trades = TradeLog(desk.db)

    async def look(self) -> None:
        """Pause the strategy when the limit is reached, lift an earlier day's pause; an outage raises."""
        now = self._desk.clock.now()
        if await self._is_paused(now):
            return
        risk = self._desk.config.current.spec.risk
        if risk.daily_loss_limit_pct is None:
            return
        loss_pct = await self._loss_pct(now)
        if loss_limit_is_breached(loss_pct, risk.daily_loss_limit_pct):
            why = f"the day's loss of {loss_pct:.2f} % has reached risk.dailyLossLimitPct {risk.daily_loss_limit_pct:g}"
            halt = Halt(state=HaltState.PAUSED, source=HaltSource.RISK, who=self._desk.service, why=why, at=now)
            await self._halts.set(self._account, self._desk.strategy, halt)
            log.error("buys paused for the day", why=why)

    async def _is_paused(self, now: datetime) -> bool:
        today = now.astimezone(KST).date()
        halts = await self._halts.in_force(self._account, self._desk.strategy)
        risk = [halt for halt in halts if halt.source is HaltSource.RISK]
        if any(halt.at is not None and halt.at.astimezone(KST).date() < today for halt in risk):
            await self._halts.lift(self._account, self._desk.strategy, HaltSource.RISK)
            log.info("an earlier day's pause for its loss is over")
            return False
        return bool(risk)

    async def _loss_pct(self, now: datetime) -> float:
        midnight = kst_midnight(now)
        trades = await self._trades.trades(self._account, self._desk.strategy, since=midnight)
        rows = await self._positions.open_positions(self._account, self._desk.strategy)
        balance = await self._desk.gateway.balance()
        codes = sorted({row.stock_code for row in rows} | {trade.stock_code for trade in trades})
        daily = await self._prices.daily_of(codes, 1, before=midnight.date()) if codes else {}
        closes = {code: bars[-1].close_price for code, bars in daily.items()}
        profit_krw = profit_of_day_krw(rows, trades, closes, current_prices(balance))
        capital_krw = self._desk.config.current.spec.capital_krw
        base_krw = sizing_base_krw(capital_krw, balance.total_asset - profit_krw)
        return day_loss_pct(profit_krw, base_krw) if base_krw > 0 else 0.0


def current_prices(balance: PortfolioState) -> dict[str, int]:
    """Return what the broker says that a share is worth now."""
    return {held.stock_code: held.current_price for held in balance.positions if held.current_price}


def profit_of_day_krw(
    rows: Sequence[ActivePortfolioRow],
    trades: Sequence[TradeLogRow],
    closes_krw: Mapping[str, int],
    prices_krw: Mapping[str, int],
) -> int:
    """Return what positions and today's trades have earned since the previous closes, after fees and tax.

    A stock without a previous close counts from what was paid for it, one without a price now stands at its close.
    """
    held = {row.stock_code: row.quantity for row in rows}
    paid_krw = {row.stock_code: float(row.average_buy_price) for row in rows}
    at_open = Counter(held)
    for trade in trades:
        at_open[trade.stock_code] += trade.quantity if trade.trade_type == TradeType.SELL.value else -trade.quantity
        paid_krw.setdefault(trade.stock_code, float(trade.price))
    opened_at = {code: closes_krw.get(code, paid) for code, paid in paid_krw.items()}
    return day_profit_krw(
        opening_value_krw=round(sum(shares * opened_at[code] for code, shares in at_open.items())),
        value_krw=round(sum(shares * prices_krw.get(code, opened_at[code]) for code, shares in held.items())),
        bought_krw=sum(trade.total_amount for trade in trades if trade.trade_type == TradeType.BUY.value),
        sold_krw=sum(trade.total_amount for trade in trades if trade.trade_type == TradeType.SELL.value),
        fees_krw=sum(trade.commission_krw + trade.tax_krw for trade in trades),
    )
