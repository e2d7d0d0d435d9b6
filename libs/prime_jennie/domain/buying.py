"""What decides whether a strategy buys, and each reason why it does not, in no language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from prime_jennie.domain.lifecycle import BuyBlock
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.risk import StandingHalt
from prime_jennie.domain.sessions import Session
from prime_jennie.domain.trading_strategy import LiveConfig


@dataclass(frozen=True, slots=True)
class BuyingFacts:
    """What is known of a strategy and its market at a moment; None where it is absent or was not to be had."""

    at: datetime
    live: LiveConfig | None
    session: Session | None
    context: TradingContext | None
    last_tick_at: datetime | None
    listed: int | None
    """Stocks on the watchlist."""
    positions: int | None
    buys_today: int | None
    max_buys: int | None
    """A person's cap."""
    is_dry_run: bool
    halts: Sequence[StandingHalt] = ()
    blocks: Sequence[BuyBlock] = ()
    """What the gateway holds buys back for, this strategy's and everybody's."""
    silent: Sequence[str] = ()
    """Stores and services that did not answer."""
    unwell: Mapping[str, str] = field(default_factory=dict)
    """Services that answer but are not healthy, with what they say."""


class ReasonCode(StrEnum):
    """Each kind of reason."""

    SILENT = "silent"
    UNWELL = "unwell"
    HALT = "halt"
    NO_CONFIG = "no_config"
    BLOCK = "block"
    REGIME_UNKNOWN = "regime_unknown"
    THROTTLED = "throttled"
    RISK_OFF = "risk_off"
    VIX_CRISIS = "vix_crisis"
    LIST_EMPTY = "list_empty"
    LIST_UNKNOWN = "list_unknown"
    NO_SESSION = "no_session"
    BEFORE_OPEN = "before_open"
    AFTER_CLOSE = "after_close"
    OUTSIDE_HOURS = "outside_hours"
    DANGER_ZONE = "danger_zone"
    NO_TICK = "no_tick"
    TICKS_STALE = "ticks_stale"
    BUYS_USED = "buys_used"
    POSITIONS_FULL = "positions_full"
    DRY_RUN = "dry_run"

    @property
    def stops_the_scanner_alone(self) -> bool:
        """Tell whether a person may still buy."""
        return self in (ReasonCode.RISK_OFF, ReasonCode.VIX_CRISIS, ReasonCode.DANGER_ZONE)


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that keeps a strategy from buying; `figures` are what its words are filled with."""

    code: ReasonCode
    figures: Mapping[str, str | int] = field(default_factory=dict)
    halt: StandingHalt | None = None
    block: BuyBlock | None = None
