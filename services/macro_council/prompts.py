"""What each member of the council is asked; everything that strangers or models wrote is quoted."""

import json
from dataclasses import asdict
from typing import Any, Final

from pydantic import BaseModel

from prime_jennie.domain.language import QUOTING_RULE, Prompt, Tier, quoted
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.signals import SignalType
from prime_jennie.strategy.council import ANALYST_REACH, Brief, RiskView, StrategistView

SERVICE: Final = "council"
MAX_TOKENS: Final = 8_192

_SECTORS: Final = ", ".join(sector.value for sector in SectorGroup)
_STRATEGIES: Final = ", ".join(signal.value for signal in SignalType if signal is not SignalType.MANUAL)

_PRINCIPLES: Final = f"""\
You sit on the macro council of a desk that trades Korean stocks for days to weeks, long only.
Principles, in this order:
- KOSPI's own price action decides. KOSDAQ and the VIX are context only.
- Foreigners' selling that institutions or persons absorb is neutral.
- Numbers beat headlines. News older than 12 hours weighs less.
- Judge only what is supplied. No speculation, no knowledge of later days. What is missing is unknown, not neutral.
Scores are 0 to 100: 70 and above strong bull, 60 bull, 40 sideways, 25 bear, below 25 strong bear.
Sectors are called exactly by these names, no other: {_SECTORS}.
Write prose in Korean, short and plain. Answer with one JSON object.
{QUOTING_RULE}"""

_STRATEGIST: Final = f"""{_PRINCIPLES}

You are the strategist. Read the market and say:
overall_sentiment (bullish, neutral_to_bullish, neutral, neutral_to_bearish, bearish), sentiment_score,
regime_hint (one sentence, at most 200 characters), sector_signals (an object: sector name to
{{"signal": bullish|neutral|bearish, "confidence": 0 to 1, "reasoning"}}), key_themes (at most 5: rank from 1, theme,
description, impact Positive|Negative|Mixed), risk_factors (at most 10: name, severity HIGH|MID|LOW, duration_days),
opportunity_factors (at most 5), investor_flow_analysis."""

_ANALYST: Final = f"""{_PRINCIPLES}

You are the risk analyst. Look for what speaks against the strategist's reading and say:
risk_assessment (agree_with_sentiment, adjusted_sentiment_score within {ANALYST_REACH:g} points of the strategist's,
adjustment_reason), political_risk_level (low, medium, high, critical), political_risk_summary,
additional_risk_factors (name, severity HIGH|MID|LOW, duration_days), position_size_pct (50 to 130; 100 is normal),
stop_loss_adjust_pct (80 to 150; above 100 gives stops more room), risk_reasoning."""

_JUDGE: Final = f"""{_PRINCIPLES}

You are the chief judge. Weigh strategist and analyst and say:
final_sentiment, final_sentiment_score, final_regime_hint (one sentence, at most 200 characters),
strategies_to_favor and strategies_to_avoid (of: {_STRATEGIES}), sectors_to_favor and sectors_to_avoid,
final_position_size_pct (50 to 130), final_stop_loss_adjust_pct (80 to 150), trading_reasoning,
council_consensus (by the gap of the two scores: up to 5 strong_agree, 15 agree, 25 partial_disagree, else disagree)."""


def strategist_prompt(brief: Brief) -> Prompt:
    """Ask the strategist."""
    return _prompt(Tier.REASONING, _STRATEGIST, _material(brief))


def analyst_prompt(brief: Brief, view: StrategistView) -> Prompt:
    """Ask the risk analyst."""
    return _prompt(Tier.REASONING, _ANALYST, _material(brief), _said("strategist", view))


def judge_prompt(brief: Brief, view: StrategistView, risk: RiskView | None) -> Prompt:
    """Ask the chief judge, on the strongest model."""
    analyst = "The risk analyst failed to answer." if risk is None else _said("risk-analyst", risk)
    return _prompt(Tier.JUDGE, _JUDGE, _material(brief), _said("strategist", view), analyst)


def _prompt(tier: Tier, system: str, *parts: str) -> Prompt:
    return Prompt(service=SERVICE, tier=tier, system=system, user="\n\n".join(parts), max_tokens=MAX_TOKENS)


def _material(brief: Brief) -> str:
    figures: dict[str, Any] = {
        "day": brief.day,
        "now": f"{brief.at.astimezone(KST):%Y-%m-%d %H:%M} KST",
        "kospi": asdict(brief.kospi),
        "kospi_price_score": asdict(brief.price),
        "kospi_today_so_far_pct": brief.today_change_pct,
        "kosdaq": None if brief.kosdaq is None else asdict(brief.kosdaq),
        "snapshot": None if brief.snapshot is None else brief.snapshot.model_dump(mode="json", exclude_none=True),
        "sectors_mean_return_of_20_sessions": {
            sector.sector_group.value: {"pct": sector.mean_return_pct, "stocks": sector.stocks}
            for sector in brief.sectors
        },
        "missing": brief.gaps,
    }
    parts = [f"Figures:\n{json.dumps(figures, ensure_ascii=False, default=str)}"]
    if brief.yesterday is not None:
        parts.append(f"The council's last insight:\n{_said('last-insight', brief.yesterday)}")
    parts += [
        f"Headline of {headline.published_at.astimezone(KST):%m-%d %H:%M} KST:\n"
        + quoted("headline", f"[{headline.press}] {headline.text}")
        for headline in brief.headlines
    ]
    return "\n\n".join(parts)


def _said(label: str, words: BaseModel) -> str:
    return quoted(label, json.dumps(words.model_dump(mode="json"), ensure_ascii=False))
