"""One watched position: what is held, what its daily bars say, how high it has been."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from prime_jennie.domain.market import DailyPrice
from prime_jennie.domain.positions import Position
from prime_jennie.domain.sessions import KST, holding_days
from prime_jennie.infra.database.repositories.positions import as_position
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow
from prime_jennie.strategy.basis import UNKNOWN_BASIS, Basis
from prime_jennie.strategy.exit_view import ExitView, raised_watermark_krw
from prime_jennie.strategy.indicators import atr, rsi_wilder
from prime_jennie.strategy.trend import death_cross, macd_warning, traded_days


@dataclass(frozen=True, slots=True)
class DailyReading:
    """What a stock's stored daily bars say; ATR in KRW."""

    closes: tuple[int, ...] = ()
    atr_krw: float | None = None
    death_cross: bool = False
    macd_warning: bool = False

    def rsi_at(self, price_krw: int) -> float | None:
        """Return RSI14 with the present price as today's provisional close."""
        return rsi_wilder((*self.closes, price_krw))


def read_daily(daily: list[DailyPrice]) -> DailyReading:
    """Read stored candles, oldest first, today's not among them."""
    traded = traded_days(daily)
    return DailyReading(
        closes=tuple(bar.close_price for bar in traded),
        atr_krw=atr(
            [bar.high_price for bar in traded],
            [bar.low_price for bar in traded],
            [bar.close_price for bar in traded],
        ),
        death_cross=death_cross(daily),
        macd_warning=macd_warning(daily),
    )


@dataclass(frozen=True, slots=True)
class Watch:
    """A position under watch; replaced, never changed."""

    row: ActivePortfolioRow
    high_krw: int
    daily: DailyReading = DailyReading()
    basis: Basis = UNKNOWN_BASIS
    last_price_krw: int | None = None
    pending_until: datetime | None = None
    """A sale was asked for: nothing more is asked until it is booked, or this long."""
    pending_forced: bool = False
    """That sale was a forced liquidation."""

    @property
    def code(self) -> str:
        """Return the stock that is held."""
        return self.row.stock_code

    def with_row(self, row: ActivePortfolioRow) -> "Watch":
        """Take a newer row: another life starts afresh, a changed holding is free to be judged again.

        Indicators and last price are the stock's, not the position's: they stay.
        """
        if row.position_id != self.row.position_id:
            return replace(new_watch(row, None), daily=self.daily, last_price_krw=self.last_price_krw)
        changed = row.quantity != self.row.quantity
        return replace(self, row=row, pending_until=None if changed else self.pending_until)

    def with_price(self, price_krw: int) -> "Watch":
        """Take a price in, and raise the watermark with it."""
        return replace(self, last_price_krw=price_krw, high_krw=raised_watermark_krw(self.high_krw, price_krw))

    def with_daily(self, daily: DailyReading, basis: Basis) -> "Watch":
        """Take fresh readings of the stored bars."""
        return replace(self, daily=daily, basis=basis)

    def doubt(self, base_krw: int | None, at: datetime) -> str:
        """Say why today's prices say nothing of this purchase; "" where they do."""
        return self.basis.doubt(float(self.row.average_buy_price), base_krw, at.astimezone(KST).date())

    def is_pending(self, at: datetime) -> bool:
        """Say whether a sale that was asked for may still be on its way."""
        return self.pending_until is not None and at < self.pending_until

    def pend(self, at: datetime, secs: float, *, forced: bool = False) -> "Watch":
        """Wait for the sale that was just asked for."""
        return replace(self, pending_until=at + timedelta(seconds=secs), pending_forced=forced)

    def view(self, price_krw: int, at: datetime, *, liquidation_armed: bool, flatten_due: bool) -> ExitView:
        """Return what the exit rules see at a price."""
        return ExitView(
            stock_code=self.code,
            price_krw=price_krw,
            buy_price_krw=float(self.row.average_buy_price),
            quantity=self.row.quantity,
            high_watermark_krw=self.high_krw,
            holding_days=holding_days(self.row.bought_at, at),
            atr_krw=self.daily.atr_krw,
            rsi=self.daily.rsi_at(price_krw),
            macd_warning=self.daily.macd_warning,
            death_cross=self.daily.death_cross,
            scale_out_level=self.row.scale_out_level,
            rsi_sold=self.row.rsi_sold,
            liquidation_armed=liquidation_armed,
            flatten_due=flatten_due,
        )

    def position(self) -> Position:
        """Return the position at its last price."""
        return as_position(self.row, current_price=self.last_price_krw)


def new_watch(row: ActivePortfolioRow, remembered_high_krw: int | None) -> Watch:
    """Start watching a position at the best price that row and cache remember, its purchase price at least."""
    start = round(float(row.average_buy_price))
    return Watch(row, max(start, row.high_watermark or 0, remembered_high_krw or 0))
