"""Describe when a holding is sold: the exits of a TradingStrategy."""

from itertools import pairwise
from typing import ClassVar, Self

from pydantic import Field, model_validator

from prime_jennie.domain.spec import CelRule, Count, Flag, Pct, Spec


class TrailingSpec(Spec):
    """A stop that follows the price up."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "!has(self.dropPct) || self.dropPct < self.activatePct",
            "exits.trailing.dropPct must be smaller than exits.trailing.activatePct, else the stop starts at a loss",
        ),
    )

    enabled: Flag = Field(
        default=True, description="Whether the stop trails. Default true; without it takeProfitPct sells everything."
    )
    activate_pct: Pct = Field(
        default=5, ge=0.5, le=100, description="Best profit in % at which it arms. Default 5, the rulebook's."
    )
    drop_pct: Pct | None = Field(
        default=None,
        ge=0.5,
        le=50,
        description="Fall from the peak in % that sells. Default: the regime's table (3.0 to 4.0).",
    )

    @model_validator(mode="after")
    def _drop_below_activation(self) -> Self:
        if self.drop_pct is not None and self.drop_pct >= self.activate_pct:
            raise ValueError(self.CEL_RULES[0].message)
        return self


class ScaleOutSpec(Spec):
    """One partial sale on the way up."""

    profit_pct: Pct = Field(ge=0.5, le=500, description="Profit in % that triggers the sale.")
    share_pct: Pct = Field(ge=1, le=100, description="Share of the holding in % to sell.")


class ExitsSpec(Spec):
    """When a holding is sold; the rulebook's protective rules (hard stop, floors, locks) apply besides."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "!has(self.scaleOut) || (self.scaleOut.map(s, s.profitPct).isSorted() && "
            "self.scaleOut.all(a, self.scaleOut.exists_one(b, a.profitPct == b.profitPct)))",
            "exits.scaleOut must climb: each profitPct above the one before",
        ),
        CelRule(
            "!has(self.scaleOut) || size(self.scaleOut) == 0 || self.scaleOut.map(s, s.sharePct).sum() <= 100.0",
            "exits.scaleOut must not sell more than 100 % in all (sharePct)",
        ),
    )

    stop_loss_pct: Pct = Field(
        default=6,
        ge=0.5,
        le=10,
        description="Loss in %, written positive, that sells everything; the market's stop multiplier scales it. "
        "Default 6, the rulebook's; at 10 the hard stop sells anyway.",
    )
    take_profit_pct: Pct = Field(
        default=10,
        ge=0.5,
        le=500,
        description="Profit in % that sells everything while trailing is disabled. Default 10, the rulebook's.",
    )
    trailing: TrailingSpec = Field(default_factory=TrailingSpec, description="The trailing stop.")
    scale_out: tuple[ScaleOutSpec, ...] | None = Field(
        default=None,
        max_length=10,
        description="Partial sales, rising by profit. Default: the regime's table; an empty list sells no parts.",
    )
    max_holding_days: Count = Field(
        default=30, ge=1, le=365, description="Calendar days after which a holding is sold. Default 30, the rulebook's."
    )

    @model_validator(mode="after")
    def _scale_out_climbs(self) -> Self:
        climbing, at_most_all = (rule.message for rule in self.CEL_RULES)
        levels = self.scale_out or ()
        if any(later.profit_pct <= earlier.profit_pct for earlier, later in pairwise(levels)):
            raise ValueError(climbing)
        if sum(level.share_pct for level in levels) > 100:
            raise ValueError(at_most_all)
        return self
