"""One-minute bars out of ticks: immutable bars, and the small mutable aggregator that makes them (rulebook §4).

A minute without a trade has no bar: quiet minutes and halts leave gaps and nothing is invented. A bar is complete when
its stock's first tick of a later minute arrives.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from prime_jennie.domain.market import MinutePrice, Tick

BARS_KEPT = 60
FIRST_BARS_KEPT = 30
VOLUME_BASE_BARS = 20
VOLUME_BASE_MIN_BARS = 5
MINUTE = timedelta(minutes=1)

_MINUTE_SECS = 60
_DAY_MINUTES = 24 * 60
_KST_OFFSET_MINUTES = 9 * 60  # Korea has had no daylight saving since 1988


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute of trading; prices in KRW, volume in shares, `opens_at` aware UTC on the minute."""

    opens_at: datetime
    open_price: int
    high_price: int
    low_price: int
    close_price: int
    volume: int

    @property
    def closes_at(self) -> datetime:
        """Return the first instant that no longer belongs to the bar."""
        return self.opens_at + MINUTE

    @property
    def body_krw(self) -> int:
        """Return the distance between open and close."""
        return abs(self.close_price - self.open_price)

    @property
    def upper_shadow_krw(self) -> int:
        """Return the distance from the body's top to the high."""
        return self.high_price - max(self.open_price, self.close_price)


def bar_of(minute: MinutePrice) -> Bar:
    """Turn a recorded minute into a bar."""
    opens_at = _minute_start(_minute_of(minute.price_datetime))
    return Bar(opens_at, minute.open_price, minute.high_price, minute.low_price, minute.close_price, minute.volume)


def volume_ratio(bars: tuple[Bar, ...]) -> float | None:
    """Return the last completed bar's volume ÷ the mean volume of the up to 20 bars before it.

    None below 5 prior bars, or when those traded nothing.
    """
    prior = bars[-VOLUME_BASE_BARS - 1 : -1]
    base = sum(bar.volume for bar in prior)
    if len(prior) < VOLUME_BASE_MIN_BARS or base == 0:
        return None
    return bars[-1].volume * len(prior) / base


class BarAggregator:
    """Builds one stock's bars and session VWAP from its ticks; everything it hands out is immutable.

    A tick counts once: the exchange's cumulative volume must have grown, so repeated and overtaken ticks are dropped,
    as are ticks of a minute whose bar is complete and ticks without a trade. Volume missed while disconnected is not
    added, for it would look like a burst. A new KST day starts afresh: bars, cumulative volume and VWAP.
    """

    __slots__ = (
        "_bars",
        "_close",
        "_cumulative",
        "_day",
        "_first_bars",
        "_high",
        "_low",
        "_minute",
        "_minute_ends",
        "_minute_starts",
        "_open",
        "_snapshot",
        "_turnover_krw",
        "_volume",
        "_volume_day",
        "dropped",
    )

    def __init__(self) -> None:
        self.dropped = 0
        self._reset(day=-1)

    def _reset(self, day: int) -> None:
        self._day = day
        self._bars: deque[Bar] = deque(maxlen=BARS_KEPT)
        self._first_bars: tuple[Bar, ...] = ()
        self._snapshot: tuple[Bar, ...] | None = ()
        self._cumulative = 0
        self._turnover_krw = 0
        self._volume_day = 0
        self._minute = -1
        self._minute_starts = self._minute_ends = datetime.min.replace(tzinfo=UTC)
        self._open = self._high = self._low = self._close = self._volume = 0

    @property
    def bars(self) -> tuple[Bar, ...]:
        """Return the completed bars of the session, oldest first, 60 at most."""
        if self._snapshot is None:
            self._snapshot = tuple(self._bars)
        return self._snapshot

    @property
    def first_bars(self) -> tuple[Bar, ...]:
        """Return the earliest completed bars of the session that are known, oldest first, 30 at most."""
        return self._first_bars

    @property
    def vwap(self) -> float | None:
        """Return Σ price × volume ÷ Σ volume of the session so far, the running bar included."""
        return self._turnover_krw / self._volume_day if self._volume_day else None

    def add(self, tick: Tick) -> Bar | None:
        """Take one tick and return the bar that it completes, if any."""
        at, price, volume = tick.at, tick.price, tick.volume
        if self._minute_starts <= at < self._minute_ends:
            if volume <= 0 or tick.cumulative_volume <= self._cumulative:
                self.dropped += 1
                return None
            if price > self._high:
                self._high = price
            elif price < self._low:
                self._low = price
            self._close = price
            self._volume += volume
            completed = None
        else:
            minute = _minute_of(at)
            day = (minute + _KST_OFFSET_MINUTES) // _DAY_MINUTES
            if volume <= 0 or day < self._day or (day == self._day and self._is_stale(minute, tick.cumulative_volume)):
                self.dropped += 1
                return None
            if day != self._day:
                self._reset(day)
            completed = self._complete()
            self._start(minute, price, volume)
        self._cumulative = tick.cumulative_volume
        self._turnover_krw += price * volume
        self._volume_day += volume
        return completed

    def backfill(self, history: Iterable[Bar]) -> None:
        """Put recorded bars of the session before what the ticks have built, as after a restart.

        Only bars with a trade and older than everything built count; each adds its volume at (high + low + close) ÷ 3
        to the VWAP, which is an approximation. Without a tick so far, the newest bar's day becomes the session, and a
        minute that was still running when it was recorded stays as recorded.
        """
        traded = {bar.opens_at: bar for bar in history if bar.volume > 0}
        recorded = sorted(traded.values(), key=lambda bar: bar.opens_at)
        if not recorded:
            return
        if self._day < 0:
            self._reset(_day_of(recorded[-1].opens_at))
        known = self.bars
        first = known[0].opens_at if known else self._minute_starts if self._minute >= 0 else None
        older = [
            bar for bar in recorded if _day_of(bar.opens_at) == self._day and (first is None or bar.opens_at < first)
        ]
        self._bars = deque((*older, *known), maxlen=BARS_KEPT)
        self._first_bars = (*older, *self._first_bars)[:FIRST_BARS_KEPT]
        self._snapshot = None
        for bar in older:
            self._turnover_krw += round((bar.high_price + bar.low_price + bar.close_price) / 3 * bar.volume)
            self._volume_day += bar.volume

    def _is_stale(self, minute: int, cumulative_volume: int) -> bool:
        if cumulative_volume <= self._cumulative or minute < self._minute:
            return True
        return bool(self._bars) and minute <= _minute_of(self._bars[-1].opens_at)

    def _complete(self) -> Bar | None:
        if self._minute < 0:
            return None
        completed = Bar(self._minute_starts, self._open, self._high, self._low, self._close, self._volume)
        self._bars.append(completed)
        if len(self._first_bars) < FIRST_BARS_KEPT:
            self._first_bars = (*self._first_bars, completed)
        self._snapshot = None
        return completed

    def _start(self, minute: int, price: int, volume: int) -> None:
        self._minute = minute
        self._minute_starts = _minute_start(minute)
        self._minute_ends = self._minute_starts + MINUTE
        self._open = self._high = self._low = self._close = price
        self._volume = volume


def _minute_of(at: datetime) -> int:
    return int(at.timestamp() // _MINUTE_SECS)


def _minute_start(minute: int) -> datetime:
    return datetime.fromtimestamp(minute * _MINUTE_SECS, UTC)


def _day_of(at: datetime) -> int:
    return (_minute_of(at) + _KST_OFFSET_MINUTES) // _DAY_MINUTES
