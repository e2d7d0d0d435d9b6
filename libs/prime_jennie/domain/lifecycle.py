"""Say where an account's day stands, step by step, and why buys may be held back (rulebook §13.1)."""

from datetime import date
from enum import StrEnum
from typing import Final

from pydantic import Field, JsonValue

from prime_jennie.domain.model import Record, Timestamp


class MarketState(StrEnum):
    """The house's day; buys are possible only in READY and TRADING."""

    OFFLINE = "OFFLINE"
    INITIALIZING = "INITIALIZING"
    READY = "READY"
    TRADING = "TRADING"
    CLOSING = "CLOSING"
    CLOSED = "CLOSED"
    STOPPED = "STOPPED"
    """Database, broker or authentication was lost; a successful recovery leads out of it."""

    @property
    def allows_buys(self) -> bool:
        """Tell whether buys may be sent; sales are never a matter of this state."""
        return self in (MarketState.READY, MarketState.TRADING)

    def can_become(self, other: "MarketState") -> bool:
        """Tell whether the day allows this step."""
        return other in _NEXT_STATE[self]


_NEXT_STATE: Final[dict[MarketState, frozenset[MarketState]]] = {
    MarketState.OFFLINE: frozenset({MarketState.INITIALIZING, MarketState.STOPPED}),
    MarketState.INITIALIZING: frozenset({MarketState.READY, MarketState.STOPPED}),
    MarketState.READY: frozenset({MarketState.TRADING, MarketState.CLOSING, MarketState.STOPPED}),
    MarketState.TRADING: frozenset({MarketState.CLOSING, MarketState.STOPPED}),
    MarketState.CLOSING: frozenset({MarketState.CLOSED, MarketState.STOPPED}),
    MarketState.CLOSED: frozenset({MarketState.INITIALIZING, MarketState.STOPPED}),
    # Out of a stop the day is opened anew, or waits for its opening.
    MarketState.STOPPED: frozenset({MarketState.INITIALIZING, MarketState.OFFLINE}),
}


class OpeningStep(StrEnum):
    """What is done before a session, in this order."""

    INITIALISE = "initialise"
    CONFIG = "config"
    AUTHENTICATE = "authenticate"
    VERIFY_ACCOUNT = "verify account"
    PARAMETERS = "parameters"
    RECOVER = "recover"
    RISK = "risk"
    UNIVERSE = "universe"
    REALTIME = "realtime"


class ClosingStep(StrEnum):
    """What is done after a session, in this order; snapshot and settlement are the settlement slot's."""

    UNFILLED_ORDERS = "unfilled orders"
    POSITIONS = "positions"


class StepResult(StrEnum):
    """How a step went: only FAILED keeps the day from opening."""

    OK = "OK"
    WARNING = "WARNING"
    FAILED = "FAILED"


class StepRecord(Record):
    """One step's outcome."""

    step: str = Field(min_length=1)
    result: StepResult
    detail: str
    at: Timestamp


class RecoveryStatus(StrEnum):
    """How a recovery went: PARTIAL found a difference, FAILED could not compare."""

    SUCCESS = "SUCCESS"
    PARTIAL = "PARTIAL"
    FAILED = "FAILED"


class RecoveryCause(StrEnum):
    """Who asked for a recovery."""

    START = "start"
    OPEN = "open"
    STOPPED = "stopped"
    PERSON = "person"


class RecoveryReport(Record):
    """What a recovery compared and found."""

    cause: RecoveryCause
    started_at: Timestamp
    finished_at: Timestamp
    status: RecoveryStatus
    orders_synced: int = Field(ge=0)
    positions_recalculated: int = Field(ge=0)
    mismatches_found: int = Field(ge=0)
    details: dict[str, JsonValue] = Field(default_factory=dict)


class BlockCode(StrEnum):
    """Why buys are refused although nobody halted them."""

    MARKET_STATE = "MARKET_STATE"
    RECOVERY_FAILED = "RECOVERY_FAILED"
    POSITION_DRIFT = "POSITION_DRIFT"
    QUOTES_STALE = "QUOTES_STALE"
    FILL_STREAM_LOST = "FILL_STREAM_LOST"
    LOSS_UNKNOWN = "LOSS_UNKNOWN"
    """A loss limit is set and nobody can tell the day's loss."""


class BuyBlock(Record):
    """One reason; strategy "" binds the whole account."""

    code: BlockCode
    why: str = Field(min_length=1)
    strategy: str = ""


class MarketStatus(Record):
    """The day as the gateway tells it."""

    trade_date: date
    state: MarketState
    reason: str
    since: Timestamp
    opens_at: Timestamp | None = None
    closes_at: Timestamp | None = None
    steps: tuple[StepRecord, ...] = ()
    buys_allowed: bool
    """For a strategy that no block names."""
    buy_blocks: tuple[BuyBlock, ...] = ()
    recovery: RecoveryReport | None = None
