"""What a run came to, and what it would have looked at and did not have."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.market import MarketRegime
from scout_job.analysis import Verdict
from scout_job.history import MarketHistory
from scout_job.market import ScoredMarket
from scout_job.quotes import Quotes


@dataclass(frozen=True)
class Findings:
    """The figures of one run, for /health and for the slot's reason."""

    slot: str
    universe: int
    scored: int
    candidates: int
    analysed: int
    listed: int
    regime: MarketRegime | None
    analyst: str
    gaps: tuple[str, ...]
    live: bool

    def line(self) -> str:
        """Return the outcome as one line."""
        regime = "regime unknown" if self.regime is None else self.regime.value
        kept = "" if self.live else "; kept as history only"
        return (
            f"{self.listed} listed of {self.candidates} candidates, {self.scored:,} of {self.universe:,} stocks scored,"
            f" {self.analysed} judged by {self.analyst}, {regime}{kept}"
        )


def gaps_of(
    history: MarketHistory,
    market: ScoredMarket,
    quotes: Quotes | None,
    verdicts: Sequence[Verdict],
    context: TradingContext | None,
) -> tuple[str, ...]:
    """Name what was not to be had, the whole market's gaps first; figures count the candidates."""
    found: list[str] = []
    if history.year.missing_sessions:
        found.append(f"daily bars end on {history.year.ends_on}, {history.year.missing_sessions} sessions missing")
    if context is None:
        found.append("regime unknown: scored as SIDEWAYS")
    if quotes is not None and quotes.missing:
        found.append(f"quotes: {len(quotes.missing)} stocks, scored on their last close")
    if market.sized_by_turnover:
        found.append("market caps of the day: sized by turnover instead")
    failures = Counter(verdict.failure for verdict in verdicts if verdict.failure is not None)
    if failures:
        why = failures.most_common(1)[0][0]
        found.append(f"analyst: {failures.total()} of {len(verdicts)} without an opinion, most for: {why}")
    unknown = Counter(gap for score in market.quant if score.stock_code in market.candidates for gap in score.gaps)
    return (*found, *(f"{gap}: {count} of {len(market.candidates)}" for gap, count in sorted(unknown.items())))
