"""The day in figures while it is lived: one look at the exchange and the rows."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
from sqlalchemy import text
from sqlalchemy.orm import Session

from prime_jennie.domain.sessions import KST
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.tls import trust

SIGNALS = "SELECT COUNT(*) FROM signal_logs WHERE status = 'published'"
REALISED = "SELECT COALESCE(SUM(profit_amount), 0) FROM trade_log WHERE trade_type = 'SELL'"
UNFINISHED = "SELECT COUNT(*) FROM inbox WHERE state = 'RECEIVED'"
WORKING = "SELECT COUNT(*) FROM orders WHERE status IN ('NEW', 'SENT', 'PARTIAL')"
UNRESOLVED = "SELECT COUNT(*) FROM order_intents WHERE state IN ('DISPATCHING', 'UNKNOWN')"
UNBOOKED = "SELECT COUNT(*) FROM fills f LEFT JOIN trade_log t ON t.fill_id = f.id WHERE t.id IS NULL"
SLOTS_OPEN = "SELECT COUNT(*) FROM slots WHERE finished_at IS NULL"
OPEN_WORK = (UNFINISHED, WORKING, UNRESOLVED, UNBOOKED, SLOTS_OPEN)


@dataclass(frozen=True)
class DayFigures:
    """What a person watching the day sees; P&L is realised, after fees and tax, in KRW."""

    now: datetime
    phase: str
    ended: bool
    ticks: int
    signals: int
    orders: int
    fills: int
    realised_krw: int
    open_work: int
    """Messages, orders, intents, fills and slots that are not settled yet."""

    def line(self) -> str:
        """Return the figures as one line."""
        return (
            f"{self.now.astimezone(KST):%H:%M} KST  {self.phase:<15}  ticks {self.ticks:>7,}  signals {self.signals:>3}"
            f"  orders {self.orders:>3}  fills {self.fills:>3}  realised {self.realised_krw:>+11,} KRW"
        )


class DayWatcher:
    """Looks at a running day; every look is read-only."""

    def __init__(self, control_url: str, account: str, db: Database) -> None:
        self._http = httpx.AsyncClient(base_url=control_url, timeout=5, trust_env=False, verify=trust())
        self._account = account
        self._db = db

    async def look(self) -> DayFigures:
        """Return the figures now. Raises httpx.HTTPError while the exchange restarts, Unavailable while SQL is gone."""
        clock = await self._ask("/control/clock")
        stats = await self._ask("/control/stats")
        ledger = await self._ask(f"/control/ledger/{self._account}")
        signals, realised, open_work = await self._db.read(_counts)
        return DayFigures(
            now=datetime.fromisoformat(clock["now"]),
            phase=clock["phase"],
            ended=clock["ended"],
            ticks=stats["ticks_sent"],
            signals=signals,
            orders=sum(1 for order in ledger["orders"] if order["kind"] == "new"),
            fills=len(ledger["fills"]),
            realised_krw=realised,
            open_work=open_work,
        )

    async def close(self) -> None:
        """Close the connection."""
        await self._http.aclose()

    async def _ask(self, path: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self._http.get(path)).raise_for_status().json()
        return found


def _counts(session: Session) -> tuple[int, int, int]:
    def one(query: str) -> int:
        return int(session.execute(text(query)).scalar_one())

    return one(SIGNALS), one(REALISED), sum(one(query) for query in OPEN_WORK)
