"""The control API: what the exchange knows, faults to order, and the clock."""

from __future__ import annotations

import re
from dataclasses import asdict
from datetime import datetime, time
from typing import Any

from fastapi import FastAPI
from pydantic import BaseModel, ConfigDict, Field

from kis_simulator.clock_loop import ClockLoop
from kis_simulator.exchange.ledger import Account
from kis_simulator.faults import FaultOrder
from kis_simulator.websocket.server import WebSocketServer
from kis_simulator.world import World
from prime_jennie.domain.errors import BadInput, Conflict
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.domain.sessions import KST
from prime_jennie.infra.runtime import service_app

SERVICE = "kis-simulator"
ACCOUNT = re.compile(r"[0-9]{8}-01")


class ClockOrder(BaseModel):
    """A change of the clock: a cap in times of real time (0 lifts it), a later time of the day, or both."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rate: float | None = Field(None, ge=0, le=1_000_000)
    at: time | None = None


def control_app(world: World, sockets: WebSocketServer, loop: ClockLoop) -> FastAPI:
    """Return the control API; it needs no token and belongs on a loopback or inside a cluster."""

    async def dependencies() -> dict[str, DependencyHealth]:
        if world.settings.clock_url is None:
            return {}
        status = DependencyStatus.HEALTHY if loop.connected else DependencyStatus.DOWN
        return {"redis": DependencyHealth(status=status, message=None if loop.connected else "the day waits for redis")}

    def extras() -> dict[str, object]:
        return {
            "day": world.day.isoformat(),
            "data_source": world.tapes.market.source,
            "exchange_time": world.now().astimezone(KST).isoformat(),
            "sessions": len(sockets.sessions),
            "ended": loop.ended,
        }

    app = service_app(SERVICE, dependencies=dependencies, extras=extras, ready=lambda: loop.started)

    @app.get("/control/ledger/{account}")
    async def ledger(account: str) -> dict[str, Any]:
        if not ACCOUNT.fullmatch(account):
            raise BadInput("ledger", "account", "is not NNNNNNNN-01")
        # Looking at an account opens none: one that was never used shows the cash it would get.
        cash = world.settings.cash
        return ledger_report(world.exchange.ledger.accounts.get(account) or Account(account, cash, cash))

    @app.get("/control/stats")
    async def stats() -> dict[str, Any]:
        return stats_report(world, sockets)

    @app.get("/control/listings")
    async def listings() -> list[dict[str, Any]]:
        return [asdict(listing) for listing in world.tapes.market.listings.values()]

    @app.post("/control/faults")
    async def arm(order: FaultOrder) -> dict[str, Any]:
        world.faults.arm(order)
        return {"faults": world.faults.in_force()}

    @app.get("/control/faults")
    async def in_force() -> dict[str, Any]:
        return {"faults": world.faults.in_force()}

    @app.delete("/control/faults")
    async def clear() -> dict[str, int]:
        return {"removed": world.faults.clear()}

    @app.get("/control/clock")
    async def clock() -> dict[str, Any]:
        return clock_report(world, loop)

    @app.post("/control/clock")
    async def set_clock(order: ClockOrder) -> dict[str, Any]:
        target = None if order.at is None else datetime.combine(world.day, order.at, KST)
        if target is not None and target < world.now():
            raise Conflict(f"the day is past {order.at:%H:%M}; a clock does not go back")
        rate = loop.pace.rate if order.rate is None else order.rate or None
        loop.pace.change(rate, loop.pace.sprint_to if target is None else target)
        return clock_report(world, loop)

    return app


def clock_report(world: World, loop: ClockLoop) -> dict[str, Any]:
    """Return the clock as JSON; `at` is the time of day in Korea."""
    now = world.now()
    return {
        "now": now.isoformat(),
        "at": now.astimezone(KST).strftime("%H:%M:%S"),
        "rate": loop.pace.rate,
        "day": world.day.isoformat(),
        "phase": world.session.phase_at(now).value,
        "opens_at": world.session.opens_at.isoformat(),
        "closes_at": world.session.closes_at.isoformat(),
        "ends_at": loop.ends_at.isoformat(),
        "ended": loop.ended,
    }


def ledger_report(account: Account) -> dict[str, Any]:
    """Return one account's books as JSON."""
    return {
        "account": account.number,
        "cash_krw": account.cash_krw,
        "initial_cash_krw": account.initial_cash_krw,
        "orders": [
            {
                "order_no": order.number,
                "orig_order_no": order.original or None,
                "kind": order.kind.value,
                "stock_code": order.instruction.code,
                "side": order.instruction.side.value,
                "order_type": order.instruction.pricing.value,
                "quantity": order.instruction.quantity,
                "price": order.instruction.price,
                "status": order.status,
                "filled_qty": order.filled_qty,
                "filled_amount_krw": order.filled_amount_krw,
                "accepted_at": order.accepted_at.isoformat(),
                "executions": order.executions,
            }
            for order in account.orders.values()
        ],
        "fills": [
            {
                "fill_id": execution.fill_id,
                "order_no": execution.order_no,
                "stock_code": execution.code,
                "side": execution.side.value,
                "quantity": execution.quantity,
                "price": execution.price,
                "amount_krw": execution.amount_krw,
                "commission_krw": execution.commission_krw,
                "tax_krw": execution.tax_krw,
                "at": execution.at.isoformat(),
            }
            for execution in account.executions
        ],
        "positions": [
            {"stock_code": code, "quantity": holding.quantity, "amount_krw": holding.cost_krw}
            for code, holding in account.holdings.items()
            if holding.quantity
        ],
    }


def stats_report(world: World, sockets: WebSocketServer) -> dict[str, Any]:
    """Return the counters of this process as JSON; app keys appear as digests."""
    stats = world.stats
    market = world.tapes.market
    return {
        "day": world.day.isoformat(),
        "calls": dict(stats.calls),
        "max_calls_in_any_second": world.judge.busiest(),
        "refusals": dict(stats.refusals),
        "tokens_issued": world.credentials.tokens_issued,
        "registrations": sum(len(session.registrations) for session in sockets.sessions),
        "sessions": len(sockets.sessions),
        "ticks_sent": stats.ticks_sent,
        "frames_sent": stats.frames_sent,
        "notices_sent": stats.notices_sent,
        "clock_steps": dict(stats.waits),
        "universe": market.bars.listed_on(world.day),
        "data_source": market.source,
        "tick_density": tick_density(world.settings.tick_secs),
        "seed": world.settings.seed,
        "notes": list(market.notes),
    }


def tick_density(tick_secs: int) -> str:
    """Return how often a stock prints, in words."""
    unit = "second" if tick_secs == 1 else f"{tick_secs} seconds"
    return f"one print a stock every {unit} of the clock where shares traded, all stocks of a step in one frame"
