"""Gather everything that is known once a day is over."""

import asyncio
import re
import time
from collections.abc import Mapping
from datetime import date
from html import unescape
from typing import Any

import httpx

from jennie.checker import judge
from jennie.day_place import DayPlace
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
from prime_jennie.infra.tls import trust
from prime_jennie.strategy.pnl import unrealised_profit_krw


async def outcome_of_day(place: DayPlace, plan: DayPlan, db: Database, observed: Observed) -> DayOutcome:
    health = await asyncio.to_thread(read_health, place.services)
    ledger, stats = await asyncio.to_thread(read_exchange, place.control_url, place.account)
    rows = await asyncio.to_thread(read_database, place.database_url, place.account)
    evidence = Evidence(
        ledger=ledger,
        stats=stats,
        health=health,
        planned=tuple(slot.name for slot in plan.slots),
        chosen=place.chosen,
        **rows,
    )
    portfolio = await _portfolio(place)
    return DayOutcome(
        day=plan.session.day,
        signals=observed.last.signals if observed.last else 0,
        evidence=evidence,
        verdict=judge(evidence),
        trades=await TradeLog(db).trades(place.account),
        portfolio=portfolio,
        unrealised_krw=await _unrealised_krw(db, place.account, portfolio, plan.session.day),
        first_fill_secs=observed.first_fill_secs,
        wall_secs=time.monotonic() - observed.started_at,
        peak_pss_mb=observed.peak_pss_bytes / 1e6 if observed.peak_pss_bytes else None,
        services=await _services(place.services, health),
        briefing=await _briefing(db, plan.session.day),
    )


async def _briefing(db: Database, day: date) -> str | None:
    """Return the day's briefing as a person would read it, without the marks of a chat."""
    row = await db.read(lambda session: session.get(BriefingRow, day))
    return None if row is None else unescape(re.sub(r"</?[a-z]+[^>]*>", "", row.body))


async def _portfolio(place: DayPlace) -> PortfolioState:
    async with GatewayClient(place.gateway_url, place.gateway_token, caller="jennie-demo") as gateway:
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


async def _services(services: Mapping[str, str], health: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return, per service, whether it is healthy, where it listens and whether its metrics answer."""
    async with httpx.AsyncClient(timeout=5, trust_env=False, verify=trust()) as http:
        found = {}
        for name, url in services.items():
            try:
                metrics = "jennie_" in (await http.get(f"{url}/metrics")).raise_for_status().text
            except httpx.HTTPError:
                metrics = False
            found[name] = {"healthy": health.get(name) == "healthy", "port": httpx.URL(url).port, "metrics": metrics}
    return found
