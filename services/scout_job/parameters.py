"""What a ScoutSchedule's `parameters`, or a trigger's, may ask of a run."""

from collections.abc import Mapping
from typing import Self

from pydantic import Field, JsonValue, ValidationError, model_validator

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.spec import Count, Spec
from prime_jennie.domain.symbols import Exclusion, Market
from prime_jennie.strategy.universe import CHECKED_KINDS, Floors


class ScoutParameters(Spec):
    """Which stocks may be listed. Every listed stock of the markets is scored, whatever the floors say."""

    markets: tuple[Market, ...] = Field(default=tuple(Market), min_length=1, description="Boards to look at.")
    price_floor_krw: Count = Field(
        default=10_000, ge=0, description="Least price of a stock that may be listed. Default 10,000, the rulebook's."
    )
    turnover_floor_krw: Count = Field(
        default=5_000_000_000,
        ge=0,
        description="Least mean turnover of the last 20 sessions. Default five billion won: a market order of six"
        " million is then half a minute of the stock's trading, and leaves some 350 stocks of the whole market.",
    )
    top: Count = Field(
        default=0, ge=0, description="How many of the most traded may be listed; 0 for all. The rulebook's is 200."
    )
    exclude: tuple[Exclusion, ...] = Field(
        default=CHECKED_KINDS, description="Kinds to leave out. Only preferred and spac can be told from the listing."
    )
    analysed: Count = Field(default=60, ge=1, le=500, description="How many of the best by quant score are analysed.")
    most: Count = Field(default=20, ge=1, le=50, description="Stocks on the list at most. Default 20, the rulebook's.")

    @model_validator(mode="after")
    def _can_tell(self) -> Self:
        unknown = [kind.value for kind in self.exclude if kind not in CHECKED_KINDS]
        if unknown:
            raise ValueError(f"exclude: no source tells which stocks are {', '.join(unknown)}")
        return self

    @property
    def floors(self) -> Floors:
        """Return what a stock needs to be listed."""
        return Floors(self.price_floor_krw, self.turnover_floor_krw, self.top, self.exclude)


def read_parameters(given: Mapping[str, JsonValue]) -> ScoutParameters:
    """Read a job's parameters; BadInput names the field."""
    try:
        return ScoutParameters.model_validate(given)
    except ValidationError as error:
        raise BadInput.from_validation("parameters", error) from None
