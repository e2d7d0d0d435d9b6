"""What a page may ask, who may ask it, and what it is told when something is missing."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from dashboard_api.app import create_app, described
from dashboard_api.config import DashboardSettings
from dashboard_api.examples import EXAMPLES
from prime_jennie.domain.risk import Halt, HaltSource, HaltState
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.halts import HaltRepository
from prime_jennie.infra.database.repositories.sales import sales_of
from prime_jennie.infra.database.repositories.trades import TradeLog
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow, DailyAssetSnapshotRow
from prime_jennie.infra.database.tables.scouting import WatchlistHistoryRow
from tests.support.briefed_day import row_of, traded
from tests.support.dashboard import ACCOUNT, OPERATE, READ, Dashboard, GatewayTwin, running_dashboard
from tests.support.http_twin import Answer, HttpTwin
from tests.support.redis_server import RedisServer

TODAY = datetime.now(UTC)
SEEDS = [
    "/api/portfolio/summary",
    "/api/portfolio/positions",
    "/api/portfolio/history",
    "/api/macro/insight",
    "/api/macro/regime",
    "/api/watchlist/current",
    "/api/watchlist/history",
    "/api/trades/recent",
    "/api/trades/performance",
    "/api/llm/stats/2026-02-19",
    "/api/system/health",
]


async def sold(db: Database, number: int, profit: int, cost: int, *, order: int | None = None) -> None:
    """Book one execution of a sale, today."""
    await traded(
        SimpleNamespace(db=db),  # type: ignore[arg-type] - only its database is used
        number,
        "SELL",
        quantity=1,
        price=cost + profit,
        profit_krw=profit,
        order=order,
        account=ACCOUNT,
        strategy="krx-core",
        **dict.fromkeys(("strategy_signal", "market_regime", "trade_tier", "llm_score", "hybrid_score")),
        trade_timestamp=TODAY - timedelta(minutes=10) + timedelta(seconds=number),
    )


def test_nobody_looks_without_a_token(dashboard: Dashboard) -> None:
    for path in [*SEEDS, "/api/slots", "/api/halts", "/api/events", "/openapi.json"]:
        for token in (None, "wrong", READ + "x", "", "ｒead"):
            said = {"Authorization": f"Bearer {token}".encode()} if token else {}
            answer = dashboard.call("GET", path, None, headers=said)
            assert answer.status_code == 401, (path, token, answer.text)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            assert set(answer.json()) >= {"error", "service", "timestamp"}


def test_every_path_of_the_seeds_answers_truthfully_on_an_empty_house(dashboard: Dashboard) -> None:
    status = {path: dashboard.get(path).status_code for path in SEEDS}
    nothing_yet = {"/api/macro/insight", "/api/macro/regime", "/api/watchlist/current"}
    assert status == {path: 404 if path in nothing_yet else 200 for path in SEEDS}
    assert dashboard.get("/api/portfolio/positions").json() == []
    assert dashboard.get("/api/trades/performance").json() == {"win_rate": 0, "avg_return": 0}


def test_a_reader_changes_nothing_and_an_operator_does(dashboard: Dashboard) -> None:
    body = {"state": "Paused", "why": "going on holiday"}
    assert dashboard.call("PUT", "/api/halts/account", READ, json=body).status_code == 403
    assert dashboard.call("PUT", "/api/halts/account", OPERATE, json=body).json()["source"] == "person"
    assert dashboard.call("DELETE", "/api/halts/account", READ).status_code == 403
    assert dashboard.call("DELETE", "/api/halts/account", OPERATE).json() == {"lifted": True}
    assert dashboard.call("DELETE", "/api/halts/account", OPERATE).json() == {"lifted": False}


async def test_lifting_here_leaves_the_risk_engines_halt(dashboard: Dashboard, sqlite_db: Database) -> None:
    halts = HaltRepository(sqlite_db)
    risk = Halt(state=HaltState.PAUSED, source=HaltSource.RISK, who="buy-executor", why="3 % lost", at=TODAY)
    await halts.set(ACCOUNT, "", risk)
    assert dashboard.call("DELETE", "/api/halts/account", OPERATE).json() == {"lifted": False}
    assert [halt.source for halt in await halts.in_force(ACCOUNT, "")] == [HaltSource.RISK]


WRONG: list[tuple[str, str, dict[str, Any], str]] = [
    ("GET", "/api/trades/recent", {"params": {"limit": 0}}, "limit"),
    ("GET", "/api/trades/recent", {"params": {"limit": 501}}, "limit"),
    ("GET", "/api/trades/recent", {"params": {"cursor": "bm9wZQ"}}, "cursor"),
    ("GET", "/api/trades/recent", {"params": {"cursor": "'; DROP TABLE trade_log"}}, "cursor"),
    ("GET", "/api/portfolio/performance", {"params": {"days": "many"}}, "days"),
    ("GET", "/api/macro/insight", {"params": {"target_date": "yesterday"}}, "target_date"),
    ("GET", "/api/slots", {"params": {"task": "coffee"}}, "coffee"),
    ("GET", "/api/llm/stats/2026-02-31", {}, "day"),
    ("PUT", "/api/halts/account", {"json": {"state": "Active", "why": "x"}}, "state"),
    ("PUT", "/api/halts/account", {"json": {"state": "Paused", "why": "x", "color": "red"}}, "color"),
    ("PUT", "/api/halts/account", {"content": "{"}, "body"),
]


def test_a_wrong_question_is_400_by_its_field(dashboard: Dashboard) -> None:
    for method, path, more, says in WRONG:
        answer = dashboard.call(method, path, OPERATE, **more)
        assert answer.status_code == 400, (path, more, answer.text)
        assert says in answer.text, (path, more, answer.text)


def test_unknown_strategies_and_logs_are_404(dashboard: Dashboard) -> None:
    assert dashboard.call("PUT", "/api/halts/nobody", OPERATE, json={"state": "Paused", "why": "x"}).status_code == 404
    assert dashboard.get("/api/briefings/2026-02-19").status_code == 404


def test_without_a_logs_folder_the_setting_is_named(dashboard: Dashboard) -> None:
    answer = dashboard.get("/api/logs/services")
    assert answer.status_code == 503
    assert "LOGS_FOLDER" in answer.text


def test_a_task_whose_service_is_not_installed_cannot_be_triggered(dashboard: Dashboard) -> None:
    assert dashboard.call("POST", "/api/airflow/dags/scout/trigger", READ).status_code == 403
    answer = dashboard.call("POST", "/api/airflow/dags/scout/trigger", OPERATE)
    assert answer.status_code == 503
    assert "scout-job is not installed" in answer.text


class JobTwin(HttpTwin):
    """A scout-job that answers as a test says."""

    says = Answer(200, {"job_id": "scout-20260219-1015", "status": "started"})
    asked: Mapping[str, Any] | None = None

    def answer(self, path: str, parameters: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        self.asked = {"path": path, **parameters}
        return self.says


@pytest.fixture
def job() -> Iterator[JobTwin]:
    with JobTwin() as twin:
        yield twin


@pytest.fixture
def with_job(
    mortal_redis: RedisServer, sqlite_url: str, sqlite_db: Database, gateway: GatewayTwin, job: JobTwin
) -> Iterator[Dashboard]:
    urls = f"scout-job=http://127.0.0.1:{job.port}"
    with running_dashboard(mortal_redis.url, sqlite_url, gateway.url, SERVICE_URLS=urls) as found:
        yield found


def test_a_trigger_is_answered_as_the_tasks_service_answers_it(with_job: Dashboard, job: JobTwin) -> None:
    def trigger() -> tuple[int, dict[str, Any]]:
        answer = with_job.call("POST", "/api/airflow/dags/scout/trigger", OPERATE)
        return answer.status_code, answer.json()

    assert trigger() == (202, {"job_id": "scout-20260219-1015", "status": "started"})
    assert job.asked == {"path": "/trigger", "task": "scout"}
    job.says = Answer(200, {"job_id": "x", "status": "finished", "outcome": "Skipped", "reason": "no session"})
    assert trigger() == (202, {"job_id": "x", "status": "finished", "outcome": "Skipped", "reason": "no session"})
    for status, error in ((400, "BadInput"), (404, "NotFound"), (409, "Conflict"), (503, "Unavailable")):
        job.says = Answer(status, {"error": error, "detail": "why not", "service": "scout-job"})
        code, body = trigger()
        assert (code, body["error"]) == (status, error)
        assert "why not" in body["detail"]
    for says in (
        Answer(200, "<html>"),
        Answer(200, {"hello": "world"}),
        Answer(500, "oops"),
        Answer(200, {}, lost=True),
    ):
        job.says = says
        assert trigger()[0] == 503


async def test_trades_come_in_pages_newest_first_and_none_is_lost(dashboard: Dashboard, sqlite_db: Database) -> None:
    for number in range(1, 8):
        await sold(sqlite_db, number, profit=number, cost=1_000)
    seen: list[int] = []
    cursor: str | None = None
    while True:
        answer = dashboard.get("/api/trades/recent", limit=3, **({"cursor": cursor} if cursor else {}))
        seen += [trade["price"] - 1_000 for trade in answer.json()]
        cursor = answer.headers.get("X-Next-Cursor")
        if cursor is None:
            break
    assert seen == [7, 6, 5, 4, 3, 2, 1]


async def test_a_sale_of_three_executions_is_one_trade(db: Database) -> None:
    await sold(db, 1, profit=300, cost=1_000, order=1)
    await sold(db, 2, profit=300, cost=1_000, order=1)
    await sold(db, 3, profit=-900, cost=1_000, order=3)
    trades = await TradeLog(db).trades(ACCOUNT, since=TODAY - timedelta(days=1))
    sales = sales_of(trades)
    assert [(sale.cost_krw, sale.profit_krw) for sale in sales] == [(2_000, 600), (1_000, -900)]
    trades[0].profit_amount = None
    assert [(sale.cost_krw, sale.profit_krw) for sale in sales_of(trades)] == [(0, 300), (1_000, -900)]
    assert len(await TradeLog(db).newest(ACCOUNT, limit=2)) == 2


async def test_performance_counts_sales_not_executions(dashboard: Dashboard, sqlite_db: Database) -> None:
    await sold(sqlite_db, 1, profit=300, cost=1_000, order=1)
    await sold(sqlite_db, 2, profit=300, cost=1_000, order=1)
    await sold(sqlite_db, 3, profit=-100, cost=1_000, order=3)
    found = dashboard.get("/api/portfolio/performance", days=30).json()
    assert (found["total_trades"], found["win_trades"], found["loss_trades"]) == (2, 1, 1)
    assert found["win_rate"] == 0.5
    assert found["avg_return_pct"] == pytest.approx((30 - 10) / 2)
    assert found["total_profit"] == 500


async def test_holdings_carry_what_only_our_records_know(
    dashboard: Dashboard, sqlite_db: Database, gateway: GatewayTwin
) -> None:
    row = row_of(
        ActivePortfolioRow,
        account=ACCOUNT,
        strategy="krx-core",
        stock_code="005930",
        stock_name="삼성전자",
        quantity=10,
        average_buy_price=70_000,
        total_buy_amount=700_000,
        sector_group="반도체/IT",
        bought_at=TODAY,
    )
    await sqlite_db.write(lambda session: session.add(row))
    broker = {"quantity": 10, "average_buy_price": 70_000, "total_buy_amount": 700_000, "current_price": 77_000}
    gateway.positions = (
        {"stock_code": "005930", "stock_name": "삼성전자", **broker},
        {"stock_code": "000660", "stock_name": "SK하이닉스", **broker},
    )
    held = {one["stock_code"]: one for one in dashboard.get("/api/portfolio/summary").json()["positions"]}
    assert held["005930"]["sector_group"] == "반도체/IT"
    assert held["000660"]["sector_group"] is None  # bought elsewhere: nobody's
    ours = dashboard.get("/api/portfolio/positions").json()
    assert [(one["stock_code"], one["current_price"], round(one["profit_pct"], 1)) for one in ours] == [
        ("005930", 77_000, 10.0)
    ]
    live = dashboard.get("/api/portfolio/live").json()
    assert (live["source"], len(live["positions"])) == ("broker", 1)


async def test_a_gateway_that_is_down_is_said_and_never_an_empty_portfolio(
    dashboard: Dashboard, sqlite_db: Database, gateway: GatewayTwin
) -> None:
    assert dashboard.get("/api/portfolio/live").status_code == 200  # the account is known from now on
    row = row_of(ActivePortfolioRow, account=ACCOUNT, strategy="krx-core", stock_code="005930", sector_group=None)
    await sqlite_db.write(lambda session: session.add(row))
    gateway.down = True
    assert dashboard.get("/api/portfolio/summary").status_code == 503
    assert dashboard.get("/api/portfolio/positions").status_code == 503
    live = dashboard.get("/api/portfolio/live").json()
    assert (live["source"], len(live["positions"])) == ("database", 1)


def test_an_unreachable_redis_is_503_where_it_is_needed(dashboard: Dashboard, mortal_redis: RedisServer) -> None:
    mortal_redis.kill()
    assert dashboard.get("/api/macro/regime").status_code == 503
    assert dashboard.get("/api/watchlist/current").status_code == 503
    assert dashboard.get("/api/trades/recent").status_code == 200
    mortal_redis.start()
    assert dashboard.get("/api/macro/regime").status_code == 404


async def test_history_and_lists_come_from_their_tables(dashboard: Dashboard, sqlite_db: Database) -> None:
    day = TODAY.date()
    snapshots = [
        row_of(DailyAssetSnapshotRow, account=ACCOUNT, strategy=strategy, snapshot_date=day - timedelta(days=ago))
        for strategy in ("", "krx-core")
        for ago in range(3)
    ]
    listed = [
        row_of(
            WatchlistHistoryRow,
            snapshot_date=day,
            run_id=f"scout-{run}",
            stock_code=code,
            rank=rank,
            quant_score=60,
            llm_score=60,
            hybrid_score=60,
            trade_tier="TIER1",
            risk_tag="NEUTRAL",
            market_regime="BULL",
            sector_group=None,
        )
        for run in ("0830", "0930")
        for rank, code in enumerate(("005930", "000660"), 1)
    ]
    await sqlite_db.write(lambda session: session.add_all([*snapshots, *listed]))
    history = dashboard.get("/api/portfolio/history", limit=2)
    assert [one["snapshot_date"] for one in history.json()] == [str(day), str(day - timedelta(days=1))]
    assert len(dashboard.get("/api/portfolio/history", limit=2, cursor=history.headers["X-Next-Cursor"]).json()) == 1
    found = dashboard.get("/api/watchlist/history").json()
    assert [(one["run_id"], one["rank"]) for one in found] == [
        ("scout-0930", 1),
        ("scout-0930", 2),
        ("scout-0830", 1),
        ("scout-0830", 2),
    ]
    assert len(dashboard.get("/api/watchlist/history", run_id="scout-0830").json()) == 2


def test_health_names_services_that_say_nothing(
    mortal_redis: RedisServer, sqlite_url: str, sqlite_db: Database, gateway: GatewayTwin
) -> None:
    urls = "scout-job=http://127.0.0.1:9,kis-gateway=" + gateway.url
    with running_dashboard(mortal_redis.url, sqlite_url, gateway.url, SERVICE_URLS=urls) as found:
        health = found.get("/api/system/health").json()
    assert health["scout-job"]["status"] == "unhealthy"
    assert "no answer" in health["scout-job"]["message"]
    assert health["kis-gateway"]["status"] == "unhealthy"  # the twin has no /health: 404 is no report
    assert health["dashboard-api"]["status"] == "healthy"  # known by its heartbeat


@pytest.fixture
def logs(tmp_path: Path) -> Path:
    folder = tmp_path / "logs"
    folder.mkdir()
    lines = [f"2026-02-19T01:{minute:02}:00Z [info] line {minute} token=abcdef123456" for minute in range(60)]
    (folder / "scout-job.log").write_text("\n".join(lines) + "\n")
    (tmp_path / "secret.log").write_text("not for pages\n")
    return folder


def test_logs_are_shown_masked_within_a_span_and_from_listed_names_only(
    mortal_redis: RedisServer, sqlite_url: str, sqlite_db: Database, gateway: GatewayTwin, logs: Path
) -> None:
    with running_dashboard(mortal_redis.url, sqlite_url, gateway.url, LOGS_FOLDER=str(logs)) as found:
        assert found.get("/api/logs/services").json() == ["scout-job"]
        newest = found.get("/api/logs/stream", service="scout-job", limit=2).json()["lines"]
        assert [line.split("token")[0] for line in newest] == [
            "2026-02-19T01:58:00Z [info] line 58 ",
            "2026-02-19T01:59:00Z [info] line 59 ",
        ]
        assert "abcdef123456" not in str(newest)
        span = {"start": "2026-02-19T01:10:00Z", "end": "2026-02-19T01:12:30Z"}
        assert len(found.get("/api/logs/stream", service="scout-job", **span).json()["lines"]) == 3
        for name in ("../secret", "secret", "scout-job.log", "/etc/passwd", ""):
            assert found.get("/api/logs/stream", service=name).status_code == 404


def test_without_a_callers_token_configured_the_door_stays_shut(
    mortal_redis: RedisServer, sqlite_url: str, sqlite_db: Database, gateway: GatewayTwin
) -> None:
    tokens = {"JENNIE_READ_TOKEN": "", "JENNIE_OPERATOR_TOKEN": "", "JENNIE_SERVICE_TOKEN": READ}
    with running_dashboard(mortal_redis.url, sqlite_url, gateway.url, **tokens) as found:
        assert found.get("/api/trades/recent", "").status_code == 503
        assert found.get("/api/trades/recent").status_code == 503


def test_every_path_is_described_with_an_example_and_no_example_is_of_another_path() -> None:
    description = described(create_app(DashboardSettings()))
    paths = {
        (method, path)
        for path, methods in description["paths"].items()
        if path.startswith("/api/")
        for method in methods
    }
    assert paths == set(EXAMPLES)
    assert {path.replace("2026-02-19", "{day}") for path in SEEDS} <= {path for _, path in paths}


def test_the_description_is_behind_the_token(dashboard: Dashboard) -> None:
    described_here = dashboard.get("/openapi.json").json()
    operation = described_here["paths"]["/api/macro/regime"]["get"]
    assert operation["responses"]["200"]["content"]["application/json"]["example"]["regime"] == "BULL"
