"""Stand in for a language model: keep the quant score, and say in Korean which numbers made it."""

from typing import Final

from prime_jennie.domain.analyst import LONGEST_REASON, AnalystCase, Opinion
from prime_jennie.strategy.hybrid import fallback_grade

NAME: Final = "offline analyst (deterministic, no model)"


class OfflineAnalyst:
    """Reads no news and adds no opinion of its own, so its score is the quant score."""

    @property
    def name(self) -> str:
        """Return the name that says what it is."""
        return NAME

    async def judge(self, case: AnalystCase) -> Opinion:
        """Return the quant score with the grade it earns."""
        score = case.quant.total_score
        return Opinion(score=score, grade=fallback_grade(score), reason=reason_of(case))

    async def close(self) -> None:
        """Have nothing to close."""


def reason_of(case: AnalystCase) -> str:
    """Write down the factors and the figures behind them."""
    quant = case.quant
    news = "뉴스 없음" if not case.headlines else f"뉴스 {len(case.headlines)}건은 읽지 않음"
    return (
        f"정량 {quant.total_score:.1f}점: 모멘텀 {quant.momentum_score:.1f}/20, 품질 {quant.quality_score:.1f}/20,"
        f" 가치 {quant.value_score:.1f}/20, 기술 {quant.technical_score:.1f}/10, 뉴스 {quant.news_score:.1f}/10,"
        f" 수급 {quant.supply_demand_score:.1f}/20, 섹터 {quant.sector_momentum_score:.1f}/10."
        f" RSI {case.rsi:.0f}, 20일 {case.return_20_pct:+.1f} %, 거래량 {case.volume_ratio:.2f}배,"
        f" 52주 고점 대비 {case.high_distance_pct:+.1f} %. {news}, 정량 점수를 유지. [{NAME}]"
    )[:LONGEST_REASON]
