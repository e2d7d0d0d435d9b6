"""What the two reconcilers of strategies know together: platforms, budgets, the exchange's hours."""

from __future__ import annotations

from prime_jennie.domain.sessions import SessionTable
from prime_jennie.domain.trading_strategy import TradedMarket
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clock import RealClock
from prime_jennie_operator.dependencies import Dependencies
from prime_jennie_operator.kube.kinds import STRATEGY
from prime_jennie_operator.manifest import Manifest
from prime_jennie_operator.strategy.exchange_hours import ExchangeHours, exchange_hours
from prime_jennie_operator.strategy.platform import Platforms
from prime_jennie_operator.strategy.shares import Shares
from prime_jennie_operator.work import Key


class Shared:
    """One an operator."""

    def __init__(self, deps: Dependencies) -> None:
        self._deps = deps
        self.wall = RealClock()
        self.platforms = Platforms(deps, self.wall)
        self.shares = Shares(deps.values, self.may_hold, deps.queue.add)
        deps.specs.on_change(STRATEGY.name, self._note)

    def hours(self, market: TradedMarket = TradedMarket.KRX) -> ExchangeHours:
        """Say whether the exchange is open now, by the clock of the day."""
        return exchange_hours(market, self._deps.clock.now(), self._sessions)

    def may_hold(self, key: Key) -> bool | None:
        """Tell whether a strategy has something to sell; None is unknown.

        While the exchange is open it may buy at any moment: what was told some seconds ago proves nothing then.
        """
        holds = self.platforms.of(key.namespace).told.figures(key.name).holds
        return None if holds is False and self.hours().is_open else holds

    async def close(self) -> None:
        await self.platforms.close()

    def _note(self, key: Key, manifest: Manifest | None) -> None:
        self.shares.note(key, manifest)

    def _sessions(self, calendar: str) -> SessionTable:
        return load_sessions(calendar, self._deps.settings.closures_file)
