"""Let a language model calibrate what numbers do not say: the prompt, the answer's shape, what may come of it."""

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from prime_jennie.domain.analyst import LONGEST_REASON, SHORTEST_REASON, AnalystCase, Opinion
from prime_jennie.domain.language import QUOTING_RULE, LanguageModel, Prompt, Tier, quoted
from prime_jennie.domain.watchlist import EnrichedCandidate, Grade

SERVICE: Final = "scout"
TEMPERATURE: Final = 0.3
MAX_TOKENS: Final = 2_048
LONGEST_HEADLINE: Final = 150

SYSTEM: Final = f"""\
You are the stock analyst of a Korean equity desk. A deterministic model has scored a stock from 0 to 100; you judge
only what its numbers cannot see: earnings surprises, orders and contracts, litigation, governance, dilution, one-off
events. The figures are final: do not count them a second time.

Start from the quant score. Without news keep it as it is. With news move it by at most 15 points: anything beyond is
cut off. You do not decide the stock's risk tag, its size or whether it is bought.

Grades: S from 80, A from 65, B from 50, C from 35, D below.

{QUOTING_RULE}

Answer with one JSON object: "score", a whole number from 0 to 100; "grade", one of S, A, B, C, D; "reason", in
Korean, {SHORTEST_REASON} to {LONGEST_REASON} characters, naming the facts that you used. Use no fact that is not
given below."""


class AnalystAnswer(BaseModel):
    """What the model has to answer."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    score: int = Field(ge=0, le=100)
    grade: Grade
    reason: str = Field(min_length=SHORTEST_REASON, max_length=LONGEST_REASON)


class LanguageAnalyst:
    """Asks a language model about one stock; without news its score does not count, only its reason."""

    def __init__(self, model: LanguageModel) -> None:
        self._model = model

    @property
    def name(self) -> str:
        """Return the model's name."""
        return self._model.name

    async def judge(self, case: AnalystCase) -> Opinion:
        """Return the model's opinion; it raises as the model does."""
        answer = await self._model.ask(prompt_of(case), AnalystAnswer)
        score = float(answer.score) if case.headlines else case.quant.total_score
        return Opinion(score=score, grade=answer.grade, reason=answer.reason)

    async def close(self) -> None:
        """Close the model's connections."""
        await self._model.close()


def prompt_of(case: AnalystCase) -> Prompt:
    """Put a case into words; everything that strangers wrote is quoted."""
    return Prompt(
        service=SERVICE,
        tier=Tier.REASONING,
        system=SYSTEM,
        user="\n".join([*_figures(case), "", *_news(case)]),
        max_tokens=MAX_TOKENS,
        temperature=TEMPERATURE,
    )


def _figures(case: AnalystCase) -> list[str]:
    quant, candidate = case.quant, case.candidate
    return [
        f"Stock: {candidate.master.stock_name} ({candidate.master.stock_code}), {candidate.master.market.value},"
        f" sector {case.sector.value}; market regime {case.regime.value}",
        f"Quant score: {quant.total_score:.1f} of 100 = momentum {quant.momentum_score:.1f}/20,"
        f" quality {quant.quality_score:.1f}/20, value {quant.value_score:.1f}/20,"
        f" technical {quant.technical_score:.1f}/10, news {quant.news_score:.1f}/10,"
        f" supply and demand {quant.supply_demand_score:.1f}/20, sector {quant.sector_momentum_score:.1f}/10",
        f"Price: {case.price_krw:,.0f} KRW ({case.change_pct:+.2f} %), RSI14 {case.rsi:.0f},"
        f" 20 days {case.return_20_pct:+.1f} %, {case.high_distance_pct:+.1f} % from the 52-week high",
        _valuation(candidate),
        _flows(candidate),
        f"Met: {', '.join(quant.matched_conditions) or 'nothing'}. Unknown, counted as neutral:"
        f" {', '.join(quant.gaps) or 'nothing'}",
    ]


def _valuation(candidate: EnrichedCandidate) -> str:
    trend = candidate.financial_trend
    known = {"PER": trend and trend.per, "PBR": trend and trend.pbr, "ROE": trend and trend.roe}
    figures = [f"{name} {value:.2f}" for name, value in known.items() if isinstance(value, float)]
    return f"Valuation: {', '.join(figures) or 'unknown'}"


def _flows(candidate: EnrichedCandidate) -> str:
    flows = candidate.investor_trading
    if flows is None:
        return "Flows over 60 days: unknown"
    trend = flows.foreign_ratio_trend
    told = "unknown" if trend is None else f"{trend:+.2f} percentage points"
    return (
        f"Flows over 60 days: foreigners {flows.foreign_net_buy_sum:+,} KRW, institutions"
        f" {flows.institution_net_buy_sum:+,} KRW; trend of the foreign share: {told}"
    )


def _news(case: AnalystCase) -> list[str]:
    if not case.headlines:
        return ["News: none. Keep the quant score."]
    return ["News, newest first:", *(quoted("headline", headline[:LONGEST_HEADLINE]) for headline in case.headlines)]
