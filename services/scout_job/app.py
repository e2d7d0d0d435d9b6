"""Put scout-job together: it belongs to the platform, not to a strategy."""

from typing import TYPE_CHECKING

from fastapi import FastAPI

from prime_jennie.domain.analyst import Analyst
from prime_jennie.domain.slots import Task
from prime_jennie.infra.clients.llm import open_model
from prime_jennie.infra.job_app import job_app
from prime_jennie.infra.jobs import Job, JobDesk, JobWork
from scout_job.config import ScoutSettings
from scout_job.language_analyst import LanguageAnalyst
from scout_job.live import LiveLists
from scout_job.offline_analyst import OfflineAnalyst
from scout_job.refresh import RefreshLoop
from scout_job.regime import RegimeDesk

if TYPE_CHECKING:
    from scout_job.run import ScoutRun

NAME = "scout-job"


class Scout:
    """What the service does at its desk."""

    def __init__(self, desk: JobDesk, settings: ScoutSettings) -> None:
        self._desk = desk
        self._settings = settings
        self._regime = RegimeDesk(desk, index_code=settings.index_code, index_days=settings.index_days)
        self._lists = LiveLists(desk.redis)
        self._analyst = analyst_of(desk, settings)
        self._refresh = RefreshLoop(
            desk.clock, desk.sessions, self._regime, self._lists, refresh_minutes=settings.refresh_minutes
        )
        self._run: ScoutRun | None = None

    def work(self) -> JobWork:
        """Return the task, the loop beside it and what the HTTP edge tells."""
        return JobWork(
            tasks={Task.SCOUT: self.scout},
            loops={"regime": self._refresh.follow},
            ready=lambda: self._refresh.ready,
            extras=self.extras,
            status=self.status,
        )

    async def scout(self, job: Job) -> str:
        """Run one slot."""
        if self._run is None:
            from scout_job.run import ScoutRun  # numpy and a year of bars: a service that waits needs neither

            self._run = ScoutRun(
                self._desk,
                self._regime,
                self._analyst,
                self._lists,
                analysis_secs=self._settings.analysis_secs,
                keep_scores_days=self._settings.keep_scores_days,
            )
        return await self._run(job)

    def status(self) -> dict[str, object]:
        """Return the regime with its source."""
        context = self._regime.current
        return {
            "market_regime": None if context is None else context.market_regime.value,
            "regime_source": None if context is None else context.regime_source,
        }

    def extras(self) -> dict[str, object]:
        """Return what the last run came to; nothing is known before the first one."""
        last = None if self._run is None else self._run.last
        return {
            **self.status(),
            "analyst": self._analyst.name,
            "universe": None if last is None else last.universe,
            "scored": None if last is None else last.scored,
            "watchlist_size": None if last is None else last.listed,
            "gaps": [] if last is None else list(last.gaps),
        }


def analyst_of(desk: JobDesk, settings: ScoutSettings) -> Analyst:
    """Return the language model where one is configured, else the rule that stands in for it."""
    model = open_model(settings, desk.redis, desk.clock)
    return OfflineAnalyst() if model is None else LanguageAnalyst(model)


def create_app(settings: ScoutSettings) -> FastAPI:
    """Return the service's application."""
    return job_app(settings, NAME, lambda desk: Scout(desk, settings).work(), starting_extras={"analyst": None})
