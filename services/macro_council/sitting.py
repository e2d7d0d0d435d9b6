"""Let the council sit: gather, ask, merge, store, publish."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import TypeVar

import structlog
from pydantic import BaseModel, JsonValue

from macro_council.evidence import Evidence, completeness_pct
from macro_council.members import Council
from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.errors import JennieError, Unavailable
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.language import BadAnswer
from prime_jennie.domain.macro import MacroInsight
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.slots import SlotSkipped
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.database.repositories.events import Event, EventRepository
from prime_jennie.infra.database.repositories.insights import InsightRepository
from prime_jennie.infra.jobs import Job, JobDesk
from prime_jennie.infra.redis.cache import TypedCache
from prime_jennie.infra.regime_writer import RegimeWriter
from prime_jennie.strategy.council import Brief, Sitting, insight_of, scores_of
from prime_jennie.strategy.regime import regime_of_score

T = TypeVar("T")

log = structlog.get_logger(__name__)


class CouncilFailed(JennieError):  # noqa: N818 - a verdict on a sitting, not a fault in the code
    """The strategist failed: there is no insight, and the previous one stays."""


class CouncilRun:
    """One task: a sitting a slot. `last` is the newest insight that this process knows."""

    def __init__(
        self, desk: JobDesk, council: Council, evidence: Evidence, regime: RegimeWriter, alerts: Alerts
    ) -> None:
        self._service = desk.service
        self._clock = desk.clock
        self._council = council
        self._evidence = evidence
        self._regime = regime
        self._alerts = alerts
        self._insights = InsightRepository(desk.db)
        self._events = EventRepository(desk.db)
        self._cache = TypedCache.of(desk.redis, RedisKeys.MACRO_INSIGHT, MacroInsight)
        self.last: MacroInsight | None = None

    async def __call__(self, job: Job) -> str:
        """Run the slot and return its insight in a line.

        An attempt that was interrupted after its insight was stored publishes that one and asks nobody again. A
        failure leaves row and key as they were.
        """
        stored = await self._insights.of(job.day)
        if stored is not None and await self._insights.run_of(job.day) == job.slot:
            return await self._publish(job, stored)
        if stored is not None and stored.decided_at is not None and stored.decided_at > job.at:
            raise SlotSkipped(f"이후에 열린 위원회의 인사이트가 있음 ({stored.regime_hint})")
        try:
            insight = await self._sit(job)
        except JennieError as failure:
            await self._tell_failure(job, failure, stored)
            raise
        return await self._publish(job, insight)

    async def recall(self) -> None:
        """Learn after a start what the newest insight is."""
        tomorrow = self._clock.now().astimezone(KST).date() + timedelta(days=1)
        self.last = await self._insights.latest(before=tomorrow)

    async def _sit(self, job: Job) -> MacroInsight:
        await job.report("gathering", 10)
        brief = await self._evidence.brief(job)
        cost_before = self._council.cost_usd()
        await job.report("strategist", 30)
        sitting = await self._heard(job, brief)
        cost = self._council.cost_usd()
        insight = insight_of(
            brief,
            sitting,
            council=self._council.name[:200],
            decided_at=job.at,
            cost_usd=None if cost is None or cost_before is None else round(cost - cost_before, 6),
        )
        await self._insights.put(
            insight,
            run_id=job.slot,
            raw=_raw(brief, sitting),
            snapshot=brief.snapshot,
            completeness_pct=completeness_pct(brief),
        )
        return insight

    async def _heard(self, job: Job, brief: Brief) -> Sitting:
        try:
            view = await self._council.strategist(brief)
        except (BadAnswer, Unavailable) as error:
            raise CouncilFailed(f"strategist: {error}") from error
        failures: list[str] = []
        await job.report("analyst", 55)
        risk = await _or_none("analyst", self._council.analyst(brief, view), failures)
        await job.report("judge", 80)
        verdict = await _or_none("judge", self._council.judge(brief, view, risk), failures)
        return Sitting(view, risk, verdict, tuple(failures))

    async def _publish(self, job: Job, insight: MacroInsight) -> str:
        await job.report("publishing", 95)
        told = _told(insight)
        if job.newest:
            await job.demand_own()
            await self._cache.set(insight, date=job.day.isoformat())
            await self._regime.publish(job.day)
            self.last = insight
            level = AlertLevel.WARNING if insight.is_fallback else AlertLevel.INFO
            await self._alerts.send(level, "거시 위원회 인사이트", f"{told}\n{insight.regime_hint}", key=job.slot)
        await self._events.add(
            Event(
                kind="macro-insight",
                message=told,
                service=self._service,
                at=job.at,
                payload=insight.model_dump(mode="json"),
                key=f"insight:{job.slot}",
            )
        )
        return told

    async def _tell_failure(self, job: Job, failure: JennieError, kept: MacroInsight | None) -> None:
        standing = "이 날의 인사이트는 아직 없음" if kept is None else f"이전 인사이트 유지: {_told(kept)}"
        await self._alerts.send(
            AlertLevel.ERROR, "거시 위원회 실패", f"{failure}\n{standing}", key=f"failed:{job.slot}:{job.attempt}"
        )


async def _or_none(member: str, words: Awaitable[T], failures: list[str]) -> T | None:
    try:
        return await words
    except (BadAnswer, Unavailable) as error:
        log.warning("a member of the council failed", member=member, error=str(error))
        failures.append(f"{member}: {error}")
        return None


def _told(insight: MacroInsight) -> str:
    regime = regime_of_score(insight.sentiment_score)
    gaps = f"; 빠진 자료 {len(insight.gaps)}건" if insight.gaps else ""
    fallback = "; 응답하지 못한 위원 있음" if insight.is_fallback else ""
    return (
        f"{insight.insight_date} {regime} {insight.sentiment_score:.1f}점, 비중 {insight.position_size_pct:.0f}%,"
        f" 손절폭 {insight.stop_loss_adjust_pct:.0f}%, {insight.council_consensus} — {insight.council}{fallback}{gaps}"
    )


def _raw(brief: Brief, sitting: Sitting) -> dict[str, JsonValue]:
    scores = scores_of(sitting, brief.price)
    return {
        "price_score": brief.price.score,
        "bounded_scores": {"strategist": scores.strategist, "analyst": scores.analyst, "final": scores.final},
        "strategist": _dumped(sitting.strategist),
        "analyst": _dumped(sitting.analyst),
        "judge": _dumped(sitting.verdict),
        "failures": list(sitting.failures),
        "today_change_pct": brief.today_change_pct,
    }


def _dumped(words: BaseModel | None) -> JsonValue:
    return None if words is None else words.model_dump(mode="json")
