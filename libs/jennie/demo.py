"""Live one KRX trading day from a TradingStrategy file, as local processes on a virtual clock."""

import asyncio
import json
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr
from rich.console import Console

from jennie.checker import Verdict, judge
from jennie.day_figures import DayFigures, DayWatcher
from jennie.day_report import DayOutcome, print_tables, report
from jennie.evidence import Evidence, read_database, read_exchange, read_health
from jennie.masters import bring_masters
from jennie.progress import Progress
from prime_jennie.domain.errors import BadInput, Unavailable
from prime_jennie.domain.positions import PortfolioState
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clients.kis_gateway import GatewayClient
from prime_jennie.infra.clock import VirtualClock
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.trades import TradeLog
from prime_jennie.strategy.pnl import unrealized_profit_krw
from prime_jennie_operator.local.assembly import Assembly
from prime_jennie_operator.local.opening import follow_files, open_run
from prime_jennie_operator.local.run import LocalRun
from prime_jennie_operator.local.settings import LocalSettings
from prime_jennie_operator.local.signals import Interrupted, run_until_signal

SAMPLE = Path(__file__).parents[2] / "manifests" / "samples" / "01-minimal.yaml"
# Chosen openly: days on which both sides of the desk have work. README lists ten days chosen by date alone.
DAY_OF_A_FOLDER = date(2025, 2, 14)
DAY_OF_A_MADE_MARKET = date(2025, 3, 18)
IMPORTED = Path("prices.sqlite")  # inside the state folder
STATE = Path(".jennie")
LOOK_SECS = 0.5
SETTLE_SECS = 30.0  # real time, after the day's end, for restarted services to book what they missed
INTERRUPTED = 130
PLAIN_WIDTH = 150  # columns of output that goes to a file or a pipe
STALLED_SECS = 120.0  # real time without any progress of the clock: something is broken for good


@dataclass(frozen=True)
class DemoOptions:
    """What a person may choose about the day; None leaves the sample's or the chart's choice."""

    day: date | None = None
    rate: float | None = None
    data: Path | None = None
    seed: int | None = None
    report: Path | None = None
    keep: bool = False
    database: str | None = None
    folder: Path = STATE / "demo"
    files: tuple[Path, ...] = (SAMPLE,)
    ports: Mapping[str, int] = field(default_factory=dict)


@dataclass
class Observed:
    """What is seen while the day is lived."""

    started_at: float
    first_fill_secs: float | None = None
    peak_pss_bytes: int = 0
    last: DayFigures | None = None
    moved_at: float = field(default_factory=time.monotonic)

    def take(self, figures: DayFigures, pss_bytes: int) -> None:
        """Note a look; raise Unavailable when the clock has stood still for too long."""
        if self.last is None or figures.now > self.last.now:
            self.moved_at = time.monotonic()
        elif time.monotonic() - self.moved_at > STALLED_SECS:
            raise Unavailable(f"the day stands still at {figures.now:%H:%M} UTC: see the logs")
        if figures.fills and self.first_fill_secs is None:
            self.first_fill_secs = round(time.monotonic() - self.started_at, 1)
        self.peak_pss_bytes = max(self.peak_pss_bytes, pss_bytes)
        self.last = figures


def demo(options: DemoOptions) -> int:
    """Live a day and return the exit status; Ctrl-C stops every process and returns 130."""
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    try:
        return run_until_signal(live_day(options, console))
    except Interrupted:
        console.print("stopped: every process has ended", highlight=False)
        return INTERRUPTED


async def live_day(options: DemoOptions, console: Console) -> int:
    """Live the day and return the exit status: 0 only if every invariant holds. Raises BadInput, LocalRunError."""
    started_at = time.monotonic()
    settings = settings_for(options)
    day = options.day or default_day(settings)
    if day is not None:
        demand_session(day)
    if options.report is not None:
        demand_writable(options.report)
    with Progress(console) as progress:
        assembly, run = open_run(
            options.files,
            options.folder,
            secrets_file=STATE / "secrets.json",
            settings=settings,
            overrides=overrides_for(options, day),
            ports=options.ports,
            fresh=True,
            report=progress.service,
        )
        async with run:
            outcome = await _live(run, assembly, progress, Observed(started_at))
    print_tables(console, outcome)
    written = report(outcome)
    _print_summary(console, written, outcome.verdict)
    if options.report is not None:
        options.report.write_text(json.dumps(written, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if outcome.verdict.holds and not options.keep:
        shutil.rmtree(options.folder, ignore_errors=True)
    else:
        console.print(f"logs and database stay in {options.folder}", highlight=False)
    return 0 if outcome.verdict.holds else 1


def default_day(settings: LocalSettings) -> date | None:
    """Return the day to live when nobody chose one; None lets the exchange take the last day of imported prices."""
    if settings.jennie_data is not None:
        return DAY_OF_A_FOLDER
    return None if (STATE / IMPORTED).exists() else DAY_OF_A_MADE_MARKET


def demand_session(day: date) -> None:
    """Raise BadInput, with the neighbouring sessions, for a day on which the exchange is closed."""
    sessions = load_sessions()
    if not sessions.first <= day <= sessions.last:
        raise BadInput("--day", str(day), f"outside the session table, {sessions.first} to {sessions.last}")
    if not sessions.is_session(day):
        before, after = sessions.previous(day).day, sessions.next(day).day
        raise BadInput("--day", str(day), f"the exchange is closed; the sessions around it are {before} and {after}")


def demand_writable(report: Path) -> None:
    """Make the report's folder; raise BadInput now, not after the day, for a place that cannot take a file."""
    try:
        report.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput("--report", str(report), (error.strerror or "cannot be written").lower()) from None
    if report.is_dir():
        raise BadInput("--report", str(report), "is a folder")
    if not os.access(report if report.exists() else report.parent, os.W_OK):
        raise BadInput("--report", str(report), "may not be written")


def settings_for(options: DemoOptions) -> LocalSettings:
    """Read the environment for its prices only: a demo speaks to no real broker, model, chat or channel."""
    settings = LocalSettings()
    return LocalSettings.model_construct(
        database_url=options.database,
        prices_url=settings.prices_url,
        jennie_data=options.data.resolve() if options.data else settings.jennie_data,
    )


def overrides_for(options: DemoOptions, day: date | None) -> dict[str, Any]:
    """Say the options as values of the chart."""
    simulator: dict[str, Any] = {"day": None if day is None else day.isoformat()}
    if options.rate is not None:
        simulator["rate"] = options.rate
    if options.seed is not None:
        simulator["seed"] = options.seed
    return {"virtualClock": {"enabled": True}, "kisSimulator": simulator}


async def _live(run: LocalRun, assembly: Assembly, progress: Progress, observed: Observed) -> DayOutcome:
    exchange = run.find("kis-simulator")
    control_url = f"http://127.0.0.1:{exchange.probe_port}"
    account = assembly.values.kis_gateway.account_no
    db = Database(run.database_url)
    watcher = DayWatcher(control_url, account, db)
    following = asyncio.create_task(follow_files(assembly, run, progress.service))
    try:
        async with _slow_start(run):
            await bring_masters(control_url, db, at=datetime.now(UTC))
        await _until_ended(run, watcher, progress, observed)
        await _until_settled(run, watcher, observed)
        return await _outcome(run, assembly, control_url, account, db, observed)
    finally:
        following.cancel()
        await watcher.close()
        await db.close()


@asynccontextmanager
async def _slow_start(run: LocalRun) -> AsyncIterator[None]:
    """Keep the virtual day at real speed while the demo prepares it."""
    clock = VirtualClock(run.redis_url)
    await clock.start()
    try:
        async with clock.hold("demo"):
            yield
    finally:
        await clock.close()


async def _until_ended(run: LocalRun, watcher: DayWatcher, progress: Progress, observed: Observed) -> None:
    while observed.last is None or not observed.last.ended:
        await asyncio.sleep(LOOK_SECS)
        try:
            figures = await watcher.look()
        except (httpx.HTTPError, Unavailable):  # the exchange or the database restarts; a stall ends this
            if time.monotonic() - observed.moved_at > STALLED_SECS:
                raise
            continue
        observed.take(figures, await asyncio.to_thread(run.pss_bytes))
        progress.show(figures)


async def _until_settled(run: LocalRun, watcher: DayWatcher, observed: Observed) -> None:
    """Wait until nothing is open, every service is healthy, or patience ends; the checker judges what is left."""
    patience_ends_at = time.monotonic() + SETTLE_SECS
    while time.monotonic() < patience_ends_at:
        figures = await watcher.look()
        observed.last = figures
        health = await run.health()
        if figures.open_work == 0 and all(report["status"] == "healthy" for report in health.values()):
            return
        await asyncio.sleep(LOOK_SECS)


async def _outcome(
    run: LocalRun, assembly: Assembly, control_url: str, account: str, db: Database, observed: Observed
) -> DayOutcome:
    ports = {name: service.probe_port for name, service in run.services.items() if service.speaks_http}
    known_ports = {name: port for name, port in ports.items() if port is not None}
    health = await asyncio.to_thread(read_health, known_ports)
    ledger, stats = await asyncio.to_thread(read_exchange, control_url, account)
    rows = await asyncio.to_thread(read_database, str(db.url), account)
    evidence = Evidence(ledger=ledger, stats=stats, health=health, **rows)
    strategy = assembly.strategies[0]
    portfolio = await _portfolio(run, strategy.name)
    return DayOutcome(
        day=stats["day"],
        watchlist=len(strategy.config().watchlist.symbols),
        signals=observed.last.signals if observed.last else 0,
        evidence=evidence,
        verdict=judge(evidence),
        trades=await TradeLog(db).trades(account),
        portfolio=portfolio,
        unrealised_krw=await _unrealised_krw(db, account, portfolio, date.fromisoformat(stats["day"])),
        first_fill_secs=observed.first_fill_secs,
        wall_secs=time.monotonic() - observed.started_at,
        peak_pss_mb=observed.peak_pss_bytes / 1e6,
        services=await _services(known_ports, health),
    )


async def _portfolio(run: LocalRun, strategy: str) -> PortfolioState:
    token = SecretStr(run.secrets.strategy_token(strategy))
    url = f"http://127.0.0.1:{run.find('kis-gateway').port}"
    async with GatewayClient(url, token, caller="jennie-demo") as gateway:
        return await gateway.balance()


async def _unrealised_krw(db: Database, account: str, portfolio: PortfolioState, day: date) -> int:
    """Return what selling everything at the last price would earn, after fees and tax."""
    settles_on = load_sessions().settlement_day(day)
    prices = {position.stock_code: position.current_price for position in portfolio.positions}
    rows = await PositionRepository(db).open_positions(account)
    return sum(
        unrealized_profit_krw(row.total_buy_amount, row.quantity, price, settles_on)
        for row in rows
        if (price := prices.get(row.stock_code))
    )


async def _services(ports: Mapping[str, int], health: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return, per service, whether it is healthy, where it listens and whether its metrics answer."""
    async with httpx.AsyncClient(timeout=5, trust_env=False) as http:
        found = {}
        for name, port in ports.items():
            try:
                metrics = "jennie_" in (await http.get(f"http://127.0.0.1:{port}/metrics")).raise_for_status().text
            except httpx.HTTPError:
                metrics = False
            found[name] = {"healthy": health.get(name) == "healthy", "port": port, "metrics": metrics}
    return found


def _print_summary(console: Console, written: Mapping[str, Any], verdict: Verdict) -> None:
    source = {"real": "real daily bars", "imported": "imported daily bars", "synthetic": "a synthetic market"}
    first_fill = "none" if written["first_fill_secs"] is None else f"{written['first_fill_secs']:.0f} s"
    lines = [
        f"{written['day']} lived on {source[written['data_source']]} ({written['universe']:,} stocks); intraday paths"
        f" are made, {written['tick_density']}",
        f"{written['signals']} signals, {written['orders']} orders, {written['fills']} fills ({written['buys']} buys,"
        f" {written['sells']} sells), {written['open_positions']} positions left",
        f"realised {written['realized_pnl_krw']:+,} KRW, unrealised {written['unrealized_pnl_krw']:+,} KRW,"
        " after fees and tax",
        f"first fill after {first_fill}, the day in {written['wall_secs']:.0f} s, {written['peak_pss_mb']} MB at most,"
        f" {written['max_rest_calls_in_any_second']} REST calls in the busiest second",
    ]
    if verdict.holds:
        lines.append("checked: ledger = trade_log = positions, no duplicate order, no rate refusal, all healthy")
    else:
        lines += [f"BROKEN: {finding}" for finding in verdict.findings]
    for line in lines:
        console.print(line, highlight=False, markup=False)
