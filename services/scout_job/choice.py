"""From verdicts to the list: hybrid scores, smoothing, sector caps, selection."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.risk import SectorBudget
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.watchlist import EnrichedCandidate, HybridScore, MarketFlow, WatchlistEntry
from prime_jennie.strategy.hybrid import hybrid_of
from prime_jennie.strategy.risk_tag import risk_tag_of
from prime_jennie.strategy.sector_budget import analyse_sectors, sector_budget, sector_tiers
from prime_jennie.strategy.selection import Nominee, Selection, select
from prime_jennie.strategy.smoothing import smoothed
from scout_job.analysis import Verdict
from scout_job.market import ScoredMarket


@dataclass(frozen=True)
class Memory:
    """What earlier runs left."""

    listed_since: Mapping[str, date]
    """The last list, each stock with the first day of its stay."""
    earlier_scores: Mapping[str, Sequence[float]]
    """Hybrid scores of earlier dates, newest first."""
    held: Mapping[SectorGroup, int]


@dataclass(frozen=True)
class Choice:
    """The run's result."""

    hybrids: Mapping[str, HybridScore]
    """As the analyst left them."""
    decided: Mapping[str, HybridScore]
    """After smoothing: these decide."""
    budget: SectorBudget
    selection: Selection
    entries: tuple[WatchlistEntry, ...]


def choose(
    market: ScoredMarket,
    verdicts: Sequence[Verdict],
    memory: Memory,
    context: TradingContext | None,
    *,
    day: date,
    at: datetime,
    most: int,
) -> Choice:
    """Choose the list of one moment; the same input gives the same list."""
    hybrids = {verdict.case.quant.stock_code: _hybrid(market, verdict, at) for verdict in verdicts}
    decided = {
        verdict.case.quant.stock_code: _hybrid(
            market,
            verdict,
            at,
            score=smoothed(
                hybrids[verdict.case.quant.stock_code].hybrid_score,
                memory.earlier_scores.get(verdict.case.quant.stock_code, ()),
            ),
        )
        for verdict in verdicts
    }
    budget = budget_of(market, memory.held, context, at)
    nominees = [
        Nominee(score, market.sectors[code], market.sizes_krw[code], listed=code in memory.listed_since)
        for code, score in decided.items()
    ]
    selection = select(nominees, budget, most=most)
    entries = tuple(
        _entry(market, nominee, rank, since=memory.listed_since.get(nominee.score.stock_code, day))
        for rank, nominee in enumerate(selection.chosen, 1)
    )
    return Choice(hybrids, decided, budget, selection, entries)


def budget_of(
    market: ScoredMarket, held: Mapping[SectorGroup, int], context: TradingContext | None, at: datetime
) -> SectorBudget:
    """Return the sectors' caps by one day's changes of the stocks that may be listed, and by the council's word."""
    changes: dict[SectorGroup, list[float]] = {}
    for code, change_pct in market.changes_pct.items():
        changes.setdefault(market.sectors[code], []).append(change_pct)
    favour = () if context is None else context.favor_sectors
    avoid = () if context is None else context.avoid_sectors
    tiers = sector_tiers(analyse_sectors(changes), favour=favour, avoid=avoid)
    return sector_budget(tiers, held, council_spoke=bool(favour or avoid), generated_at=at)


def _hybrid(market: ScoredMarket, verdict: Verdict, at: datetime, *, score: float | None = None) -> HybridScore:
    quant, opinion = verdict.case.quant, verdict.opinion
    flows = verdict.case.candidate.investor_trading
    return hybrid_of(
        quant,
        risk_tag_of(quant, market.figures[quant.stock_code], flows),
        raw_score=opinion.score,
        grade=opinion.grade,
        reason=opinion.reason,
        scored_at=at,
        score=score,
    )


def _entry(market: ScoredMarket, nominee: Nominee, rank: int, *, since: date) -> WatchlistEntry:
    score = nominee.score
    return WatchlistEntry(
        stock_code=score.stock_code,
        stock_name=score.stock_name,
        quant_score=score.quant_score,
        llm_score=score.llm_score,
        hybrid_score=score.hybrid_score,
        rank=rank,
        is_tradable=score.is_tradable,
        trade_tier=score.trade_tier,
        risk_tag=score.risk_tag,
        veto_applied=score.veto_applied,
        sector_group=nominee.sector,
        market_flow=_flow(market.candidates[score.stock_code]),
        scored_at=score.scored_at,
        since=since,
    )


def _flow(candidate: EnrichedCandidate) -> MarketFlow | None:
    flows = candidate.investor_trading
    if flows is None or flows.foreign_holding_ratio is None:
        return None
    return MarketFlow(
        foreign_net=flows.foreign_net_buy_sum,
        institution_net=flows.institution_net_buy_sum,
        foreign_ratio=flows.foreign_holding_ratio,
    )
