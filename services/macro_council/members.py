"""The council's three voices as the service knows them, and the council that needs no model."""

from typing import Protocol

from prime_jennie.strategy import offline_council
from prime_jennie.strategy.council import Brief, RiskView, StrategistView, Verdict


class Council(Protocol):
    """Three members, asked one after the other; each may raise BadAnswer or Unavailable."""

    @property
    def name(self) -> str:
        """Return who speaks, as it is shown wherever the insight is."""

    def cost_usd(self) -> float | None:
        """Return what it cost since it was opened, None where that is unknown."""

    async def strategist(self, brief: Brief) -> StrategistView:
        """Read the market."""

    async def analyst(self, brief: Brief, view: StrategistView) -> RiskView:
        """Look for what speaks against that reading."""

    async def judge(self, brief: Brief, view: StrategistView, risk: RiskView | None) -> Verdict:
        """Decide; `risk` is None where the analyst failed."""


class OfflineCouncil:
    """Speaks from the figures alone: the same brief gives the same words, and it costs nothing."""

    name = offline_council.NAME

    def cost_usd(self) -> float:
        return 0.0

    async def strategist(self, brief: Brief) -> StrategistView:
        return offline_council.strategist_view(brief)

    async def analyst(self, brief: Brief, view: StrategistView) -> RiskView:
        return offline_council.risk_view(brief, view)

    async def judge(self, brief: Brief, view: StrategistView, risk: RiskView | None) -> Verdict:
        return offline_council.verdict(brief, view, risk)
