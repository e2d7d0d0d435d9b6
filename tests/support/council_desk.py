"""The council's desk for tests: a real Redis and database, clock and gateway in memory, three answers of a model."""

from datetime import datetime, timedelta
from typing import Any

from redis.asyncio import Redis

from macro_council.config import CouncilSettings
from macro_council.evidence import Evidence, IndexNow
from macro_council.members import Council, OfflineCouncil
from macro_council.sitting import CouncilRun
from macro_council.throttle import ThrottleRun
from prime_jennie.domain.alerts import Alert
from prime_jennie.domain.macro import MacroInsight, TradingContext
from prime_jennie.domain.market import IndexQuote
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.slots import SlotSource, Task, slot_name
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.fakes.broker import InMemoryBroker
from prime_jennie.infra.fakes.clock import ManualClock
from prime_jennie.infra.fakes.gateway import InMemoryGateway
from prime_jennie.infra.jobs import Job, JobDesk
from prime_jennie.infra.outages import Outages
from prime_jennie.infra.regime import RegimeReader
from prime_jennie.infra.regime_writer import RegimeWriter
from prime_jennie.strategy.regime_context import judged
from tests.support.council import FLAT
from tests.support.insights import COUNCIL_AT, index_bars
from tests.support.told_alerts import told_alerts

STRATEGIST = {"overall_sentiment": "neutral", "sentiment_score": 55, "regime_hint": "박스권"}
ANALYST = {
    "risk_assessment": {"agree_with_sentiment": True, "adjusted_sentiment_score": 52, "adjustment_reason": "환율"},
    "political_risk_level": "medium",
    "political_risk_summary": "선거",
    "position_size_pct": 95,
    "stop_loss_adjust_pct": 105,
}
JUDGE = {
    "final_sentiment": "neutral",
    "final_sentiment_score": 53,
    "final_regime_hint": "관망",
    "sectors_to_favor": ["금융"],
    "sectors_to_avoid": ["통신"],
    "strategies_to_avoid": ["MOMENTUM"],
    "final_position_size_pct": 90,
    "final_stop_loss_adjust_pct": 110,
}


class CouncilDesk:
    """One macro-council without its HTTP edge."""

    def __init__(self, redis: Redis, db: Database, *, at: datetime = COUNCIL_AT, closes: list[float] = FLAT) -> None:
        self.redis = redis
        self.db = db
        self.clock = ManualClock(at)
        indexes = {"0001": index_bars(closes), "1001": index_bars(closes, code="1001")}
        self.broker = InMemoryBroker(self.clock, indexes=indexes)
        self.gateway = InMemoryGateway(self.broker)
        self.settings = CouncilSettings()
        self.start()

    def start(self, council: Council | None = None) -> None:
        """Start the service, or start it anew: nothing in memory survives."""
        desk = JobDesk(
            service="macro-council",
            worker_id="macro-council@here:1",
            clock=self.clock,
            redis=self.redis,
            db=self.db,
            gateway=self.gateway,
            sessions=load_sessions(),
            outages=Outages(),
            namespace="default",
        )
        alerts = Alerts(self.redis, self.clock, "macro-council")
        evidence = Evidence.of(desk, self.settings)
        regime = RegimeWriter(self.redis, self.db, evidence.index_bars, judged)
        self.evidence = evidence
        self.council = CouncilRun(desk, council or OfflineCouncil(), evidence, regime, alerts)
        self.throttle = ThrottleRun(desk, IndexNow(desk, self.settings), regime, alerts)

    def job(self, task: Task = Task.MACRO_COUNCIL, at: datetime | None = None, **changes: Any) -> Job:
        """Return the job of a slot at the clock's minute; it is the newest unless a test says otherwise."""
        at = at or self.clock.now()
        known: dict[str, Any] = {
            "slot": slot_name(task, at),
            "task": task,
            "at": at,
            "day": at.astimezone(KST).date(),
            "source": SlotSource.SCHEDULE,
            "newest": True,
        }
        return Job(**(known | changes))

    async def sit(self, **changes: Any) -> str:
        """Run a council slot now."""
        return await self.council(self.job(**changes))

    async def look(self, change_pct: float | None, *, minutes: float = 5) -> str:
        """Let minutes pass and run a throttle slot on KOSPI's day so far, None for an index that nobody can ask."""
        self.clock.advance(minutes * 60)
        self.quote(change_pct)
        return await self.throttle(self.job(Task.THROTTLE))

    def quote(self, change_pct: float | None, *, age: timedelta = timedelta(0)) -> None:
        """Let the index stand somewhere, or be unknown."""
        self.broker.index_quotes.pop("0001", None)
        self.gateway.down = change_pct is None
        if change_pct is not None:
            self.broker.index_quotes["0001"] = IndexQuote(
                index_code="0001", price=2_500, change_pct=change_pct, timestamp=self.clock.now() - age
            )

    async def insight(self) -> MacroInsight | None:
        """Return what the day's key holds."""
        text = await self.redis.get(f"macro:insight:{self.clock.now().astimezone(KST).date()}")
        return None if text is None else MacroInsight.model_validate_json(text)

    async def regime(self) -> TradingContext | None:
        """Return what the market allows now."""
        return await RegimeReader(self.redis).on_day_of(self.clock.now())

    async def alerts(self) -> list[Alert]:
        """Return what persons were told, one a key."""
        return list({alert.key: alert for alert in await told_alerts(self.redis)}.values())
