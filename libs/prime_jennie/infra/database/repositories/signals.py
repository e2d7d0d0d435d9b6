"""Log what was decided, published or suppressed, in batches."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.messages import SignalLogRow

SignalStatus = Literal["published", "suppressed"]


@dataclass(frozen=True)
class SignalEntry:
    """One decision; `signal_at` is the time of the tick that caused it."""

    strategy: str
    signal_type: Literal["BUY", "SELL"]
    stock_code: str
    stock_name: str
    strategy_signal: str
    price: int
    market_regime: str
    status: SignalStatus
    signal_at: datetime
    created_at: datetime
    account: str | None = None
    quantity: int | None = None
    hybrid_score: float | None = None
    rsi_value: float | None = None
    volume_ratio: float | None = None
    position_multiplier: float | None = None
    profit_pct: float | None = None
    holding_days: int | None = None
    reason: str | None = None
    """What made the strategy want to trade, with its numbers."""
    suppressed_reason: str | None = None
    message_id: str | None = None


class SignalLog:
    """The log of decisions."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def record(self, entries: Sequence[SignalEntry]) -> None:
        """Append the decisions in one transaction."""
        if not entries:
            return
        rows = [asdict(entry) for entry in entries]

        def work(session: Session) -> None:
            session.execute(insert(SignalLogRow), rows)

        await self._db.write(work)

    async def entries(self, strategy: str, since: datetime, until: datetime | None = None) -> list[SignalLogRow]:
        """Return the decisions of a strategy in the order of their ticks."""
        query = select(SignalLogRow).where(SignalLogRow.strategy == strategy, SignalLogRow.signal_at >= since)
        if until is not None:
            query = query.where(SignalLogRow.signal_at < until)
        query = query.order_by(SignalLogRow.signal_at, SignalLogRow.id)
        return await self._db.read(lambda session: list(session.execute(query).scalars()))

    async def counts(self, strategy: str, since: datetime) -> dict[str, int]:
        """Count decisions by `published` or by the reason that suppressed them."""
        reason = func.coalesce(SignalLogRow.suppressed_reason, SignalLogRow.status)
        query = (
            select(reason, func.count())
            .where(SignalLogRow.strategy == strategy, SignalLogRow.signal_at >= since)
            .group_by(reason)
        )

        def work(session: Session) -> dict[str, int]:
            return {str(key): int(count) for key, count in session.execute(query)}

        return await self._db.read(work)
