"""Judge the throttle's slot, and tell when it moves."""

from datetime import timedelta

from macro_council.evidence import IndexNow
from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.macro import MacroInsight, RiskLevel, ThrottleState, TradingContext
from prime_jennie.domain.slots import SlotSkipped
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.database.repositories.events import Event, EventLevel, EventRepository
from prime_jennie.infra.database.repositories.insights import InsightRepository
from prime_jennie.infra.database.repositories.macro_snapshots import MacroSnapshotRepository
from prime_jennie.infra.jobs import Job, JobDesk
from prime_jennie.infra.redis.cache import TypedCache
from prime_jennie.infra.regime_writer import RegimeWriter
from prime_jennie.infra.throttle_state import ThrottleStore
from prime_jennie.strategy.throttle import BLIND_LEVELS, throttled

_ALERT_LEVEL = {
    RiskLevel.CAUTION: AlertLevel.WARNING,
    RiskLevel.WARNING: AlertLevel.WARNING,
    RiskLevel.DANGER: AlertLevel.ERROR,
    RiskLevel.CRITICAL: AlertLevel.CRITICAL,
}
_EVENT_LEVEL = {
    AlertLevel.INFO: EventLevel.INFO,
    AlertLevel.WARNING: EventLevel.WARN,
    AlertLevel.ERROR: EventLevel.ERROR,
    AlertLevel.CRITICAL: EventLevel.ERROR,
}


class ThrottleRun:
    """One task: look at the index every few minutes of the session. `state` is what it judged last."""

    def __init__(self, desk: JobDesk, index_now: IndexNow, regime: RegimeWriter, alerts: Alerts) -> None:
        self._service = desk.service
        self._sessions = desk.sessions
        self._index_now = index_now
        self._regime = regime
        self._alerts = alerts
        self._store = ThrottleStore(desk.redis, desk.db)
        self._insights = InsightRepository(desk.db)
        self._snapshots = MacroSnapshotRepository(desk.db)
        self._events = EventRepository(desk.db)
        self._cache = TypedCache.of(desk.redis, RedisKeys.MACRO_INSIGHT, MacroInsight)
        self._told_key = ""
        self.state: ThrottleState | None = None

    async def __call__(self, job: Job) -> str:
        """Judge, store, rewrite the regime, tell: whatever is interrupted, the slot's next attempt ends it.

        SlotSkipped outside the session and for any slot but the newest: yesterday's fall throttles nobody today.
        """
        session = self._sessions.of(job.at)
        if session is None or not session.opens_at <= job.at < session.closes_at:
            raise SlotSkipped("장중이 아님")
        if not job.newest:
            raise SlotSkipped("지난 시각의 장중 위험은 판단하지 않음")
        insight = await self._insights.latest(before=job.day + timedelta(days=1))
        state = await self._judged(job, insight)
        await job.demand_own()
        await self._store.save(state)
        self.state = state
        try:
            context = await self._regime.publish(job.day)
        finally:
            await self._tell(job, state)
        await self._restore(job, insight)
        return _told(state, context)

    async def recall(self) -> None:
        """Learn after a start where the throttle stands."""
        self.state = await self._store.load()

    async def _judged(self, job: Job, newest: MacroInsight | None) -> ThrottleState:
        before = await self._store.load()
        snapshot = await self._snapshots.find(job.day)
        return throttled(
            before,
            at=job.at,
            day=job.day,
            kospi_change_pct=await self._index_now.change_pct(),
            vix=None if snapshot is None else snapshot.vix,
            council_at=None if newest is None else newest.decided_at,
        )

    async def _restore(self, job: Job, insight: MacroInsight | None) -> None:
        """Give an emptied Redis its copy of the day's insight back."""
        day = job.day.isoformat()
        if insight is not None and insight.insight_date == job.day and await self._cache.get(date=day) is None:
            await self._cache.set(insight, date=day)

    async def _tell(self, job: Job, state: ThrottleState) -> None:
        """Tell a change until it is told once; an interrupted slot's change is the next one's to tell."""
        if state.changed_at is not None:
            worse = state.level.severity > state.previous_level.severity
            level = _ALERT_LEVEL[state.level] if worse else AlertLevel.INFO
            title = f"장중 위험 {state.previous_level} → {state.level}"
            await self._note(f"throttle:{state.changed_at.isoformat()}", title, level, state)
        if state.misses in BLIND_LEVELS and state.changed_at != job.at:
            await self._note(f"throttle-blind:{job.slot}", "장중 지수 미확인", AlertLevel.ERROR, state)

    async def _note(self, key: str, title: str, level: AlertLevel, state: ThrottleState) -> None:
        if key == self._told_key:
            return
        text = _market(state)
        await self._alerts.send(level, title, text, key=key)
        event = Event(
            kind="throttle",
            message=f"{title}: {text}",
            service=self._service,
            at=state.at,
            level=_EVENT_LEVEL[level],
            key=key,
        )
        await self._events.add(event)
        self._told_key = key


def _market(state: ThrottleState) -> str:
    kospi = (
        f"지수를 {state.misses}회 연속 확인하지 못함"
        if state.kospi_change_pct is None
        else f"코스피 {state.kospi_change_pct:+.2f}%"
    )
    return kospi if state.vix is None else f"{kospi}, VIX {state.vix:.1f}"


def _told(state: ThrottleState, context: TradingContext | None) -> str:
    if context is None:
        return f"{state.level}: {_market(state)}; 국면을 알 수 없어 매수 없음"
    blocked = ", 매수 중단" if context.buys_blocked else ""
    return f"{state.level}: {_market(state)}; {context.market_regime}, 비중 ×{context.position_multiplier:g}{blocked}"
