"""Put macro-council together: it belongs to the platform, not to a strategy."""

import asyncio
from collections.abc import Mapping

from fastapi import FastAPI

from macro_council.config import CouncilSettings
from macro_council.evidence import Evidence, IndexNow
from macro_council.members import Council, OfflineCouncil
from macro_council.model_council import ModelCouncil
from macro_council.sitting import CouncilRun
from macro_council.throttle import ThrottleRun
from prime_jennie.domain.slots import Task
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.clients.llm import open_model
from prime_jennie.infra.job_app import job_app
from prime_jennie.infra.jobs import JobDesk, JobWork
from prime_jennie.infra.regime_writer import RegimeWriter
from prime_jennie.strategy.regime import regime_of_score
from prime_jennie.strategy.regime_context import judged

NAME = "macro-council"


def create_app(settings: CouncilSettings) -> FastAPI:
    """Return the service's application; without a model's address the offline council sits."""

    def work_of(desk: JobDesk) -> JobWork:
        council = council_of(settings, desk)
        alerts = Alerts(desk.redis, desk.clock, NAME)
        evidence = Evidence.of(desk, settings)
        regime = RegimeWriter(desk.redis, desk.db, evidence.index_bars, judged)
        sitting = CouncilRun(desk, council, evidence, regime, alerts)
        throttle = ThrottleRun(desk, IndexNow(desk, settings), regime, alerts)
        recalled = asyncio.Event()

        async def recall() -> None:
            await sitting.recall()
            await throttle.recall()
            recalled.set()
            await asyncio.Event().wait()

        return JobWork(
            tasks={Task.MACRO_COUNCIL: sitting, Task.THROTTLE: throttle},
            loops={"recall": recall},
            ready=recalled.is_set,
            extras=lambda: {"council": council.name, **_insight(sitting), **_throttle(throttle)},
        )

    return job_app(settings, NAME, work_of, starting_extras={"council": None})


def council_of(settings: CouncilSettings, desk: JobDesk) -> Council:
    """Return the council that the settings name."""
    model = open_model(settings, desk.redis, desk.clock)
    return OfflineCouncil() if model is None else ModelCouncil(model, settings.cost_usd)


def _insight(sitting: CouncilRun) -> Mapping[str, object]:
    last = sitting.last
    if last is None:
        return {"last_insight": None}
    return {
        "last_insight": {
            "insight_date": last.insight_date.isoformat(),
            "sentiment_score": last.sentiment_score,
            "regime": regime_of_score(last.sentiment_score).value,
            "council": last.council,
            "is_fallback": last.is_fallback,
        }
    }


def _throttle(throttle: ThrottleRun) -> Mapping[str, object]:
    state = throttle.state
    return {
        "throttle_level": None if state is None else state.level.value,
        "throttle_at": None if state is None else state.at.isoformat(),
    }
