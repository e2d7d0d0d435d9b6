"""Gather what three witnesses say of a day: the exchange, the database and the services.

Nothing here uses a service's code or a repository: the tables are read with plain SQL and the exchange
through its control API, so that a defect in the services cannot hide itself from the checker.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from sqlalchemy import create_engine, text

from prime_jennie.infra.database.engines import driver_url
from prime_jennie.infra.tls import trust

Row = Mapping[str, Any]

QUERIES = {
    "intents": "SELECT id, strategy, stock_code, side, quantity, state, broker_order_no FROM order_intents"
    " WHERE account = :account",
    "orders": "SELECT id, broker_order_no, stock_code, side, quantity, status, filled_qty, filled_amount_krw"
    " FROM orders WHERE account = :account",
    "fills": "SELECT f.id, o.broker_order_no, f.stock_code, f.side, f.quantity, f.amount_krw"
    " FROM fills f JOIN orders o ON o.id = f.order_id WHERE f.account = :account",
    "trades": "SELECT t.fill_id, o.broker_order_no, t.stock_code, t.trade_type AS side, t.quantity,"
    " t.total_amount AS amount_krw FROM trade_log t JOIN orders o ON o.id = t.order_id WHERE t.account = :account",
    "positions": "SELECT stock_code, SUM(quantity) AS quantity FROM active_portfolio WHERE account = :account"
    " GROUP BY stock_code",
    "slots": "SELECT name, task, source, state, reason, attempts, finished_at FROM slots ORDER BY at, name",
    "listed": "SELECT DISTINCT stock_code FROM watchlist_history",
    "scored": "SELECT run_id, COUNT(*) AS stocks FROM daily_quant_score GROUP BY run_id ORDER BY run_id",
    "lists": "SELECT run_id, COUNT(*) AS stocks FROM watchlist_history GROUP BY run_id ORDER BY run_id",
}


@dataclass(frozen=True)
class Evidence:
    """One day as the witnesses tell it; rows are plain mappings, amounts in KRW."""

    ledger: Mapping[str, Any]
    stats: Mapping[str, Any]
    intents: Sequence[Row] = ()
    orders: Sequence[Row] = ()
    fills: Sequence[Row] = ()
    trades: Sequence[Row] = ()
    positions: Sequence[Row] = ()
    slots: Sequence[Row] = ()
    listed: Sequence[Row] = ()  # every stock that the scout ever listed
    scored: Sequence[Row] = ()  # run → how many stocks it scored
    lists: Sequence[Row] = ()  # run → how many stocks it listed
    planned: Sequence[str] = ()  # names of the slots that the schedules have on this day
    chosen: frozenset[str] = frozenset()  # stocks that the strategies' own YAML lists
    health: Mapping[str, str] = field(default_factory=dict)  # service → healthy | degraded | unhealthy | unreachable


def read_exchange(control_url: str, account: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Ask the exchange for its ledger of the account and its statistics. Raises httpx.HTTPError."""
    with httpx.Client(base_url=control_url, timeout=10, trust_env=False, verify=trust()) as http:
        ledger = http.get(f"/control/ledger/{account}").raise_for_status().json()
        stats = http.get("/control/stats").raise_for_status().json()
    return ledger, stats


def read_database(database_url: str, account: str) -> dict[str, list[dict[str, Any]]]:
    """Read the rows of the account from a person's URL (sqlite:/// or mysql://)."""
    engine = create_engine(driver_url(database_url))
    try:
        with engine.connect() as connection:
            return {
                name: [dict(row) for row in connection.execute(text(query), {"account": account}).mappings()]
                for name, query in QUERIES.items()
            }
    finally:
        engine.dispose()


def read_health(services: Mapping[str, str]) -> dict[str, str]:
    """Ask every service, by its base URL, for its own report: its status, `unreachable` when it does not answer."""
    found: dict[str, str] = {}
    for name, url in services.items():
        try:
            answer = httpx.get(f"{url}/health", timeout=5, trust_env=False).raise_for_status().json()
            found[name] = str(answer["status"])
        except (httpx.HTTPError, ValueError, KeyError):
            found[name] = "unreachable"
    return found
