"""Write WebSocket records: trades (H0STCNT0) and encrypted order notices (H0STCNI0/9)."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from kis_simulator.exchange.book import quote_at
from kis_simulator.exchange.orders import Execution, Kind, Order, Pricing, Side
from kis_simulator.market.path import IntradayPath
from kis_simulator.market.reference import Reference
from kis_simulator.market.view import change_of
from kis_simulator.rest.trading import BROKER_ORG

TRADES = "H0STCNT0"
NEW_LAYOUT = "20260914"
MOST_RECORDS = 999
_REGULAR_MARKET = "2"


@dataclass(frozen=True)
class PrintTimes:
    """When a stock's open, running high and running low printed, and now; all HHMMSS."""

    now: str
    opened: str
    high: str
    low: str


def trade_record(reference: Reference, path: IntradayPath, index: int, times: PrintTimes, day: str, layout: str) -> str:
    """Return one trade of 46 fields, 47 since 2026-09-14, joined by `^`."""
    price, volume = int(path.price[index]), int(path.volume[index])
    total, turnover = int(path.cumulative[index]), int(path.turnover[index])
    opened, high, low = int(path.price[0]), int(path.high[index]), int(path.low[index])
    change = change_of(price, reference.base, reference.lower_limit, reference.upper_limit)
    quote = quote_at(reference, path, index)
    average = turnover / total if total else 0.0
    shares = reference.listing.shares
    signs = [change_of(price, extreme).sign for extreme in (opened, high, low)]
    record = (
        f"{reference.listing.code}^{times.now}^{price}^{change.sign}^{change.amount}^{change.pct:.2f}^{average:.2f}"
        f"^{opened}^{high}^{low}^{quote.ask}^{quote.bid}^{volume}^{total}^{turnover}^0^0^0^100.00^0^0"
        f"^{'1' if path.buyer_initiated[index] else '5'}^0.50"
        f"^{total / reference.previous_volume * 100 if reference.previous_volume else 0:.2f}"
        f"^{times.opened}^{signs[0]}^{price - opened}^{times.high}^{signs[1]}^{price - high}"
        f"^{times.low}^{signs[2]}^{price - low}^{day}^20^N^0^0^0^0"
        f"^{total / shares * 100 if shares else 0:.2f}^0^0.00^0^^{reference.base}"
    )
    return f"{record}^{_REGULAR_MARKET}" if layout == NEW_LAYOUT else record


def trade_frames(records: list[str]) -> list[str]:
    """Return plain frames that carry all records, as many to a frame as its three-digit count allows."""
    return [
        f"0|{TRADES}|{len(part):03d}|{'^'.join(part)}"
        for part in (records[i : i + MOST_RECORDS] for i in range(0, len(records), MOST_RECORDS))
    ]


def notice_record(order: Order, execution: Execution | None, customer: str, name: str, now: str, layout: str) -> str:
    """Return a notice of an acceptance, or of a fill; 26 fields, 23 in the older layout."""
    instruction = order.instruction
    filled = execution is not None
    quantity = execution.quantity if execution else instruction.quantity
    price = execution.price if execution else instruction.price
    fields = [
        customer,
        instruction.account.replace("-", ""),
        order.number,
        order.original,
        "01" if instruction.side is Side.SELL else "02",
        {Kind.NEW: "0", Kind.MODIFY: "1", Kind.CANCEL: "2"}[order.kind],
        "01" if instruction.pricing is Pricing.MARKET else "00",
        "0",
        instruction.code,
        f"{quantity:010d}",
        f"{price:09d}",
        now,
        "0",
        "2" if filled else "1",
        "2" if filled or order.kind is not Kind.NEW else "1",
        BROKER_ORG,
        f"{instruction.quantity:09d}",
        "모의고객",
    ]
    tail = ["0", "", name, f"{instruction.price:09d}"]
    middle = ["", "1", "N", ""] if layout == NEW_LAYOUT else [name]
    return "^".join([*fields, *middle, *tail])


def encrypt(plain: str, key: str, iv: str) -> str:
    """Return base64 of AES-256-CBC with PKCS#7; key and iv are the ASCII bytes of the acknowledgement's strings."""
    padder = PKCS7(128).padder()
    padded = padder.update(plain.encode()) + padder.finalize()
    encryptor = Cipher(algorithms.AES(key.encode("ascii")), modes.CBC(iv.encode("ascii"))).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode("ascii")
