"""What a run leaves in SQL: every score, the list, and who said what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from prime_jennie.domain.language import Tier
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.watchlist import HybridScore, QuantScore, WatchlistEntry
from scout_job.analysis import Verdict
from scout_job.choice import Choice
from scout_job.language_analyst import SERVICE
from scout_job.offline_analyst import NAME as OFFLINE

LONGEST_NAME: Final = 100  # characters of an analyst's name in the database

Row = dict[str, Any]


@dataclass(frozen=True)
class RunKey:
    """Which run the rows belong to."""

    run_id: str
    day: date
    at: datetime
    analyst: str


def score_rows(run: RunKey, quant: Sequence[QuantScore], choice: Choice) -> list[Row]:
    """Return a row for every stock, the analyst's score beside the smoothed one, from which tier and list follow."""
    chosen = {entry.stock_code for entry in choice.entries}
    return [
        {
            "score_date": run.day,
            "run_id": run.run_id,
            "stock_code": score.stock_code,
            "stock_name": score.stock_name,
            "total_quant_score": score.total_score,
            "momentum_score": score.momentum_score,
            "quality_score": score.quality_score,
            "value_score": score.value_score,
            "technical_score": score.technical_score,
            "news_score": score.news_score,
            "supply_demand_score": score.supply_demand_score,
            "sector_momentum_score": score.sector_momentum_score,
            "is_valid": score.is_valid,
            "invalid_reason": score.invalid_reason,
            "is_final_selected": score.stock_code in chosen,
            "scored_at": run.at,
            **_opinion(run, choice.hybrids.get(score.stock_code), choice.decided.get(score.stock_code)),
        }
        for score in quant
    ]


def _opinion(run: RunKey, hybrid: HybridScore | None, decided: HybridScore | None) -> Row:
    """Return the columns of an analysed stock; of any other they are empty, and it is not tradable."""
    return {
        "llm_score": None if hybrid is None else hybrid.llm_score,
        "hybrid_score": None if hybrid is None else hybrid.hybrid_score,
        "smoothed_score": None if decided is None else decided.hybrid_score,
        "risk_tag": None if decided is None else decided.risk_tag.value,
        "trade_tier": None if decided is None else decided.trade_tier.value,
        "llm_grade": None if hybrid is None else hybrid.llm_grade,
        "llm_reason": None if hybrid is None else hybrid.llm_reason,
        "veto_applied": decided is not None and decided.veto_applied,
        "is_tradable": decided is not None and decided.is_tradable,
        "analyst": None if hybrid is None else run.analyst[:LONGEST_NAME],
    }


def list_rows(run: RunKey, entries: Sequence[WatchlistEntry], regime: MarketRegime) -> list[Row]:
    """Return a row for every listed stock."""
    return [
        {
            "snapshot_date": run.day,
            "stock_code": entry.stock_code,
            "run_id": run.run_id,
            "stock_name": entry.stock_name,
            "llm_score": entry.llm_score,
            "hybrid_score": entry.hybrid_score,
            "quant_score": entry.quant_score,
            "is_tradable": entry.is_tradable,
            "trade_tier": entry.trade_tier.value,
            "risk_tag": entry.risk_tag.value,
            "rank": entry.rank,
            "sector_group": None if entry.sector_group is None else entry.sector_group.value,
            "market_regime": regime.value,
            "since": entry.since,
            "created_at": run.at,
        }
        for entry in entries
    ]


def decision_rows(run: RunKey, verdicts: Sequence[Verdict]) -> list[Row]:
    """Return a row for every question that was put to the analyst, failed ones included."""
    return [
        {
            "run_id": run.run_id,
            "service": SERVICE,
            "role": "analyst",
            "stock_code": verdict.case.quant.stock_code,
            "model": run.analyst[:LONGEST_NAME],
            "tier": None if run.analyst == OFFLINE else Tier.REASONING.value,
            "outcome": "answered" if verdict.failure is None else "failed",
            "score": verdict.opinion.score,
            "decision": {"grade": verdict.opinion.grade, "headlines": len(verdict.case.headlines)},
            "reason": verdict.failure or verdict.opinion.reason,
            "decided_at": run.at,
        }
        for verdict in verdicts
    ]
