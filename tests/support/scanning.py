"""Builders for scanner tests: a plain trading day, bars from closes, a view that every gate lets pass."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from prime_jennie.domain.macro import TradingContext, VixRegime
from prime_jennie.domain.market import MarketRegime, Tick
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.sessions import KST, Session
from prime_jennie.domain.signals import SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.domain.trading_strategy import SessionSpec
from prime_jennie.domain.watchlist import WatchlistEntry
from prime_jennie.strategy.bars import Bar
from prime_jennie.strategy.gates import GateFacts, GateInput
from prime_jennie.strategy.scan_view import ScanView

DAY = date(2026, 2, 19)
OPEN = datetime(2026, 2, 19, 9, 0, tzinfo=KST)
SESSION = Session(day=DAY, opens_at=OPEN, closes_at=OPEN.replace(hour=15, minute=30))
EXAM_DAY_SESSION = Session(
    day=date(2026, 11, 19),
    opens_at=datetime(2026, 11, 19, 10, 0, tzinfo=KST),
    closes_at=datetime(2026, 11, 19, 16, 30, tzinfo=KST),
)


def at(clock: str, day: date = DAY) -> datetime:
    """Return a KST moment of the day, from HH:MM or HH:MM:SS."""
    return datetime.combine(day, datetime.strptime(clock, "%H:%M:%S" if clock.count(":") == 2 else "%H:%M").time(), KST)  # noqa: DTZ007


def entry(**changes: Any) -> WatchlistEntry:
    """Return a tradable stock of the watchlist."""
    given: dict[str, Any] = {
        "stock_code": "005930",
        "stock_name": "삼성전자",
        "llm_score": 70.0,
        "hybrid_score": 72.0,
        "rank": 1,
        "is_tradable": True,
        "trade_tier": TradeTier.TIER1,
    }
    return WatchlistEntry(**{**given, **changes})


def bar(
    open_price: int,
    close_price: int,
    *,
    high: int | None = None,
    low: int | None = None,
    volume: int = 100,
    opens_at: datetime = OPEN,
) -> Bar:
    """Return one bar; high and low are the body's ends unless told."""
    return Bar(
        opens_at=opens_at,
        open_price=open_price,
        high_price=max(open_price, close_price) if high is None else high,
        low_price=min(open_price, close_price) if low is None else low,
        close_price=close_price,
        volume=volume,
    )


def bars_of(
    closes: Sequence[int], *, volumes: Sequence[int] | None = None, ends: datetime | None = None
) -> tuple[Bar, ...]:
    """Return bars of consecutive minutes, each opening at the close before it; the last one ends at `ends`."""
    end = ends or at("10:00")
    first = end - timedelta(minutes=len(closes))
    opens = [closes[0], *closes[:-1]] if closes else []
    return tuple(
        bar(opened, closed, volume=volumes[number] if volumes else 100, opens_at=first + timedelta(minutes=number))
        for number, (opened, closed) in enumerate(zip(opens, closes, strict=True))
    )


def view(bars: Sequence[Bar] | None = None, **changes: Any) -> ScanView:
    """Return a view of a calm stock at 10:00 that no gate minds."""
    made = tuple(bars) if bars is not None else bars_of([10_000] * 25)
    given: dict[str, Any] = {
        "entry": entry(),
        "age_sessions": 1,
        "bars": made,
        "price": made[-1].close_price if made else 10_000,
        "at": at("10:00"),
        "regime": MarketRegime.BULL,
        "vwap": 10_000.0,
        "volume_ratio": 1.0,
        "rsi": 50.0,
    }
    return ScanView(**{**given, **changes})


def context(**changes: Any) -> TradingContext:
    """Return a bull market's context with nothing to fear."""
    given: dict[str, Any] = {
        "date": DAY,
        "market_regime": MarketRegime.BULL,
        "position_multiplier": 1.0,
        "stop_loss_multiplier": 1.0,
        "vix_regime": VixRegime.NORMAL,
        "risk_off_level": 0,
    }
    return TradingContext(**{**given, **changes})


def facts(**changes: Any) -> GateFacts:
    """Return facts that every gate lets pass."""
    given: dict[str, Any] = {
        "session": SESSION,
        "window": SessionSpec(),
        "context": context(),
        "halt": HaltState.ACTIVE,
        "stop_loss_cooldown": False,
        "sell_cooldown": False,
        "last_signal_at": None,
    }
    return GateFacts(**{**given, **changes})


def gate_input(
    signal_type: SignalType = SignalType.GOLDEN_CROSS, *, seen: ScanView | None = None, **changes: Any
) -> GateInput:
    """Return a match before the gates; `changes` are facts."""
    return GateInput(seen or view(), signal_type, facts(**changes))


def tick(clock: str, price: int, volume: int, cumulative: int, *, day: date = DAY, code: str = "005930") -> Tick:
    """Return one trade at a KST time of the day."""
    return Tick(
        stock_code=code,
        price=price,
        volume=volume,
        cumulative_volume=cumulative,
        ask=price + 10,
        bid=price,
        high=price,
        at=at(clock, day),
    )
