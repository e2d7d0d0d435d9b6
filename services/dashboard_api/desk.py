"""What the handlers work with, opened once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from dashboard_api.config import DashboardSettings
from dashboard_api.hub import Hub
from prime_jennie.domain.broker import AccountInfo
from prime_jennie.domain.errors import BadInput, Unavailable
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.schema import ExpectedSchema
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.job_app import open_job_desk
from prime_jennie.infra.jobs import JobDesk
from prime_jennie.infra.redis.strategies import known_strategies


@dataclass
class DashboardDesk:
    """The platform's connections, the pages' hub, and whose account it all is."""

    jobs: JobDesk
    settings: DashboardSettings
    hub: Hub
    _account: AccountInfo | None = field(default=None)

    async def account(self) -> str:
        """Return the account's number, asked for once; Unavailable while the gateway has not said it, or refuses to."""
        if self._account is None:
            try:
                self._account = await self.jobs.gateway.info()
            except BadInput as refused:  # our token: nothing of a page's request is in this question
                raise Unavailable(str(refused)) from refused
        return self._account.account_no

    async def halts(self) -> HaltDesk:
        """Return the account's halts."""
        return HaltDesk(self.jobs.redis, self.jobs.db, await self.account())

    async def strategies(self) -> dict[str, LiveConfig]:
        """Return every strategy that is known."""
        return await known_strategies(self.jobs.redis, self.jobs.db)


@asynccontextmanager
async def open_dashboard_desk(
    settings: DashboardSettings, name: str, hub: Hub, schema: ExpectedSchema
) -> AsyncIterator[DashboardDesk]:
    """Open everything and wait for the tables; in a virtual day this waits until its leader speaks."""
    async with open_job_desk(settings, name, schema=schema) as jobs:
        yield DashboardDesk(jobs, settings, hub)
