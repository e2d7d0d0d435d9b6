"""When trading pods are left alone: from the opening auction's first order to the close of their exchange."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from prime_jennie.domain.sessions import KST, Session, SessionTable, UnknownSession
from prime_jennie.domain.trading_strategy import TradedMarket
from prime_jennie_operator.schedule.calendars import Sessions

CALENDARS: Final[Mapping[TradedMarket, str]] = {TradedMarket.KRX: "XKRX", TradedMarket.US: "XNYS"}


@dataclass(frozen=True, slots=True)
class ExchangeHours:
    """Whether the exchange is open at a moment, and when that changes."""

    open_until: datetime | None
    """The close of the session that runs; None while none does."""
    changes_at: datetime | None
    """The next close, or the next first order; None where no table reaches so far."""

    @property
    def is_open(self) -> bool:
        return self.open_until is not None


def exchange_hours(market: TradedMarket, now: datetime, sessions: Sessions) -> ExchangeHours:
    """Look a moment up in the market's own table.

    A day that the table does not know counts as closed: nothing is bought on it, and what mends the table must get in.
    """
    table = sessions(CALENDARS[market])
    for session in _around(table, now):
        if session.opening_auction_at <= now < session.closes_at:
            return ExchangeHours(session.closes_at, session.closes_at)
        if now < session.opening_auction_at:
            return ExchangeHours(None, session.opening_auction_at)
    return ExchangeHours(None, None)


def _around(table: SessionTable, now: datetime) -> Iterator[Session]:
    """Yield yesterday's session, today's and the next one: New York closes on Seoul's next day."""
    today = now.astimezone(KST).date()
    for day in (today - timedelta(days=1), today):
        try:
            session = table.get(day)
        except UnknownSession:
            continue
        if session is not None:
            yield session
    try:
        yield table.next(today)
    except UnknownSession:
        return
