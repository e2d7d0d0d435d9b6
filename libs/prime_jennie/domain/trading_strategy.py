"""Describe a TradingStrategy's live configuration: every spec field that acts without a restart (design §4).

The descriptions become the CRD's documentation, the CEL rules its validations; the validators say the same offline.
"""

from datetime import UTC, datetime
from enum import StrEnum
from typing import ClassVar, Final, Self

from pydantic import Field, field_validator, model_validator

from prime_jennie.domain.exits import ExitsSpec as ExitsSpec
from prime_jennie.domain.model import Timestamp
from prime_jennie.domain.risk import HaltState
from prime_jennie.domain.signals import SignalType
from prime_jennie.domain.spec import CelRule as CelRule
from prime_jennie.domain.spec import Count, Day, DnsLabel, Flag, ParameterName, Pct, Spec
from prime_jennie.domain.symbols import Exclusion as Exclusion
from prime_jennie.domain.symbols import StockCode

MAX_SYMBOLS: Final = 40
_MINUTES_OF_A_SESSION: Final = 390
_BEFORE_ALL: Final = datetime.min.replace(tzinfo=UTC)


class TradedMarket(StrEnum):
    """Which exchange a strategy follows."""

    KRX = "KRX"
    US = "US"


class TradingMode(StrEnum):
    """Whether the money is real."""

    PAPER = "paper"
    LIVE = "live"


class Rollout(StrEnum):
    """When a trading pod may be replaced."""

    IMMEDIATE = "Immediate"
    OUTSIDE_SESSION = "OutsideSession"


class WatchlistSource(StrEnum):
    """Who chooses the stocks."""

    SCOUT = "scout"
    STATIC = "static"


class WatchlistSymbol(Spec):
    """One stock chosen by hand."""

    code: StockCode = Field(
        description="Stock code, six of 0-9 and A-Z. Write it in quotes: YAML reads 000660 as the number 432.",
    )
    since: Day | None = Field(
        default=None,
        description="First day on the list (KST), from which age rules count. Default: one session ago.",
    )

    @field_validator("code", mode="before")
    @classmethod
    def _quoted(cls, code: object) -> object:
        if isinstance(code, int):
            raise ValueError("must be a text in quotes: YAML reads codes such as 000660 as numbers")
        return code


class WatchlistSpec(Spec):
    """Which stocks may be bought."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "self.source != 'static' || (has(self.symbols) && size(self.symbols) > 0)",
            "watchlist.symbols must name at least one stock when watchlist.source is static",
        ),
        CelRule(
            "!has(self.symbols) || size(self.symbols) <= self.maxSize",
            "watchlist.symbols must not name more stocks than watchlist.maxSize",
        ),
        CelRule(
            "!has(self.symbols) || self.symbols.all(a, self.symbols.exists_one(b, a.code == b.code))",
            "watchlist.symbols must name each code once",
        ),
    )

    source: WatchlistSource = Field(
        default=WatchlistSource.SCOUT,
        description="scout: what scout-job finds, joined by symbols. static: symbols alone.",
    )
    symbols: tuple[WatchlistSymbol, ...] = Field(
        default=(),
        max_length=MAX_SYMBOLS,
        description="Stocks chosen by hand; they join at scores 50/50, TIER2 and NEUTRAL. Default: none.",
    )
    max_size: Count = Field(
        default=20,
        ge=1,
        le=MAX_SYMBOLS,
        description="Stocks on the list at most. Default 20, the rulebook's; 40 because a KIS session takes about 41 "
        "registrations and fill notices need one.",
    )
    exclude: tuple[Exclusion, ...] = Field(
        default=tuple(Exclusion),
        max_length=len(Exclusion),
        description="Kinds of stocks the scout leaves out; a symbol listed by hand is its author's own choice. "
        "Default: all kinds.",
    )

    @model_validator(mode="after")
    def _symbols_fit(self) -> Self:
        static_without_symbols, too_many, twice = (rule.message for rule in self.CEL_RULES)
        if self.source is WatchlistSource.STATIC and not self.symbols:
            raise ValueError(static_without_symbols)
        if len(self.symbols) > self.max_size:
            raise ValueError(too_many)
        if len({symbol.code for symbol in self.symbols}) != len(self.symbols):
            raise ValueError(twice)
        return self


class EntrySpec(Spec):
    """One entry strategy."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule("self.name != 'MANUAL'", "entries[].name must be a strategy; MANUAL signals come from a person"),
    )

    name: SignalType = Field(description="The strategy's name, e.g. GOLDEN_CROSS.")
    enabled: Flag = Field(default=True, description="Whether it may signal. Default true: who lists it wants it.")
    parameters: dict[ParameterName, Pct] = Field(
        default={},
        max_length=20,
        description="Thresholds that differ from the rulebook's; names and units are the strategy's. Default: none.",
    )

    @model_validator(mode="after")
    def _a_strategy(self) -> Self:
        if self.name is SignalType.MANUAL:
            raise ValueError(self.CEL_RULES[0].message)
        return self


class RiskSpec(Spec):
    """What may be lost. Where the regime's table is stricter, the table wins."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "self.maxPositionPct <= self.maxSectorPct",
            "risk.maxPositionPct must not exceed risk.maxSectorPct: one stock is part of its sector",
        ),
        CelRule(
            "self.maxPositionPct + self.cashFloorPct <= 100.0",
            "risk.maxPositionPct and risk.cashFloorPct must leave room within 100 %",
        ),
        CelRule(
            "self.cashFloorPct == 0.0 || self.cashFloorPct >= 1.0",
            "risk.cashFloorPct is in percent: 0 or at least 1",
        ),
    )

    max_positions: Count = Field(
        default=10, ge=1, le=MAX_SYMBOLS, description="Stocks held at once. Default 10, the rulebook's."
    )
    max_buys_per_day: Count = Field(
        default=6,
        ge=0,
        le=200,
        description="Buys filled a session; 0 buys nothing. Default 6, the rulebook's; 200 is the gateway's backstop.",
    )
    max_position_pct: Pct = Field(
        default=12,
        ge=1,
        le=100,
        description="One stock's value as % of capital. Default 12, the rulebook's weight cap.",
    )
    max_sector_pct: Pct = Field(
        default=30, ge=1, le=100, description="One sector's value as % of capital. Default 30, the rulebook's."
    )
    cash_floor_pct: Pct = Field(
        default=10,
        ge=0,
        le=99,
        description="Cash that stays after a buy as % of capital. Default 10; bear regimes keep more.",
    )
    risk_per_trade_pct: Pct = Field(
        default=1, ge=0.1, le=5, description="Loss at a stop of two ATR as % of capital. Default 1, the rulebook's."
    )
    daily_loss_limit_pct: Pct | None = Field(
        default=None,
        ge=0.1,
        le=50,
        description="Loss since the open (realised and unrealised, after fees and tax) as % of capital that pauses "
        "buys for the day. Default: none in paper mode; live mode demands one.",
    )
    max_orders_per_minute: Count = Field(
        default=30,
        ge=1,
        le=300,
        description="Orders a minute of clock time before the risk engine pauses buys. Default 30: far above a "
        "normal day, well below the broker's limit.",
    )

    @model_validator(mode="after")
    def _limits_nest(self) -> Self:
        position_in_sector, room_for_cash, percent = (rule.message for rule in self.CEL_RULES)
        if self.max_position_pct > self.max_sector_pct:
            raise ValueError(position_in_sector)
        if self.max_position_pct + self.cash_floor_pct > 100:
            raise ValueError(room_for_cash)
        if 0 < self.cash_floor_pct < 1:
            raise ValueError(percent)
        return self


class SessionSpec(Spec):
    """When entries are allowed, as offsets from the session's ends, so that half days and late opens work."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            f"self.entriesFromOpenMinutes + self.entriesToCloseMinutes < {_MINUTES_OF_A_SESSION}",
            "session.entriesFromOpenMinutes and session.entriesToCloseMinutes leave no time in 390 minutes",
        ),
    )

    entries_from_open_minutes: Count = Field(
        default=15,
        ge=0,
        le=_MINUTES_OF_A_SESSION,
        description="Minutes after the open before the first entry. Default 15: the first prices overshoot.",
    )
    entries_to_close_minutes: Count = Field(
        default=30,
        ge=0,
        le=_MINUTES_OF_A_SESSION,
        description="Minutes before the close after the last entry. Default 30: no fresh position into the auction.",
    )
    flatten_at_close: Flag = Field(
        default=False,
        description="Whether everything is sold before the closing auction. Default false: holdings stay overnight.",
    )

    @model_validator(mode="after")
    def _window_is_open(self) -> Self:
        if self.entries_from_open_minutes + self.entries_to_close_minutes >= _MINUTES_OF_A_SESSION:
            raise ValueError(self.CEL_RULES[0].message)
        return self


class SecretRef(Spec):
    """A Secret of the strategy's namespace."""

    name: DnsLabel = Field(description="The Secret's name.")


class AccountSpec(Spec):
    """Whose money is used."""

    secret_ref: SecretRef | None = Field(
        default=None,
        description="The gateway's own Secret; compared, never mounted. Default: none; live mode demands it.",
    )


class GatewaySpec(Spec):
    """Through which gateway, and with how much of its rate."""

    name: DnsLabel = Field(default="kis-gateway", description="The gateway's service. Default: the chart's only one.")
    requests_per_second: Pct | None = Field(
        default=None,
        ge=0.01,
        le=20,
        description="Share of the broker's limit that is asked for, requests a second. Default: a quarter of what the "
        "gateway may send, whatever the environment; three such strategies fit beside the platform's own share.",
    )


class StrategyConfig(Spec):
    """Everything of a TradingStrategy's spec but its services."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "self.mode != 'live' || self.market == 'KRX'",
            "mode live is refused for market US: it gives signals only",
        ),
        CelRule(
            "self.mode != 'live' || (has(self.account) && has(self.account.secretRef))",
            "account.secretRef is required in mode live",
        ),
        CelRule("self.mode != 'live' || has(self.capitalKrw)", "capitalKrw is required in mode live"),
        CelRule(
            "self.mode != 'live' || (has(self.risk) && has(self.risk.dailyLossLimitPct))",
            "risk.dailyLossLimitPct is required in mode live",
        ),
        CelRule(
            "!has(self.entries) || self.entries.all(a, self.entries.exists_one(b, a.name == b.name))",
            "entries must name each strategy once",
        ),
        CelRule("self.market == oldSelf.market", "market is immutable: create another strategy instead"),
    )

    market: TradedMarket = Field(
        default=TradedMarket.KRX,
        description="Exchange to follow; immutable. US gives signals only. Default KRX, the broker's home.",
    )
    mode: TradingMode = Field(
        default=TradingMode.PAPER,
        description="paper: simulator or the broker's paper account. live: real money. Default paper: money is opt-in.",
    )
    trading: HaltState = Field(
        default=HaltState.ACTIVE,
        description="Active trades. Paused buys nothing, exits go on. Stopped also stops automatic exits. "
        "Default Active: a strategy is created to trade.",
    )
    capital_krw: Count | None = Field(
        default=None,
        ge=1_000_000,
        le=1_000_000_000_000,
        description="Money this strategy may use, KRW; limits in % are shares of it. Default: the account's; "
        "live mode demands it.",
    )
    account: AccountSpec = Field(default_factory=AccountSpec, description="Whose money is used.")
    gateway: GatewaySpec = Field(default_factory=GatewaySpec, description="The way to the broker.")
    watchlist: WatchlistSpec = Field(default_factory=WatchlistSpec, description="Which stocks may be bought.")
    entries: tuple[EntrySpec, ...] = Field(
        default=(),
        max_length=len(SignalType),
        description="Entry strategies; the rulebook decides the order in which they are tried. "
        "Default: the rulebook's own set; RSI_REBOUND, WATCHLIST_CONVICTION and ORB_BREAKOUT run only where listed.",
    )
    risk: RiskSpec = Field(default_factory=RiskSpec, description="What may be lost.")
    exits: ExitsSpec = Field(default_factory=ExitsSpec, description="When a holding is sold.")
    session: SessionSpec = Field(default_factory=SessionSpec, description="When entries are allowed.")
    rollout: Rollout = Field(
        default=Rollout.OUTSIDE_SESSION,
        description="When new images, resources or Secrets reach trading pods. Default OutsideSession: "
        "nobody restarts a trader who holds an order.",
    )

    @model_validator(mode="after")
    def _live_is_complete(self) -> Self:
        us_live, secret, capital, loss_limit, once, _ = (rule.message for rule in StrategyConfig.CEL_RULES)
        if self.mode is TradingMode.LIVE:
            if self.market is not TradedMarket.KRX:
                raise ValueError(us_live)
            if self.account.secret_ref is None:
                raise ValueError(secret)
            if self.capital_krw is None:
                raise ValueError(capital)
            if self.risk.daily_loss_limit_pct is None:
                raise ValueError(loss_limit)
        if len({entry.name for entry in self.entries}) != len(self.entries):
            raise ValueError(once)
        return self

    def refuse_change_from(self, old: "StrategyConfig") -> None:
        """Raise ValueError when a change touches what must stay."""
        if self.market is not old.market:
            raise ValueError(StrategyConfig.CEL_RULES[-1].message)


class LiveConfig(Spec):
    """A strategy's configuration with its generation: the content of the mounted file and of the Redis key."""

    name: DnsLabel = Field(description="The strategy's name: the prefix of its keys.")
    namespace: DnsLabel = Field(default="default", description="Its namespace.")
    created_at: Timestamp | None = Field(
        default=None,
        description="When the cluster created the strategy: one that is created again begins at generation 1 and wins.",
    )
    generation: Count = Field(ge=1, description="The highest generation wins.")
    spec: StrategyConfig = Field(description="The configuration.")

    @property
    def age(self) -> tuple[datetime, int]:
        """Return what orders configurations of one strategy; the greatest is in force."""
        return self.created_at or _BEFORE_ALL, self.generation
