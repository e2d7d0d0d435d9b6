"""Connect every stream to its model, who writes it and who reads it."""

from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from pydantic import BaseModel

from prime_jennie.domain.alerts import Alert
from prime_jennie.domain.keys import Keyspace, RedisKeys
from prime_jennie.domain.market import TickBatch
from prime_jennie.domain.news import NewsArticle
from prime_jennie.domain.positions import TradeNotification
from prime_jennie.domain.signals import BuySignal, SellOrder

MessageT = TypeVar("MessageT", bound=BaseModel)

SCHEMA_VERSION: Final = "1"
"""Value of an entry's `version` field; an entry without one is of version 1, any other goes to the dead letters."""
DEAD_LETTER_SUFFIX: Final = ":dead"


@dataclass(frozen=True, slots=True)
class Topic(Generic[MessageT]):
    """One stream: what flows, from whom, to whom."""

    stream: RedisKeys
    model: type[MessageT]
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    groups: tuple[str, ...] = ()
    """Empty where readers follow from now on without a group."""
    strategy_owned: bool = False
    maxlen: int = 100_000

    @property
    def group(self) -> str:
        """Return the only consumer group; raise ValueError where there is none or a choice."""
        if len(self.groups) != 1:
            raise ValueError(f"{self.stream.value} has {len(self.groups)} groups")
        return self.groups[0]

    def stream_for(self, keyspace: Keyspace) -> str:
        """Return the stream's key for one strategy."""
        return keyspace.of(self.stream)

    def dead_letters_for(self, keyspace: Keyspace) -> str:
        """Return the key of the stream that keeps what could not be read."""
        return self.stream_for(keyspace) + DEAD_LETTER_SUFFIX


TICKS: Final = Topic(
    RedisKeys.TICKS,
    TickBatch,
    producers=("kis-gateway",),
    consumers=("buy-scanner", "price-monitor"),
    # An entry is a whole frame of up to some forty ticks: ten thousand are a few hours and a few ten MB.
    maxlen=10_000,
)
BUY_SIGNALS: Final = Topic(
    RedisKeys.BUY_SIGNALS,
    BuySignal,
    producers=("buy-scanner", "command-handler"),
    consumers=("buy-executor",),
    groups=("group:buy-executor",),
    strategy_owned=True,
)
SELL_ORDERS: Final = Topic(
    RedisKeys.SELL_ORDERS,
    SellOrder,
    producers=("price-monitor", "command-handler"),
    consumers=("sell-executor",),
    groups=("group:sell-executor",),
    strategy_owned=True,
)
TRADE_NOTIFICATIONS: Final = Topic(
    RedisKeys.TRADE_NOTIFICATIONS,
    TradeNotification,
    producers=("buy-executor", "sell-executor"),
    consumers=("command-handler",),
    groups=("group:command-handler",),
)
ALERTS: Final = Topic(
    RedisKeys.ALERTS,
    Alert,
    producers=("kis-gateway", "buy-executor", "sell-executor", "price-monitor", "data-collector", "macro-council"),
    consumers=("command-handler",),
    groups=("group:command-handler",),
    maxlen=10_000,
)
NEWS_RAW: Final = Topic(
    RedisKeys.NEWS_RAW,
    NewsArticle,
    producers=("data-collector",),
    consumers=("data-collector",),
    groups=("group_analyzer", "group_archiver"),
    maxlen=10_000,
)

TOPICS: Final = (TICKS, BUY_SIGNALS, SELL_ORDERS, TRADE_NOTIFICATIONS, ALERTS, NEWS_RAW)
