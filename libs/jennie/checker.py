"""Judge a day by its invariants; believe nobody.

ledger = trade_log = positions, execution by execution; every exchange order has exactly one intent and no
intent has two; nothing was bought that nobody listed; every scheduled slot has one row and an outcome; the exchange
refused nothing for its rate; every service is healthy.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from jennie.evidence import Evidence, Row

OUTCOMES = ("Ran", "Skipped", "Backfilled")
RATE_REFUSALS = ("EGW00201", "EGW00215")
HEALTHY = "healthy"


@dataclass(frozen=True)
class Verdict:
    """What the checker found; `findings` are sentences for a person, empty when the day was clean."""

    ledger_matches: bool
    duplicate_orders: int
    rate_refusals: int
    unhealthy: tuple[str, ...]
    findings: tuple[str, ...]

    @property
    def holds(self) -> bool:
        return not self.findings


def judge(evidence: Evidence) -> Verdict:
    """Compare the witnesses with one another."""
    mismatches = [*executions_differ(evidence), *positions_differ(evidence), *orders_differ(evidence)]
    duplicates = duplicate_orders(evidence)
    refusals = sum(int(evidence.stats.get("refusals", {}).get(code, 0)) for code in RATE_REFUSALS)
    unhealthy = tuple(sorted(name for name, status in evidence.health.items() if status != HEALTHY))
    findings = [*mismatches, *duplicates, *unlisted_buys(evidence), *slots_differ(evidence)]
    if refusals:
        findings.append(f"the exchange refused {refusals} calls for their rate ({' or '.join(RATE_REFUSALS)})")
    findings += [f"{name} is {evidence.health[name]}" for name in unhealthy]
    return Verdict(not mismatches, len(duplicates), refusals, unhealthy, tuple(findings))


def new_orders(evidence: Evidence) -> list[Row]:
    """The exchange's orders that are neither cancels nor modifications of another."""
    return [order for order in evidence.ledger["orders"] if order.get("kind", "new") == "new"]


def duplicate_orders(evidence: Evidence) -> list[str]:
    """List every exchange order without exactly one intent and every intent with two orders."""
    found: list[str] = []
    claims = Counter(str(row["broker_order_no"]) for row in evidence.intents if row["broker_order_no"])
    at_exchange = {str(order["order_no"]) for order in new_orders(evidence)}
    for number in sorted(at_exchange):
        if claims[number] != 1:
            found.append(f"exchange order {number} has {claims[number]} intents, not one")
    found += [
        f"an intent names order {number}, unknown to the exchange" for number in sorted(set(claims) - at_exchange)
    ]
    orders_of_intent = Counter(str(row["id"]) for row in evidence.orders)
    found += [f"intent {intent} has {count} orders" for intent, count in orders_of_intent.items() if count > 1]
    return found


def totals(rows: Iterable[Row], order_key: str) -> dict[tuple[str, str, str], tuple[int, int, int]]:
    """Sum rows to (order, code, side) → (executions, shares, KRW)."""
    sums: dict[tuple[str, str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        entry = sums[(str(row[order_key]), str(row["stock_code"]), str(row["side"]).upper())]
        entry[0] += 1
        entry[1] += int(row["quantity"])
        entry[2] += int(row["amount_krw"])
    return {key: (count, shares, amount) for key, (count, shares, amount) in sums.items()}


def executions_differ(evidence: Evidence) -> list[str]:
    """Compare the exchange's executions with fills and trade_log, order by order in shares and KRW.

    Counts of executions are not compared: when a notice was lost, the broker's order list tells the sum only.
    """
    exchange = totals(evidence.ledger["fills"], "order_no")
    found: list[str] = []
    for witness, rows in (("fills", evidence.fills), ("trade_log", evidence.trades)):
        ours = totals(rows, "broker_order_no")
        for key in sorted(exchange.keys() | ours.keys()):
            theirs, mine = exchange.get(key, (0, 0, 0))[1:], ours.get(key, (0, 0, 0))[1:]
            if theirs != mine:
                order, code, side = key
                found.append(
                    f"order {order} {side} {code}: the exchange executed {theirs[0]:,} shares for {theirs[1]:,} KRW,"
                    f" {witness} says {mine[0]:,} for {mine[1]:,}"
                )
    booked = Counter(str(row["fill_id"]) for row in evidence.trades)
    found += [f"fill {fill} is booked {count} times" for fill, count in booked.items() if count > 1]
    return found


def positions_differ(evidence: Evidence) -> list[str]:
    """Compare shares held at the exchange with active_portfolio and with the sum of trade_log."""
    exchange = {str(row["stock_code"]): int(row["quantity"]) for row in evidence.ledger["positions"]}
    ours = {str(row["stock_code"]): int(row["quantity"]) for row in evidence.positions}
    traded: dict[str, int] = defaultdict(int)
    for row in evidence.trades:
        traded[str(row["stock_code"])] += int(row["quantity"]) * (1 if str(row["side"]).upper() == "BUY" else -1)
    found: list[str] = []
    for code in sorted(exchange.keys() | ours.keys() | traded.keys()):
        held, booked, summed = exchange.get(code, 0), ours.get(code, 0), traded.get(code, 0)
        if not held == booked == summed:
            found.append(
                f"{code}: the exchange holds {held:,} shares, active_portfolio {booked:,}, trade_log sums to {summed:,}"
            )
    return found


def orders_differ(evidence: Evidence) -> list[str]:
    """Compare each order's filled shares as the exchange and the orders table know them."""
    ours = {str(row["broker_order_no"]): int(row["filled_qty"]) for row in evidence.orders}
    return [
        f"order {order['order_no']}: {order['filled_qty']:,} shares filled at the exchange,"
        f" {ours.get(str(order['order_no']), 0):,} in orders"
        for order in new_orders(evidence)
        if ours.get(str(order["order_no"]), 0) != int(order["filled_qty"])
    ]


def unlisted_buys(evidence: Evidence) -> list[str]:
    """List every purchase of a stock that neither the scout nor a strategy's YAML ever named."""
    known = {str(row["stock_code"]) for row in evidence.listed} | evidence.chosen
    bought = {str(row["stock_code"]) for row in evidence.ledger["fills"] if str(row["side"]).upper() == "BUY"}
    return [f"{code} was bought and stood on no watchlist" for code in sorted(bought - known)]


def slots_differ(evidence: Evidence) -> list[str]:
    """Compare the slots that the schedules name with the rows: each once, finished, neither failed nor missed."""
    rows = Counter(str(row["name"]) for row in evidence.slots)
    found = [f"slot {name} has {rows[name]} rows, not one" for name in evidence.planned if rows[name] != 1]
    scheduled = {str(row["name"]) for row in evidence.slots if row["source"] == "schedule"}
    found += [f"slot {name} ran and no schedule names it" for name in sorted(scheduled - set(evidence.planned))]
    for row in evidence.slots:
        if row["finished_at"] is None:
            found.append(f"slot {row['name']} never ended ({row['state']}: {row['reason']})")
        elif row["state"] not in OUTCOMES:
            found.append(f"slot {row['name']} {str(row['state']).lower()}: {row['reason']}")
    return found
