"""The exchanges whose sessions a schedule may follow, and by how much a day's slots move with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from prime_jennie.domain.sessions import KST, SessionTable

Sessions = Callable[[str], SessionTable]
"""Gives the session table of a calendar."""
Anchor = Literal["clock", "open", "close"]


@dataclass(frozen=True, slots=True)
class Calendar:
    """An exchange's clocks and usual hours."""

    zone: ZoneInfo
    opens: time
    closes: time

    def day_of(self, at: datetime) -> date:
        """Return the exchange's own day at a moment: a morning in Seoul is New York's evening before."""
        return at.astimezone(self.zone).date()

    def shift(self, anchor: Anchor, day: date, sessions: SessionTable) -> timedelta:
        """Return how much later than usual the day's session opens or closes; 0 without a session."""
        session = sessions.get(day)
        if session is None or anchor == "clock":
            return timedelta(0)
        if anchor == "open":
            return session.opens_at - datetime.combine(day, self.opens, self.zone)
        return session.closes_at - datetime.combine(day, self.closes, self.zone)


CALENDARS: Mapping[str, Calendar] = {
    "XKRX": Calendar(KST, time(9, 0), time(15, 30)),
    "XNYS": Calendar(ZoneInfo("America/New_York"), time(9, 30), time(16, 0)),
}
