"""Prices that somebody waits for: each alert fires once, or ends after its days."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.journal import PriceAlertRow
from prime_jennie.infra.database.upsert import affected

OPEN: Final = "OPEN"
FIRED: Final = "FIRED"
EXPIRED: Final = "EXPIRED"


class Direction(StrEnum):
    """From which side the price comes."""

    ABOVE = "above"
    BELOW = "below"

    def is_reached(self, price_krw: int, target_krw: int) -> bool:
        """Tell whether a price has arrived."""
        return price_krw >= target_krw if self is Direction.ABOVE else price_krw <= target_krw


@dataclass(frozen=True)
class PriceAlert:
    """A price that a chat waits for, KRW."""

    chat: str
    stock_code: str
    stock_name: str
    direction: Direction
    target_krw: int
    created_at: datetime
    expires_at: datetime
    id: int = 0


class PriceAlertRepository:
    """The alerts of all chats."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def add(self, alert: PriceAlert, *, most_open: int) -> bool:
        """Store an alert; False when its chat has so many open ones already."""

        def work(session: Session) -> bool:
            is_open = (PriceAlertRow.chat_id == alert.chat, PriceAlertRow.state == OPEN)
            if session.execute(select(func.count()).where(*is_open)).scalar_one() >= most_open:
                return False
            session.add(
                PriceAlertRow(
                    chat_id=alert.chat,
                    stock_code=alert.stock_code,
                    stock_name=alert.stock_name,
                    direction=alert.direction.value,
                    target_price=alert.target_krw,
                    state=OPEN,
                    created_at=alert.created_at,
                    expires_at=alert.expires_at,
                )
            )
            return True

        return await self._db.write(work)

    async def waiting(self, at: datetime, chat: str | None = None) -> list[PriceAlert]:
        """Return the open alerts that have not expired, oldest first: of one chat, or of all."""
        query = select(PriceAlertRow).where(PriceAlertRow.state == OPEN, PriceAlertRow.expires_at > at)
        if chat is not None:
            query = query.where(PriceAlertRow.chat_id == chat)
        query = query.order_by(PriceAlertRow.id)
        return await self._db.read(lambda session: [_alert(row) for row in session.execute(query).scalars()])

    async def fire(self, alert_id: int, price_krw: int, *, at: datetime) -> bool:
        """Take an alert as fired; False when somebody did so before."""
        fired = (
            update(PriceAlertRow)
            .where(PriceAlertRow.id == alert_id, PriceAlertRow.state == OPEN)
            .values(state=FIRED, fired_at=at, fired_price=price_krw)
        )
        return await self._db.write(lambda session: affected(session.execute(fired)) == 1)

    async def expire(self, at: datetime) -> int:
        """End the alerts whose days are over, and return how many."""
        expired = (
            update(PriceAlertRow)
            .where(PriceAlertRow.state == OPEN, PriceAlertRow.expires_at <= at)
            .values(state=EXPIRED)
        )
        return await self._db.write(lambda session: affected(session.execute(expired)))


def _alert(row: PriceAlertRow) -> PriceAlert:
    return PriceAlert(
        id=row.id,
        chat=row.chat_id,
        stock_code=row.stock_code,
        stock_name=row.stock_name,
        direction=Direction(row.direction),
        target_krw=row.target_price,
        created_at=row.created_at,
        expires_at=row.expires_at,
    )
