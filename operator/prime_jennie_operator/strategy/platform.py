"""What is known of each namespace's platform: its Secrets, its gateway, its figures, its Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import structlog
from redis.exceptions import RedisError

from prime_jennie.domain.ports import Clock
from prime_jennie.domain.strategy_report import StrategyReport
from prime_jennie_operator.dependencies import Dependencies
from prime_jennie_operator.desired.platform import program_url
from prime_jennie_operator.live_config import Announced, LiveConfigChannel
from prime_jennie_operator.strategy.conditions import GatewayStanding
from prime_jennie_operator.strategy.dashboard import Dashboard, NoFigures
from prime_jennie_operator.strategy.figures import Figures
from prime_jennie_operator.strategy.secrets import SecretsFound, read_secrets

log = structlog.get_logger(__name__)

STALE_AFTER_SECS: Final = 100.0  # real; one lost answer is no news
ASKED_AT_ONCE: Final = 200  # strategies; a thousand that nobody follows must not cost more than those that trade
REST_SECS: Final = 5.0  # real; a Redis that is away is not asked once for every strategy


@dataclass(slots=True)
class Told:
    """The figures of a namespace, and how old they are."""

    reports: dict[str, StrategyReport] = field(default_factory=dict)
    at: datetime | None = None
    at_secs: float | None = None
    began_at: datetime | None = None
    began_secs: float | None = None
    why: str = ""

    def answered(self, reports: dict[str, StrategyReport], now: datetime) -> None:
        self.reports, self.at, self.at_secs, self.why = reports, now, time.monotonic(), ""

    def silent(self, why: str, now: datetime) -> None:
        if self.began_secs is None:
            self.began_at, self.began_secs = now, time.monotonic()
        self.why = why

    def figures(self, strategy: str) -> Figures:
        """Say what is known of one strategy, and since when nothing newer is."""
        last_secs, last_at = (self.began_secs, self.began_at) if self.at_secs is None else (self.at_secs, self.at)
        patience_secs = 0.0 if self.at_secs is None else STALE_AFTER_SECS
        is_silent = bool(self.why) and last_secs is not None and time.monotonic() - last_secs >= patience_secs
        return Figures(
            report=self.reports.get(strategy),
            silent_since=last_at if is_silent else None,
            why=self.why if is_silent else "",
            is_asked=self.at_secs is not None,
        )


@dataclass(slots=True)
class ConfigDesk:
    """The live configurations' Redis, which may be away."""

    channel: LiveConfigChannel
    _expected: dict[str, dict[str, int]] = field(default_factory=dict)
    """Strategies whose services do not all follow yet, with who followed what when they were last looked at."""
    _rests_until_secs: float = 0.0
    _is_silent: bool = False

    async def announce(self, announced: Announced) -> tuple[str | None, dict[str, int] | None]:
        """Announce; return the namespace that has the name already, and who follows which generation (None: silent)."""
        if time.monotonic() < self._rests_until_secs:
            return None, None
        try:
            taken, acknowledged = await self.channel.announce(announced)
        except (RedisError, OSError) as error:
            self._rest(error)
            return None, None
        if self._is_silent:
            self._is_silent = False
            log.info("redis answers again")
        return taken, acknowledged

    def expect(self, strategy: str, acknowledged: dict[str, int]) -> None:
        """Have `news` tell when other generations are followed than these."""
        self._expected[strategy] = acknowledged

    def expect_no_more(self, strategy: str) -> None:
        self._expected.pop(strategy, None)

    async def news(self) -> list[str]:
        """Name expected strategies of which something else is followed by now: one question for many of them."""
        names = list(islice(self._expected, ASKED_AT_ONCE))
        if not names or time.monotonic() < self._rests_until_secs:
            return []
        try:
            answers = await self.channel.acknowledged_by(names)
        except (RedisError, OSError) as error:
            self._rest(error)
            return []
        found = []
        for name, now in zip(names, answers, strict=True):
            before = self._expected.pop(name, now)
            if before == now:
                self._expected[name] = before  # behind those that were not asked for this time
            else:
                found.append(name)
        return found

    async def forget_all_but(self, namespace: str, names: set[str], holding: Callable[[str], bool]) -> None:
        """Forget the configurations of strategies that are no more, once they hold nothing: until then people see them.

        `holding` tells whether one may have something left, which is so while nobody knows.
        """
        if time.monotonic() < self._rests_until_secs:
            return
        try:
            for name in sorted(await self.channel.announced_of(namespace) - names):
                if not holding(name) and await self.channel.forget(name, namespace):
                    log.info("configuration forgotten", strategy=name, namespace=namespace)
        except (RedisError, OSError) as error:
            self._rest(error)

    def _rest(self, error: Exception) -> None:
        self._rests_until_secs = time.monotonic() + REST_SECS
        if not self._is_silent:
            self._is_silent = True
            log.warning("redis does not answer", error=f"{type(error).__name__}: {error}")


class Platform:
    """One namespace's."""

    def __init__(self, namespace: str, deps: Dependencies, wall: Clock) -> None:
        self.namespace = namespace
        self.gateway = GatewayStanding(None, "not looked at yet")
        self.told = Told()
        self._deps = deps
        self._wall = wall
        self._secrets: SecretsFound | None = None
        self._desk: ConfigDesk | None = None
        self._first = asyncio.Lock()

    async def secrets(self) -> SecretsFound:
        """Return what was read last; the first time this reads."""
        async with self._first:
            if self._secrets is None:
                self._secrets = await read_secrets(self._deps.api, self.namespace, self._deps.values)
        return self._secrets

    async def read_secrets(self) -> bool:
        """Read the Secrets anew; True when something about them is news."""
        found = await read_secrets(self._deps.api, self.namespace, self._deps.values)
        is_news, self._secrets = found != self._secrets, found
        return is_news

    async def ask(self, dashboard: Dashboard) -> None:
        """Ask for the figures; without an answer those of before stay."""
        token = self._secrets.read_token if self._secrets is not None else None
        if token is None and self._deps.settings.read_token is not None:
            token = self._deps.settings.read_token.get_secret_value()
        try:
            self.told.answered(await dashboard.reports(self._dashboard_url(), token), self._wall.now())
        except NoFigures as none:
            self.told.silent(str(none), self._wall.now())

    async def followed(self) -> list[str]:
        """Name the strategies of which a service follows another generation than when they were looked at."""
        return [] if self._desk is None else await self._desk.news()

    def forget(self, strategy: str) -> None:
        """Wait no more for the services of a strategy that is gone."""
        if self._desk is not None:
            self._desk.expect_no_more(strategy)

    @property
    def desk(self) -> ConfigDesk:
        """Return the configurations' desk, opened when it is first needed."""
        if self._desk is None:
            self._desk = ConfigDesk(LiveConfigChannel(self._redis_url()))
        return self._desk

    async def close(self) -> None:
        if self._desk is not None:
            await self._desk.channel.close()

    def _redis_url(self) -> str:
        own = self._secrets.redis_url if self._secrets is not None else None
        settings, values = self._deps.settings, self._deps.values
        if settings.scope == "namespace" and settings.redis_url is not None:
            return settings.redis_url
        return own or (values.redis.url or self._in_namespace(values.redis_url))

    def _dashboard_url(self) -> str:
        settings, values = self._deps.settings, self._deps.values
        if settings.scope == "namespace" and settings.dashboard_url is not None:
            return settings.dashboard_url
        return self._in_namespace(program_url(values, "dashboard-api"))

    def _in_namespace(self, url: str) -> str:
        """Add the namespace to a Service's short name, where the operator serves several."""
        parts = urlsplit(url)
        if self._deps.settings.scope == "namespace" or not parts.hostname:
            return url
        host = f"{parts.hostname}.{self.namespace}"
        return urlunsplit(parts._replace(netloc=host if parts.port is None else f"{host}:{parts.port}"))


class Platforms:
    """Every namespace's, made when it is first asked for."""

    def __init__(self, deps: Dependencies, wall: Clock) -> None:
        self._deps = deps
        self._wall = wall
        self._known: dict[str, Platform] = {}

    def of(self, namespace: str) -> Platform:
        if namespace not in self._known:
            self._known[namespace] = Platform(namespace, self._deps, self._wall)
        return self._known[namespace]

    def known(self) -> list[Platform]:
        return list(self._known.values())

    async def close(self) -> None:
        for platform in self._known.values():
            await platform.close()
