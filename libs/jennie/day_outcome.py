"""Gather everything that is known once a day is over."""

import asyncio
import re
import time
from collections.abc import Mapping
from datetime import date
from html import unescape
from typing import Any

import httpx
from pydantic import SecretStr

from jennie.checker import judge
from jennie.day_plan import DayPlan
from jennie.day_report import DayOutcome
from jennie.evidence import Evidence, read_database, read_exchange, read_health
from jennie.observed import Observed
from prime_jennie.domain.positions import PortfolioState
from prime_jennie.infra.calendar import load_sessions
from prime_jennie.infra.clients.kis_gateway import GatewayClient
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.trades import TradeLog
from prime_jennie.infra.database.tables.journal import BriefingRow
from prime_jennie.strategy.pnl import unrealised_profit_krw
from prime_jennie_operator.local.assembly import Assembly
from prime_jennie_operator.local.run import LocalRun


async def outcome_of_day(
    run: LocalRun,
    assembly: Assembly,
    plan: DayPlan,
    control_url: str,
    account: str,
    db: Database,
    observed: Observed,
) -> DayOutcome:
    ports = {name: service.probe_port for name, service in run.services.items() if service.speaks_http}
    known_ports = {name: port for name, port in ports.items() if port is not None}
    health = await asyncio.to_thread(read_health, known_ports)
    ledger, stats = await asyncio.to_thread(read_exchange, control_url, account)
    rows = await asyncio.to_thread(read_database, run.database_url, account)
    chosen = (symbol.code for one in assembly.strategies for symbol in one.config().watchlist.symbols)
    evidence = Evidence(
        ledger=ledger,
        stats=stats,
        health=health,
        planned=tuple(slot.name for slot in plan.slots),
        chosen=frozenset(chosen),
        **rows,
    )
    portfolio = await _portfolio(run, assembly.strategies[0].name)
    return DayOutcome(
        day=plan.session.day,
        signals=observed.last.signals if observed.last else 0,
        evidence=evidence,
        verdict=judge(evidence),
        trades=await TradeLog(db).trades(account),
        portfolio=portfolio,
        unrealised_krw=await _unrealised_krw(db, account, portfolio, plan.session.day),
        first_fill_secs=observed.first_fill_secs,
        wall_secs=time.monotonic() - observed.started_at,
        peak_pss_mb=observed.peak_pss_bytes / 1e6,
        services=await _services(known_ports, health),
        briefing=await _briefing(db, plan.session.day),
    )


async def _briefing(db: Database, day: date) -> str | None:
    """Return the day's briefing as a person would read it, without the marks of a chat."""
    row = await db.read(lambda session: session.get(BriefingRow, day))
    return None if row is None else unescape(re.sub(r"</?[a-z]+[^>]*>", "", row.body))


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
        unrealised_profit_krw(row.total_buy_amount, row.quantity, price, settles_on)
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
