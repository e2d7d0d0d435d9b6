"""Name every Redis key once, and say whose it is."""

import re
from enum import Enum
from string import Formatter
from typing import Final

_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR

STRATEGY_NAME_PATTERN: Final = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$"
"""A DNS label: the name of a Kubernetes object, and a safe prefix of a key."""


class RedisKeys(str, Enum):  # noqa: UP042 - the seeds name it as a str Enum (system-architecture §3.3)
    """Every key, stream and channel, as written for a service started alone."""

    # Streams
    TICKS = "stream:ticks"
    BUY_SIGNALS = "stream:buy-signals"
    SELL_ORDERS = "stream:sell-orders"
    TRADE_NOTIFICATIONS = "stream:trade-notifications"
    ALERTS = "stream:alerts"
    NEWS_RAW = "stream:news:raw"

    # Shared state
    WATCHLIST_ACTIVE = "watchlist:active"
    WATCHLIST_MANUAL = "watchlist:manual"
    MACRO_INSIGHT = "macro:insight:{date}"
    MACRO_SNAPSHOT = "macro:data:snapshot:{date}"
    REGIME_CURRENT = "regime:current"
    SECTOR_BUDGET = "budget:sector:active"
    LLM_STATS = "llm:stats:{date}:{service}"
    RISK_STATE = "intraday:risk:state"
    RISK_RECOVERY_START = "intraday:risk:recovery_start"
    AI_PERFORMANCE = "ai:performance:latest"
    FACTOR_ANALYSIS = "factor:analysis:latest"
    ANALYST_FEEDBACK = "analyst:feedback:summary"
    NEWS_DEDUP = "dedup:news:{date}"
    ARCHIVE_DEDUP = "dedup:archive"
    BRIEFING_SENT = "briefing:sent:{date}"
    MUTE_UNTIL = "notification:mute_until"
    PRICE_ALERTS = "price_alerts"

    # Halts: bare for the whole account, prefixed for one strategy (Keyspace.own)
    TRADING_PAUSE = "emergency:trading_pause"
    FULL_STOP = "emergency:full_stop"
    EMERGENCY_STOP = "emergency:stop"
    """Alias of FULL_STOP."""

    # Locks carry the account
    BUY_LOCK = "lock:buy:{account}:{code}"
    SELL_LOCK = "lock:sell:{account}:{code}"

    # One strategy's gates, counts and position state
    STOPLOSS_COOLDOWN = "stoploss_cooldown:{code}"
    SELL_COOLDOWN = "sell_cooldown:{code}"
    BUY_COUNT = "buy_count:{date}"
    WATERMARK = "watermark:{code}"
    LIVE_POSITIONS = "monitoring:live_positions"
    PRICE_MONITOR = "monitoring:price_monitor"
    LIQUIDATION_STOCKS = "forced_liquidation:stocks"
    LIQUIDATION_ARMED = "forced_liquidation:armed"
    LIQUIDATION_KEPT = "forced_liquidation:kept"
    """There while Redis knows the list; absent after it was emptied."""
    CONFIG = "config"
    """Live configuration; a channel of the same name announces it."""
    CONFIG_ACK = "config:ack"
    """Hash service → generation."""

    # The broker's rate limit
    RATE_LIMIT = "limit:{account}:{bucket}"

    # The virtual clock (design §9)
    CLOCK_NOW = "clock:now"
    CLOCK_CHANNEL = "clock"
    CLOCK_HOLDS = "clock:holds"
    CLOCK_POSITIONS = "clock:positions"
    CLOCK_SESSION = "clock:session"

    @property
    def strategy_owned(self) -> bool:
        """Tell whether each strategy has one of its own."""
        return self in _STRATEGY_OWNED

    @property
    def ttl_secs(self) -> int | None:
        """Return how long the value means something; None for ever, or as long as its writer says."""
        return _TTL_SECS.get(self)

    @property
    def parameters(self) -> frozenset[str]:
        """Return the names to fill in."""
        return frozenset(name for _, name, _, _ in Formatter().parse(self.value) if name)


_STRATEGY_OWNED: Final = frozenset(
    {
        RedisKeys.BUY_SIGNALS,
        RedisKeys.SELL_ORDERS,
        RedisKeys.STOPLOSS_COOLDOWN,
        RedisKeys.SELL_COOLDOWN,
        RedisKeys.BUY_COUNT,
        RedisKeys.WATERMARK,
        RedisKeys.LIVE_POSITIONS,
        RedisKeys.PRICE_MONITOR,
        RedisKeys.LIQUIDATION_STOCKS,
        RedisKeys.LIQUIDATION_ARMED,
        RedisKeys.LIQUIDATION_KEPT,
        RedisKeys.CONFIG,
        RedisKeys.CONFIG_ACK,
    }
)

_TTL_SECS: Final = {
    RedisKeys.WATCHLIST_ACTIVE: _DAY,
    RedisKeys.MACRO_INSIGHT: _DAY,
    RedisKeys.MACRO_SNAPSHOT: 7 * _DAY,
    RedisKeys.REGIME_CURRENT: _HOUR,
    RedisKeys.SECTOR_BUDGET: _DAY,
    RedisKeys.RISK_STATE: _DAY,
    RedisKeys.RISK_RECOVERY_START: _DAY,
    RedisKeys.LLM_STATS: 90 * _DAY,
    RedisKeys.AI_PERFORMANCE: _DAY,
    RedisKeys.FACTOR_ANALYSIS: 7 * _DAY,
    RedisKeys.ANALYST_FEEDBACK: 7 * _DAY,
    RedisKeys.NEWS_DEDUP: 3 * _DAY,
    RedisKeys.ARCHIVE_DEDUP: 7 * _DAY,
    RedisKeys.BRIEFING_SENT: 2 * _DAY,
    RedisKeys.PRICE_ALERTS: 7 * _DAY,
    RedisKeys.BUY_LOCK: 180,
    RedisKeys.SELL_LOCK: 30,
    RedisKeys.BUY_COUNT: _DAY,
    RedisKeys.WATERMARK: 30 * _DAY,
}

_SAFE_VALUE: Final = re.compile(r"[0-9A-Za-z._-]+")


class Keyspace:
    """Write keys for one strategy, or bare ones for a service started alone."""

    def __init__(self, strategy: str | None = None) -> None:
        """Take the strategy's name; None or "" means bare keys."""
        if strategy and not re.fullmatch(STRATEGY_NAME_PATTERN, strategy):
            raise ValueError(f"strategy {strategy!r} is not a DNS label")
        self.strategy = strategy or None

    def of(self, key: RedisKeys, **params: object) -> str:
        """Return the key, under the strategy's name where each strategy has its own."""
        return self.own(key, **params) if key.strategy_owned else _filled(key, params)

    def own(self, key: RedisKeys, **params: object) -> str:
        """Return the strategy's own variant even of a shared key, e.g. its `emergency:trading_pause`."""
        name = _filled(key, params)
        return name if self.strategy is None else f"{self.strategy}:{name}"


def _filled(key: RedisKeys, params: dict[str, object]) -> str:
    if params.keys() != key.parameters:
        raise ValueError(f"{key.value} takes {sorted(key.parameters)}, not {sorted(params)}")
    for name, value in params.items():
        # A colon or a brace in a value would name somebody else's key.
        if not _SAFE_VALUE.fullmatch(str(value)):
            raise ValueError(f"{key.value}: {name}={value!r} is not fit for a key")
    return key.value.format(**params)
