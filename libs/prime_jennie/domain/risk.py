"""Bound what may be lost: sizes, sector caps, halts."""

from enum import StrEnum
from typing import Final, Self

from pydantic import Field, model_validator

from prime_jennie.domain.model import Message, Record, Timestamp
from prime_jennie.domain.money import Amount, Finite, Multiplier, Percent, PositiveAmount, Score
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.symbols import StockCode
from prime_jennie.domain.tiers import RiskTag, TradeTier

DEFAULT_SECTOR_CAP: Final = 3
_MAX_SECTOR_CAP: Final = 10
WHOLE_ACCOUNT: Final = ""
"""In the place of a strategy's name: every strategy of the account."""


class PositionSizingRequest(Record):
    """Everything sizing looks at (rulebook §5.1)."""

    stock_code: StockCode
    stock_price: PositiveAmount
    atr: float = Field(ge=0, allow_inf_nan=False)
    """KRW; 0 where it is unknown."""
    available_cash: Amount
    portfolio_value: Amount
    llm_score: Score
    hybrid_score: Score
    trade_tier: TradeTier
    risk_tag: RiskTag
    sector_group: SectorGroup | None = None
    held_sector_groups: tuple[SectorGroup, ...] = ()
    portfolio_risk_pct: float = Field(default=0, ge=0, allow_inf_nan=False)
    """Open risk of all holdings as a share of assets (rulebook §5.1 ✗ never passed)."""
    position_multiplier: Multiplier = 1
    stale_days: int = Field(default=0, ge=0)


class PositionSizingResult(Record):
    """How many shares, and how that came about; 0 means skip."""

    quantity: Amount
    target_weight_pct: Percent
    actual_weight_pct: Percent
    applied_multipliers: dict[str, float]
    reasoning: str


class SectorTier(StrEnum):
    """A sector's temperature."""

    HOT = "HOT"
    WARM = "WARM"
    COOL = "COOL"


class SectorAnalysis(Record):
    """How a sector did today."""

    sector_group: SectorGroup
    avg_return_pct: Finite
    stock_count: int = Field(ge=0)
    is_falling_knife: bool


class SectorBudgetEntry(Message):
    """How many stocks of a sector may be listed and held."""

    sector_group: SectorGroup
    tier: SectorTier
    watchlist_cap: int = Field(ge=0, le=_MAX_SECTOR_CAP)
    portfolio_cap: int = Field(ge=0, le=_MAX_SECTOR_CAP)
    effective_cap: int = Field(ge=0, le=_MAX_SECTOR_CAP)
    held_count: int = Field(ge=0)


class SectorBudget(Message):
    """The caps of all sectors: the content of budget:sector:active."""

    entries: dict[SectorGroup, SectorBudgetEntry]
    generated_at: Timestamp
    council_overrides_applied: bool = False

    @model_validator(mode="after")
    def _entries_stand_under_their_group(self) -> Self:
        for group, entry in self.entries.items():
            if entry.sector_group is not group:
                raise ValueError(f"entries[{group.value}] speaks of {entry.sector_group.value}")
        return self

    def portfolio_cap(self, group: SectorGroup | None) -> int:
        """Return how many stocks of a sector may be held; 3 where the budget does not know it."""
        entry = self.entries.get(group) if group is not None else None
        return DEFAULT_SECTOR_CAP if entry is None else entry.portfolio_cap

    def effective_cap(self, group: SectorGroup | None) -> int:
        """Return how many stocks of a sector may be listed; 3 where the budget does not know it."""
        entry = self.entries.get(group) if group is not None else None
        return DEFAULT_SECTOR_CAP if entry is None else entry.effective_cap


class HaltState(StrEnum):
    """Whether a strategy may act: Paused stops buys, Stopped also automatic exits (design §7)."""

    ACTIVE = "Active"
    PAUSED = "Paused"
    STOPPED = "Stopped"

    @property
    def severity(self) -> int:
        """Return 0 for Active up to 2 for Stopped."""
        return _SEVERITY[self]

    @property
    def allows_buys(self) -> bool:
        """Tell whether new buys may be sent."""
        return self is HaltState.ACTIVE

    @property
    def allows_automatic_exits(self) -> bool:
        """Tell whether protective exits run; manual and forced sells always pass."""
        return self is not HaltState.STOPPED

    @classmethod
    def most_severe(cls, *states: "HaltState") -> "HaltState":
        """Return the state that wins; Active where none is given."""
        return max(states, key=lambda state: state.severity, default=cls.ACTIVE)


_SEVERITY: Final = {HaltState.ACTIVE: 0, HaltState.PAUSED: 1, HaltState.STOPPED: 2}


class HaltSource(StrEnum):
    """Who halts; each is lifted only where it was set."""

    SPEC = "spec"
    PERSON = "person"
    RISK = "risk"


class Halt(Record):
    """One source's halt, with who and why."""

    state: HaltState
    source: HaltSource
    who: str = Field(min_length=1)
    why: str
    at: Timestamp


class StandingHalt(Record):
    """A halt in force, and where it was set: lifting it anywhere else changes nothing."""

    strategy: str
    """The strategy's name, "" for the whole account."""
    state: HaltState
    source: HaltSource
    who: str
    why: str
    at: Timestamp | None = None
    """None where nobody noted it: in the spec, or by a flag set by hand."""
