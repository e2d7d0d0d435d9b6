"""One example answer a path, built from the models themselves, for the API's description."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from dashboard_api.handlers.halts import HaltReport
from dashboard_api.handlers.journal import EventReport
from dashboard_api.handlers.llm import UsageReport
from dashboard_api.handlers.logs import LogLines
from dashboard_api.handlers.macro import RegimeReport
from dashboard_api.handlers.portfolio import LivePositions, PerformanceReport
from dashboard_api.handlers.slots import Dag
from dashboard_api.handlers.trades import SeedPerformance
from dashboard_api.handlers.watchlist import ListedEntry
from prime_jennie.domain.briefing import Briefing
from prime_jennie.domain.buying import ReasonCode
from prime_jennie.domain.health import DependencyHealth, DependencyStatus, HealthStatus, ServiceStatus
from prime_jennie.domain.language import Usage
from prime_jennie.domain.macro import MacroInsight, PoliticalRisk, Sentiment, TradingContext, VixRegime
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.positions import DailySnapshot, PortfolioState, Position, TradeRecord
from prime_jennie.domain.risk import Halt, HaltSource, HaltState, StandingHalt
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.signals import SignalType
from prime_jennie.domain.slots import Slot, SlotSource, SlotState, Task, TriggerAnswer
from prime_jennie.domain.strategy_report import HeldStock, StrategyReport
from prime_jennie.domain.tiers import RiskTag, TradeTier
from prime_jennie.domain.watchlist import HotWatchlist, WatchlistEntry
from prime_jennie.infra.database.repositories.events import EventLevel

DAY: Final = date(2026, 2, 19)
AT: Final = datetime(2026, 2, 19, 1, 15, tzinfo=UTC)

POSITION: Final = Position(
    stock_code="005930",
    stock_name="삼성전자",
    quantity=30,
    average_buy_price=72_100,
    total_buy_amount=2_163_000,
    current_price=73_500,
    current_value=2_205_000,
    profit_pct=1.94,
    sector_group=SectorGroup.SEMICONDUCTOR_IT,
    high_watermark=73_900,
    stop_loss_price=67_774,
    bought_at=AT,
)
PORTFOLIO: Final = PortfolioState(
    positions=(POSITION,),
    cash_balance=47_837_000,
    total_asset=50_042_000,
    stock_eval_amount=2_205_000,
    position_count=1,
    timestamp=AT,
)
INSIGHT: Final = MacroInsight(
    insight_date=DAY,
    sentiment=Sentiment.NEUTRAL_TO_BULLISH,
    sentiment_score=62,
    regime_hint="KOSPI above its 20-day mean, breadth even",
    sectors_to_favor=(SectorGroup.SEMICONDUCTOR_IT,),
    position_size_pct=100,
    stop_loss_adjust_pct=100,
    political_risk_level=PoliticalRisk.LOW,
    vix_regime=VixRegime.NORMAL,
    kospi_index=2_610.4,
)
CONTEXT: Final = TradingContext(
    date=DAY, market_regime=MarketRegime.BULL, position_multiplier=1.0, stop_loss_multiplier=1.0
)
ENTRY: Final = WatchlistEntry(
    stock_code="005930",
    stock_name="삼성전자",
    quant_score=68,
    llm_score=70,
    hybrid_score=70,
    rank=1,
    is_tradable=True,
    trade_tier=TradeTier.TIER1,
    sector_group=SectorGroup.SEMICONDUCTOR_IT,
    scored_at=AT,
    since=DAY,
)
SLOT: Final = Slot(
    namespace="default",
    name="scout-20260219-0830",
    task=Task.SCOUT,
    schedule="scout",
    at=datetime(2026, 2, 18, 23, 30, tzinfo=UTC),
    source=SlotSource.SCHEDULE,
    state=SlotState.RAN,
    reason="20 listed of 350 candidates",
    attempts=1,
    started_at=AT,
    finished_at=AT,
    progress_pct=100,
)
HALT: Final = Halt(state=HaltState.PAUSED, source=HaltSource.PERSON, who="dashboard", why="going on holiday", at=AT)
STANDING: Final = StandingHalt(
    strategy="krx-core",
    state=HALT.state,
    source=HALT.source,
    who=HALT.who,
    why=HALT.why,
    at=HALT.at,
)
HEALTH: Final = HealthStatus(
    service="buy-executor",
    status=ServiceStatus.HEALTHY,
    uptime_seconds=3_600,
    version="0.1.0",
    dependencies={"redis": DependencyHealth(status=DependencyStatus.HEALTHY, latency_ms=0.4)},
    timestamp=AT,
)
USAGE: Final = Usage(calls=60, tokens_in=41_000, tokens_out=6_200)

REPORT: Final = StrategyReport(
    strategy="krx-core",
    mode="paper",
    trading=HaltState.ACTIVE,
    buys=False,
    reasons=("every position is taken (1/1)",),
    reason_codes=(ReasonCode.POSITIONS_FULL,),
    regime=MarketRegime.BULL.value,
    positions=(
        HeldStock(
            code="005930",
            name="삼성전자",
            quantity=30,
            average_price_krw=72_100,
            price_krw=73_500,
            profit_krw=38_000,
            profit_pct=1.75,
        ),
    ),
    buys_today=1,
    sells_today=0,
    realised_krw=0,
    unrealised_krw=38_000,
    day_pnl_krw=38_000,
    last_signal_at=AT,
    open_orders=0,
    unresolved_orders=0,
    generation=3,
    services={},
)

EXAMPLES: Final[dict[tuple[str, str], Any]] = {
    ("get", "/api/strategies"): [REPORT],
    ("get", "/api/portfolio/summary"): PORTFOLIO,
    ("get", "/api/portfolio/positions"): [POSITION],
    ("get", "/api/portfolio/history"): [
        DailySnapshot(
            snapshot_date=DAY,
            total_asset=50_042_000,
            cash_balance=47_837_000,
            stock_eval_amount=2_205_000,
            total_profit_loss=42_000,
            realized_profit_loss=0,
        )
    ],
    ("get", "/api/portfolio/live"): LivePositions(positions=(POSITION,), updated_at=AT, source="price-monitor"),
    ("get", "/api/portfolio/performance"): PerformanceReport(
        total_trades=11, win_trades=7, loss_trades=4, win_rate=7 / 11, avg_return_pct=2.3, total_profit=312_400
    ),
    ("get", "/api/trades/recent"): [
        TradeRecord(
            stock_code="005930",
            stock_name="삼성전자",
            trade_type=TradeType.BUY,
            quantity=30,
            price=72_100,
            total_amount=2_163_000,
            reason="GOLDEN_CROSS at 72,100",
            strategy_signal=SignalType.GOLDEN_CROSS,
            market_regime=MarketRegime.BULL,
            llm_score=70,
            hybrid_score=70,
            trade_tier=TradeTier.TIER1,
            timestamp=AT,
        )
    ],
    ("get", "/api/trades/performance"): SeedPerformance(win_rate=0.64, avg_return=2.3),
    ("get", "/api/watchlist/current"): HotWatchlist(
        generated_at=AT, market_regime=MarketRegime.BULL, stocks=(ENTRY,), version=HotWatchlist.version_of(AT)
    ),
    ("get", "/api/watchlist/history"): [
        ListedEntry(
            snapshot_date=DAY,
            run_id=SLOT.name,
            rank=1,
            stock_code="005930",
            stock_name="삼성전자",
            quant_score=68,
            llm_score=70,
            hybrid_score=70,
            trade_tier=TradeTier.TIER1,
            risk_tag=RiskTag.NEUTRAL,
            is_tradable=True,
            sector_group=SectorGroup.SEMICONDUCTOR_IT,
            market_regime=MarketRegime.BULL,
            since=DAY,
            is_active=True,
            created_at=AT,
        )
    ],
    ("get", "/api/macro/insight"): INSIGHT,
    ("get", "/api/macro/regime"): RegimeReport(regime=MarketRegime.BULL, context=CONTEXT),
    ("get", "/api/macro/dates"): [DAY],
    ("get", "/api/llm/stats"): UsageReport(date=DAY, services={"scout": USAGE}, total=USAGE),
    ("get", "/api/llm/stats/{day}"): {"scout": USAGE, "council": Usage(calls=3, tokens_in=18_000, tokens_out=5_400)},
    ("get", "/api/slots"): [SLOT],
    ("get", "/api/airflow/dags"): [Dag(dag_id=Task.SCOUT.value, service=Task.SCOUT.service, last_slot=SLOT)],
    ("post", "/api/airflow/dags/{dag_id}/trigger"): TriggerAnswer(job_id="scout-20260219-1015", status="started"),
    ("get", "/api/halts"): [HaltReport(strategy="krx-core", state=HaltState.PAUSED, halts=(STANDING,))],
    ("put", "/api/halts/{scope}"): HALT,
    ("delete", "/api/halts/{scope}"): {"lifted": True},
    ("get", "/api/events"): [
        EventReport(
            at=AT,
            level=EventLevel.INFO,
            kind="settlement",
            service="data-collector",
            strategy="krx-core",
            message="2026-02-19 settled: +42,000 KRW",
            who=None,
            payload={"total_pnl": 42_000},
        )
    ],
    ("get", "/api/briefings/{day}"): Briefing(
        briefing_date=DAY,
        body="<b>오늘의 브리핑</b>",
        sources={},
        gaps=("news",),
        writer="offline writer (deterministic, no model)",
        created_at=AT,
        sent_at=None,
    ),
    ("get", "/api/logs/services"): ["buy-executor", "kis-gateway"],
    ("get", "/api/logs/stream"): LogLines(service="buy-executor", lines=("2026-02-19T01:15:00Z [info] bought",)),
    ("get", "/api/system/health"): {"buy-executor": HEALTH},
}


def with_examples(description: dict[str, Any]) -> dict[str, Any]:
    """Add to an OpenAPI description one example for each path; a path without one is a KeyError."""
    for path, methods in description["paths"].items():
        if not path.startswith("/api/"):
            continue
        for method, operation in methods.items():
            status = next(status for status in operation["responses"] if status.startswith("2"))
            content = operation["responses"][status]["content"]["application/json"]
            content["example"] = _plain(EXAMPLES[(method, path)])
    return description


def _plain(example: Any) -> Any:
    return TypeAdapter[Any](Any).dump_python(
        example.model_dump(mode="json") if isinstance(example, BaseModel) else example, mode="json"
    )
