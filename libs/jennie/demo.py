"""Live one KRX trading day from YAML files, as local processes on a virtual clock."""

import asyncio
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr
from rich.console import Console
from sqlalchemy import func, inspect, select
from sqlalchemy.orm import Session as SqlSession

from jennie.day_figures import DayWatcher
from jennie.day_outcome import outcome_of_day
from jennie.day_place import DayPlace
from jennie.day_plan import DayPlan, plan_day
from jennie.day_report import DayOutcome, tell
from jennie.history import bring_history
from jennie.imported import last_imported_day
from jennie.living import SETTLE_SECS, until_ended, until_settled
from jennie.masters import bring_masters
from jennie.observed import Observed
from jennie.progress import Progress
from prime_jennie.domain.errors import BadInput, Unavailable
from prime_jennie.domain.sessions import Session
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clock import VirtualClock
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.trading import OrderIntentRow
from prime_jennie_operator.loading import load_files
from prime_jennie_operator.local.assembly import Assembly
from prime_jennie_operator.local.opening import follow_files, open_run
from prime_jennie_operator.local.run import LocalRun
from prime_jennie_operator.local.settings import LocalSettings
from prime_jennie_operator.local.signals import Interrupted, run_until_signal
from prime_jennie_operator.resources import TradingStrategy

SAMPLE = Path(__file__).parents[2] / "manifests" / "samples" / "02-day.yaml"
# Chosen openly: days on which both sides of the desk have work. README lists days chosen by date alone.
DAY_OF_A_FOLDER = date(2025, 2, 14)
DAY_OF_A_MADE_MARKET = date(2025, 3, 18)
STATE = Path(".jennie")
INTERRUPTED = 130
PLAIN_WIDTH = 150  # columns of output that goes to a file or a pipe


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
    demand_session(day)
    if options.report is not None:
        demand_writable(options.report)
    if options.database is not None:
        demand_empty(options.database)
    plan = plan_day(load_files(options.files).schedules, session_of(day), load_sessions)
    with Progress(console) as progress:
        assembly, run = open_run(
            options.files,
            options.folder,
            secrets_file=STATE / "secrets.json",
            settings=settings,
            overrides=overrides_for(options, plan),
            ports=options.ports,
            fresh=True,
            report=progress.service,
        )
        with naming_the_silent(options.folder):
            async with run:
                outcome = await _live(run, assembly, settings, plan, progress, Observed(started_at))
    tell(console, outcome, options.report)
    if outcome.verdict.holds and not options.keep:
        shutil.rmtree(options.folder, ignore_errors=True)
    else:
        console.print(f"logs and database stay in {options.folder}", highlight=False)
    return 0 if outcome.verdict.holds else 1


def default_day(settings: LocalSettings) -> date:
    """Return the day to live when nobody chose one: the last one of imported prices, else one with work on it."""
    if settings.jennie_data is not None:
        return DAY_OF_A_FOLDER
    return last_imported_day(settings.prices_url) or DAY_OF_A_MADE_MARKET


def session_of(day: date) -> Session:
    """Return the session of a day that `demand_session` has let pass."""
    session = load_sessions().get(day)
    assert session is not None  # noqa: S101 - demanded before
    return session


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


def demand_empty(database_url: str) -> None:
    """Raise BadInput for a database in which somebody has traded: a demo's day must not mix with it."""
    db = Database(database_url)
    try:
        orders = db.read_now(_orders_stored)
    except Unavailable as error:
        raise BadInput("--database", "url", str(error)) from None
    finally:
        db.close_now()
    if orders:
        raise BadInput("--database", "url", f"holds {orders:,} orders already; a demo wants a database of its own")


def _orders_stored(session: SqlSession) -> int:
    tables = inspect(session.connection()).get_table_names()
    return session.execute(select(func.count()).select_from(OrderIntentRow)).scalar_one() if tables else 0


def settings_for(options: DemoOptions) -> LocalSettings:
    """Read the environment for its prices only: a demo speaks to no real broker, model, chat or channel."""
    settings = LocalSettings()
    return LocalSettings.model_construct(
        database_url=options.database,
        prices_url=settings.prices_url,
        jennie_data=options.data.resolve() if options.data else settings.jennie_data,
    )


def overrides_for(options: DemoOptions, plan: DayPlan) -> dict[str, Any]:
    """Say the options and the day's span as values of the chart."""
    simulator: dict[str, Any] = {
        "day": plan.session.day.isoformat(),
        "startAt": plan.starts,
        "endAt": plan.ends,
        "rate": options.rate,  # None lifts the preset's
    }
    if options.seed is not None:
        simulator["seed"] = options.seed
    return {"kisSimulator": simulator}


async def _live(
    run: LocalRun,
    assembly: Assembly,
    settings: LocalSettings,
    plan: DayPlan,
    progress: Progress,
    observed: Observed,
) -> DayOutcome:
    exchange = run.find("kis-simulator")
    control_url = f"http://127.0.0.1:{exchange.probe_port}"
    account = assembly.values.kis_gateway.account_no
    db = Database(run.database_url)
    watcher = DayWatcher(control_url, account, db)

    async def all_healthy() -> bool:
        return all(report["status"] == "healthy" for report in (await run.health()).values())

    following = asyncio.create_task(follow_files(assembly, run, progress.service))
    try:
        async with _slow_start(run):
            await bring_masters(control_url, db, at=datetime.now(UTC))
            brought = await bring_history(
                run.database_url,
                before=plan.session.day,
                folder=settings.jennie_data,
                prices_url=settings.prices_url,
                seed=assembly.values.kis_simulator.seed,
            )
            progress.say(brought)
        await until_ended(watcher, progress, observed, run.pss_bytes)
        await until_settled(watcher, observed, all_healthy, SETTLE_SECS)
        return await outcome_of_day(_place_of(run, assembly), plan, db, observed)
    finally:
        following.cancel()
        await watcher.close()
        await db.close()


def _place_of(run: LocalRun, assembly: Assembly) -> DayPlace:
    def url(port: int | None) -> str:
        return f"http://127.0.0.1:{port}"

    services = {name: one.probe_port for name, one in run.services.items() if one.speaks_http and one.probe_port}
    return DayPlace(
        database_url=run.database_url,
        control_url=url(run.find("kis-simulator").probe_port),
        gateway_url=url(run.find("kis-gateway").port),
        gateway_token=SecretStr(run.secrets.strategy_token(assembly.strategies[0].name)),
        account=assembly.values.kis_gateway.account_no,
        services={name: url(port) for name, port in services.items()},
        chosen=chosen_by(assembly.strategies),
    )


def chosen_by(strategies: Iterable[TradingStrategy]) -> frozenset[str]:
    """Return the codes of the stocks that the strategies' own YAML lists."""
    return frozenset(symbol.code for one in strategies for symbol in one.config().watchlist.symbols)


@contextmanager
def naming_the_silent(folder: Path) -> Iterator[None]:
    """Turn an exchange that answers no more (its disk may be full) into one sentence. Raises Unavailable."""
    try:
        yield
    except httpx.HTTPError as error:
        told = str(error) or type(error).__name__
        raise Unavailable(f"the exchange does not answer any more ({told}); its log is below {folder}") from None


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
