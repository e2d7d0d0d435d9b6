"""Look at each namespace's platform again and again, and wake the strategies whom a change concerns."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from prime_jennie.domain.buying import ReasonCode
from prime_jennie.domain.strategy_report import StrategyReport
from prime_jennie.infra.tasks import end_tasks
from prime_jennie_operator.dependencies import Dependencies
from prime_jennie_operator.kube.kinds import STRATEGY
from prime_jennie_operator.strategy.dashboard import Dashboard
from prime_jennie_operator.strategy.keeper import PodKeeper
from prime_jennie_operator.strategy.platform import Platform
from prime_jennie_operator.strategy.shared import Shared
from prime_jennie_operator.strategy.status import FIGURES_EVERY_SECS, StatusFigures
from prime_jennie_operator.work import Again, Key

LOOK_SECS: Final = 5.0  # real; how late a waiting pod may come up after the close
VIRTUAL_LOOK_SECS: Final = 1.0  # real; a virtual hour may pass in a few seconds
FIGURES_SECS: Final = 20.0
GATEWAY_SECS: Final = 15.0
SECRETS_SECS: Final = 60.0
MISSING_SECRETS_SECS: Final = 5.0  # while something is missing, somebody waits for it
LEFTOVERS_SECS: Final = 60.0
FOLLOWED_SECS: Final = 1.0  # services read an announcement within two seconds

Sign = tuple[object, ...]


@dataclass(slots=True)
class _Looks:
    """When what was looked at last, in real seconds, and what was seen then."""

    at_secs: dict[str, float] = field(default_factory=dict)
    was_open: bool | None = None
    signs: dict[str, Sign] = field(default_factory=dict)
    details: dict[str, Sign] = field(default_factory=dict)
    woken_at_secs: dict[str, float] = field(default_factory=dict)

    def is_due(self, what: str, every_secs: float) -> bool:
        now = time.monotonic()
        if now - self.at_secs.get(what, -every_secs) < every_secs:
            return False
        self.at_secs[what] = now
        return True


class PlatformReconciler:
    """One key a namespace; what it learns stands in `Shared`, for the strategies' reconciler to read."""

    kind = "Platform"

    def __init__(self, deps: Dependencies, shared: Shared) -> None:
        self._deps = deps
        self._shared = shared
        self._keeper = PodKeeper(deps)
        self._dashboard = Dashboard()
        self._looks: defaultdict[str, _Looks] = defaultdict(_Looks)
        self._every_secs = LOOK_SECS if deps.settings.clock_url is None else VIRTUAL_LOOK_SECS
        self._ticking = asyncio.create_task(self._tick(), name="platform-looks")
        self._following = asyncio.create_task(self._follow(), name="followers")

    async def close(self) -> None:
        await end_tasks([self._ticking, self._following])
        await self._dashboard.close()
        await self._shared.close()

    async def reconcile(self, key: Key) -> Again | None:
        """Look at everything that is due."""
        platform, looks = self._shared.platforms.of(key.namespace), self._looks[key.namespace]
        everybody = await self._secrets(platform, looks)
        everybody |= self._session(looks)
        everybody |= await self._gateway(platform, looks)
        await self._figures(platform, looks)
        await self._leftovers(platform, looks)
        if everybody:
            self._shared.shares.judge_again(key.namespace)
            for one in self._strategies(key.namespace):
                self._deps.queue.add(one)
        return None

    async def _secrets(self, platform: Platform, looks: _Looks) -> bool:
        every_secs = MISSING_SECRETS_SECS if (await platform.secrets()).missing else SECRETS_SECS
        return looks.is_due("secrets", every_secs) and await platform.read_secrets()

    def _session(self, looks: _Looks) -> bool:
        """Tell whether the exchange has opened or closed since the last look."""
        was, looks.was_open = looks.was_open, self._shared.hours().is_open
        return was is not None and was != looks.was_open

    async def _gateway(self, platform: Platform, looks: _Looks) -> bool:
        if not looks.is_due("gateway", min(GATEWAY_SECS, 3 * self._every_secs)):
            return False
        before = platform.gateway
        platform.gateway = await self._keeper.look(platform.namespace, self._shared.hours())
        return platform.gateway != before

    async def _figures(self, platform: Platform, looks: _Looks) -> None:
        """Ask, and wake whose answer has changed: at once where it decides something, else once a minute."""
        if not looks.is_due("figures", min(FIGURES_SECS, 4 * self._every_secs)):
            return
        await platform.ask(self._dashboard)
        now = time.monotonic()
        for key in self._strategies(platform.namespace):
            figures = platform.told.figures(key.name)
            sign = (figures.is_current, figures.silent_since is None, _sign_of(figures.report))
            is_news = looks.signs.get(key.name) != sign
            if is_news:
                looks.signs[key.name] = sign
                self._shared.shares.judge_again(platform.namespace)
            detail = _detail_of(figures.report)
            is_due = now - looks.woken_at_secs.get(key.name, -FIGURES_EVERY_SECS) >= FIGURES_EVERY_SECS
            if is_news or (is_due and looks.details.get(key.name) != detail):
                looks.woken_at_secs[key.name], looks.details[key.name] = now, detail
                self._deps.queue.add(key)

    async def _leftovers(self, platform: Platform, looks: _Looks) -> None:
        """Forget in Redis what belongs to no strategy any more."""
        if not platform.told.reports or not looks.is_due("leftovers", LEFTOVERS_SECS):
            return
        self._deps.leadership.require()
        names = {key.name for key in self._strategies(platform.namespace)}
        await platform.desk.forget_all_but(
            platform.namespace, names, lambda name: platform.told.figures(name).holds is not False
        )

    def _strategies(self, namespace: str) -> list[Key]:
        return [key for key in self._deps.specs.keys(STRATEGY.name) if key.namespace == namespace]

    async def _tick(self) -> None:
        """Have each namespace looked at; whoever does not lead only keeps the key waiting."""
        while True:
            namespaces = {key.namespace for key in self._deps.specs.keys(STRATEGY.name)}
            namespaces |= set(self._looks) | ({self._deps.settings.namespace} - {""})
            for namespace in namespaces:
                # First, for what is learnt late of a platform is a reason to look at all its strategies again.
                self._deps.queue.add(Key(self.kind, namespace, ""), first=True)
            await asyncio.sleep(self._every_secs)

    async def _follow(self) -> None:
        """Wake strategies whose services have come to follow what was announced."""
        while True:
            await asyncio.sleep(FOLLOWED_SECS)
            if not self._deps.leadership.is_leader:
                continue
            for platform in self._shared.platforms.known():
                for name in await platform.followed():
                    self._deps.queue.add(Key(STRATEGY.name, platform.namespace, name))


def _detail_of(report: StrategyReport | None) -> Sign:
    """Pick what a status says of a strategy, however often it moves."""
    return () if report is None else (StatusFigures.told(report), report.reasons)


def _sign_of(report: StrategyReport | None) -> Sign:
    """Pick what decides something; prices, results and the seconds in a reason's words move all day."""
    if report is None:
        return ()
    code = report.reason_codes[0] if report.reason_codes else None
    first = (code, report.reasons[0] if code is ReasonCode.HALT else "")
    holds = bool(report.positions or report.open_orders or report.unresolved_orders)
    return (report.trading, first, len(report.positions), holds)
