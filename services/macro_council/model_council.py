"""The council over a language model."""

from collections.abc import Callable

from macro_council.prompts import analyst_prompt, judge_prompt, strategist_prompt
from prime_jennie.domain.language import LanguageModel, Usage
from prime_jennie.strategy.council import Brief, RiskView, StrategistView, Verdict


class ModelCouncil:
    """Asks the model for each member's words; `price` says what usage costs."""

    def __init__(self, model: LanguageModel, price: Callable[[Usage], float | None]) -> None:
        self._model = model
        self._price = price

    @property
    def name(self) -> str:
        return self._model.name

    def cost_usd(self) -> float | None:
        return self._price(self._model.usage)

    async def strategist(self, brief: Brief) -> StrategistView:
        return await self._model.ask(strategist_prompt(brief), StrategistView)

    async def analyst(self, brief: Brief, view: StrategistView) -> RiskView:
        return await self._model.ask(analyst_prompt(brief, view), RiskView)

    async def judge(self, brief: Brief, view: StrategistView, risk: RiskView | None) -> Verdict:
        return await self._model.ask(judge_prompt(brief, view, risk), Verdict)
