"""Live the day of `jennie demo` in pods: install the chart with an exchange of its own, apply the YAML, watch it."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr
from rich.console import Console
from sqlalchemy import make_url

from jennie.checker import HEALTHY
from jennie.day_figures import DayWatcher
from jennie.day_outcome import outcome_of_day
from jennie.day_place import DayPlace
from jennie.day_plan import DayPlan, plan_day
from jennie.day_report import tell
from jennie.demo import (
    DAY_OF_A_MADE_MARKET,
    PLAIN_WIDTH,
    SAMPLE,
    chosen_by,
    demand_session,
    demand_writable,
    naming_the_silent,
    session_of,
)
from jennie.evidence import read_health
from jennie.history import bring_history
from jennie.living import until_ended, until_settled
from jennie.masters import bring_masters
from jennie.observed import Observed
from jennie.progress import Progress
from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.tls import trust
from prime_jennie.infra.tokens import mint
from prime_jennie_operator.loading import Loaded, load_files
from prime_jennie_operator.resources import TradingStrategy
from scripts.cluster.installation import CHART, Installation

MARK = "trading.prime-jennie.io/demo"  # a label of namespaces that the next demo may delete
SMALL = Path(__file__).resolve().parent / "small.yaml"
# At real speed: the pods start and the year before is brought before the first slot's minute comes.
PREPARATION = timedelta(minutes=25)
PODS_WITHIN_SECS = 900.0
READY_WITHIN_SECS = 300.0
SETTLE_SECS = 90.0
FORWARDED = (("mariadb", 3307), ("kis-simulator", 9444), ("kis-gateway", 8080))


@dataclass(frozen=True)
class ClusterDemoOptions:
    """What a person may choose; None leaves the chart's choice."""

    day: date = DAY_OF_A_MADE_MARKET
    seed: int | None = None
    report: Path | None = None
    files: tuple[Path, ...] = (SAMPLE,)


def cluster_demo(installation: Installation, values: Sequence[Path], options: ClusterDemoOptions) -> int:
    """Live the day and return the exit status: 0 only if every invariant holds; the pods stay for a look.

    `values` name the images. Raises BadInput, Unavailable, CommandError, NotReadyError.
    """
    demand_session(options.day)
    if options.report is not None:
        demand_writable(options.report)
    loaded = load_files(options.files)
    plan = plan_day(loaded.schedules, session_of(options.day), load_sessions)
    console = Console(width=None if sys.stdout.isatty() else PLAIN_WIDTH)
    started_at = time.monotonic()
    install(installation, values, options, plan)
    with Progress(console) as progress:
        return asyncio.run(_live(installation, options, loaded, plan, progress, console, Observed(started_at)))


def install(installation: Installation, values: Sequence[Path], options: ClusterDemoOptions, plan: DayPlan) -> None:
    """Install the chart anew, the day at real speed and shortly before its first work."""
    make_room(installation)
    starts = (plan.starts_at - PREPARATION).astimezone(KST)
    simulator: dict[str, Any] = {"day": options.day.isoformat(), "startAt": f"{starts:%H:%M}", "endAt": plan.ends}
    simulator["rate"] = 1
    if options.seed is not None:
        simulator["seed"] = options.seed
    files = (CHART / "presets" / "simulator.yaml", SMALL, *values)
    installation.install(*files, values={"kisSimulator": simulator})
    installation.wait_for_pods(PODS_WITHIN_SECS)


async def _live(
    installation: Installation,
    options: ClusterDemoOptions,
    loaded: Loaded,
    plan: DayPlan,
    progress: Progress,
    console: Console,
    observed: Observed,
) -> int:
    with installation.reached(*FORWARDED) as at, installation.proxied() as proxied:
        place = place_of(installation, at, loaded.strategies)
        db = Database(place.database_url)
        watcher = DayWatcher(place.control_url, place.account, db)
        try:
            await bring_masters(place.control_url, db, at=datetime.now(UTC))
            progress.say(await bring_year(installation, place, options.day))
            for file in options.files:
                progress.say(await _kubectl(installation, "apply", "--filename", str(file)))
            await _kubectl(
                installation,
                *("wait", "tradingstrategies", "--all", "--for=condition=Ready"),
                f"--timeout={READY_WITHIN_SECS:.0f}s",
            )
            progress.say(await _kubectl(installation, "get", "tradingstrategies,scoutschedules"))
            await set_pace(place.control_url, 0)
            with naming_the_silent(Path("the exchange's pod")):
                await until_ended(watcher, progress, observed, lambda: 0)
            place = replace(place, services=services_of(installation, proxied))

            async def all_healthy() -> bool:
                health = await asyncio.to_thread(read_health, place.services)
                return all(status == HEALTHY for status in health.values())

            await until_settled(watcher, observed, all_healthy, SETTLE_SECS)
            progress.say(await _kubectl(installation, "get", "tradingstrategies,scoutschedules"))
            outcome = await outcome_of_day(place, plan, db, observed)
        finally:
            await watcher.close()
            await db.close()
    tell(console, outcome, options.report)
    console.print(f"the pods stay: kubectl -n {installation.namespace} get pods", highlight=False)
    return 0 if outcome.verdict.holds else 1


async def bring_year(installation: Installation, place: DayPlace, day: date) -> str:
    """Bring the bars of the days before into the cluster's database, as the exchange has made them."""
    values = json.loads(await asyncio.to_thread(installation.helm, "get", "values", "prime-jennie", "--all", "-ojson"))
    return await bring_history(
        place.database_url,
        before=day,
        folder=None,
        prices_url=place.database_url,
        seed=int(values["kisSimulator"]["seed"]),
    )


async def set_pace(control_url: str, rate: float) -> None:
    """Cap the day's speed in times of real time; 0: as fast as everybody follows."""
    async with httpx.AsyncClient(base_url=control_url, timeout=10, trust_env=False, verify=trust()) as http:
        (await http.post("/control/clock", json={"rate": rate})).raise_for_status()


def make_room(installation: Installation) -> None:
    """Remove an earlier demo with all that it held, and nothing that anybody else made."""
    told = installation.kubectl("get", "namespace", installation.namespace, "--ignore-not-found", "--output", "json")
    if told.strip():
        if MARK not in (json.loads(told)["metadata"].get("labels") or {}):
            raise BadInput("--namespace", installation.namespace, "is there and no demo's; choose a name of its own")
        installation.remove()
    installation.kubectl("create", "namespace", installation.namespace)
    installation.kubectl("label", "namespace", installation.namespace, f"{MARK}=true")


def place_of(installation: Installation, at: Mapping[str, str], strategies: Sequence[TradingStrategy]) -> DayPlace:
    """Tell the day's judge whom to ask; services come with the strategies, so they are named in the end."""
    values = json.loads(installation.helm("get", "values", "prime-jennie", "--all", "--output", "json"))
    token_key = installation.secret(values["secrets"]["platform"])["token-key"]
    return DayPlace(
        database_url=database_url(installation, at["mariadb"], values["secrets"]["database"]),
        control_url=f"http://{at['kis-simulator']}",
        gateway_url=f"http://{at['kis-gateway']}",
        gateway_token=SecretStr(mint(strategies[0].name, token_key)),
        account=values["kisGateway"]["accountNo"],
        services={},
        chosen=chosen_by(strategies),
    )


def database_url(installation: Installation, at: str, secret: str = "prime-jennie-database") -> str:  # noqa: S107 - a name
    """Give the database's URL for whoever reaches it at HOST:PORT."""
    host, _, port = at.partition(":")
    url = make_url(installation.secret(secret)["url"])
    return url.set(host=host, port=int(port)).render_as_string(hide_password=False)


def services_of(installation: Installation, proxied: str) -> dict[str, str]:
    """Give the base URL of each Service that speaks HTTP, as the API server passes it on."""
    found = {}
    for service in installation.get("services")["items"]:
        name = service["metadata"]["name"]
        ports = {port.get("name"): port["port"] for port in service["spec"]["ports"]}
        if (port := ports.get("control", ports.get("http"))) is not None:
            found[name] = f"{proxied}/{name}:{port}/proxy"
    return found


async def _kubectl(installation: Installation, *arguments: str) -> str:
    return (await asyncio.to_thread(installation.kubectl, *arguments)).rstrip()
