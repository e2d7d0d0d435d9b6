"""Ask somebody what the numbers of a stock do not say: a language model, or a rule that stands in for one."""

from typing import Final, Protocol

from pydantic import Field

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.model import Record
from prime_jennie.domain.money import Finite, Price, Score
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.watchlist import EnrichedCandidate, Grade, QuantScore

MAX_HEADLINES: Final = 5
SHORTEST_REASON: Final = 20
LONGEST_REASON: Final = 500


class AnalystCase(Record):
    """One stock as it is put to an analyst; headlines are strangers' words."""

    candidate: EnrichedCandidate
    quant: QuantScore
    sector: SectorGroup
    regime: MarketRegime
    price_krw: Price
    change_pct: Finite
    """Of today where the stock has traded, else of its last session."""
    rsi: Finite
    return_20_pct: Finite
    volume_ratio: Finite
    high_distance_pct: Finite
    headlines: tuple[str, ...] = Field(default=(), max_length=MAX_HEADLINES)


class Opinion(Record):
    """What an analyst says of a stock, before anybody clamps it; the reason is Korean, for a person."""

    score: Score
    grade: Grade
    reason: str = Field(min_length=SHORTEST_REASON, max_length=LONGEST_REASON)


class Analyst(Protocol):
    """Judge one stock at a time."""

    @property
    def name(self) -> str:
        """Return who judges, as it is shown wherever an opinion is."""

    async def judge(self, case: AnalystCase) -> Opinion:
        """Return an opinion. BadAnswer: it is of no use. Unavailable: none came."""

    async def close(self) -> None:
        """Give up connections; the next question opens them again."""
