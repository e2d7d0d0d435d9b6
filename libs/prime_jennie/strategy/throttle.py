"""The intraday throttle: tighter at once when the market falls, looser one step at a time (rulebook §7.4)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType

from prime_jennie.domain.macro import RiskLevel, ThrottleState
from prime_jennie.domain.market import MarketRegime


@dataclass(frozen=True, slots=True)
class ThrottleRule:
    """What puts the market on a level and what the level does; `factor` 0 means no buys."""

    kospi_pct: float
    vix: float | None
    factor: float
    regime_floor: MarketRegime | None
    wait: timedelta
    """How long the market must read better before the level gives one step."""


RULES: Mapping[RiskLevel, ThrottleRule] = MappingProxyType(
    {
        RiskLevel.CAUTION: ThrottleRule(-1, 30, 0.8, None, timedelta(minutes=5)),
        RiskLevel.WARNING: ThrottleRule(-2, 35, 0.6, MarketRegime.BEAR, timedelta(minutes=10)),
        RiskLevel.DANGER: ThrottleRule(-3, 40, 0.3, MarketRegime.BEAR, timedelta(minutes=20)),
        RiskLevel.CRITICAL: ThrottleRule(-4, None, 0.0, MarketRegime.STRONG_BEAR, timedelta(minutes=30)),
    }
)

BLIND_LEVELS: Mapping[int, RiskLevel] = MappingProxyType({3: RiskLevel.CAUTION, 6: RiskLevel.WARNING})
"""Slots in a row without an index quote (a quarter of an hour, half an hour) count as a market on that level."""


def level_of(kospi_change_pct: float | None, vix: float | None) -> RiskLevel:
    """Return the worst level that the index's day or the VIX is on; a figure that is unknown speaks for none."""
    worst = RiskLevel.NORMAL
    for level, rule in RULES.items():
        fell = kospi_change_pct is not None and kospi_change_pct <= rule.kospi_pct
        feared = vix is not None and rule.vix is not None and vix >= rule.vix
        if fell or feared:
            worst = level
    return worst


def carried(state: ThrottleState | None, day: date, council_at: datetime | None) -> RiskLevel:
    """Return the level a day begins with: CAUTION after a bad day until a council has spoken, its own level later."""
    if state is None:
        return RiskLevel.NORMAL
    if state.day == day:
        return state.level
    return RiskLevel.NORMAL if _council_spoke(state, council_at) else min(state.level, RiskLevel.CAUTION, key=_severity)


def throttled(
    state: ThrottleState | None,
    *,
    at: datetime,
    day: date,
    kospi_change_pct: float | None,
    vix: float | None,
    council_at: datetime | None,
) -> ThrottleState:
    """Judge one slot.

    An unknown index loosens nothing: its wait starts anew with the first quote, and a blind quarter of an hour
    tightens (BLIND_LEVELS), a known VIX at once. Judging the same slot again changes nothing but the count of misses.
    """
    now = _opened(state, at, day, council_at)
    if kospi_change_pct is None:
        misses = now.misses + 1
        blind = [level for after, level in BLIND_LEVELS.items() if misses >= after]
        market = max([level_of(None, vix), *blind], key=_severity)
        now = now.model_copy(update={"misses": misses, "kospi_change_pct": None, "vix": vix, "recovery_start": None})
        return _on(now, market, raised_at=at) if market.severity > now.level.severity else now
    market = level_of(kospi_change_pct, vix)
    now = now.model_copy(update={"misses": 0, "kospi_change_pct": kospi_change_pct, "vix": vix})
    if market.severity > now.level.severity:
        return _on(now, market, raised_at=at)
    if market is now.level:
        return now.model_copy(update={"recovery_start": None})
    return _recovering(now, market, council_at)


def _opened(state: ThrottleState | None, at: datetime, day: date, council_at: datetime | None) -> ThrottleState:
    if state is not None and state.day == day:
        return state.model_copy(update={"at": at})
    level = carried(state, day, council_at)
    fresh = ThrottleState(day=day, at=at)
    if state is None or level is state.level:
        return fresh if state is None else fresh.model_copy(update={"level": level, "raised_at": state.raised_at})
    return fresh.model_copy(
        update={"level": level, "previous_level": state.level, "changed_at": at, "raised_at": state.raised_at}
    )


def _recovering(now: ThrottleState, market: RiskLevel, council_at: datetime | None) -> ThrottleState:
    since = now.recovery_start
    if since is None:
        return now.model_copy(update={"recovery_start": now.at})
    ends_caution = now.level is RiskLevel.CAUTION
    if now.at - since < RULES[now.level].wait or (ends_caution and not _council_spoke(now, council_at)):
        return now
    better = list(RiskLevel)[now.level.severity - 1]
    return _on(now, better, recovery_start=now.at if market.severity < better.severity else None)


def _on(
    now: ThrottleState,
    level: RiskLevel,
    *,
    raised_at: datetime | None = None,
    recovery_start: datetime | None = None,
) -> ThrottleState:
    return now.model_copy(
        update={
            "level": level,
            "previous_level": now.level,
            "changed_at": now.at,
            "raised_at": raised_at or now.raised_at,
            "recovery_start": recovery_start,
        }
    )


def _council_spoke(state: ThrottleState, council_at: datetime | None) -> bool:
    """Say whether a council has spoken since the throttle last worsened."""
    return state.raised_at is None or (council_at is not None and council_at > state.raised_at)


def _severity(level: RiskLevel) -> int:
    return level.severity
