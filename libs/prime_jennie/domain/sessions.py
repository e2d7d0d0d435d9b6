"""Know when the exchange is open: sessions of any length, and what lies outside the known table."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Final, Self
from zoneinfo import ZoneInfo

from pydantic import model_validator

from prime_jennie.domain.errors import JennieError
from prime_jennie.domain.model import Record, Timestamp

KST: Final = ZoneInfo("Asia/Seoul")
OPENING_AUCTION: Final = timedelta(minutes=30)
CLOSING_AUCTION: Final = timedelta(minutes=10)
SETTLEMENT_SESSIONS: Final = 2


def kst_midnight(at: datetime) -> datetime:
    """Return the first moment of a moment's day in Seoul, from which the day's orders and trades count."""
    return datetime.combine(at.astimezone(KST).date(), time.min, KST)


def holding_days(bought_at: datetime, now: datetime) -> int:
    """Return the calendar days between two moments' dates in Seoul; a position bought today is 0 days old."""
    return max(0, (now.astimezone(KST).date() - bought_at.astimezone(KST).date()).days)


class UnknownSession(JennieError):  # noqa: N818 - a state of knowledge, not a fault
    """The day lies outside the session table: unknown is neither open nor closed, and buys treat it as closed."""


class SessionPhase(StrEnum):
    """Where in its day the exchange is; the values are part of /api/market/is-market-open."""

    BEFORE = "before"
    OPENING_AUCTION = "opening_auction"
    REGULAR = "regular"
    CLOSING_AUCTION = "closing_auction"
    CLOSED = "closed"

    @property
    def is_open(self) -> bool:
        """Tell whether the regular session runs, its closing auction included."""
        return self in (SessionPhase.REGULAR, SessionPhase.CLOSING_AUCTION)


class Session(Record):
    """One trading day; half days and late opens are just other times."""

    day: date
    opens_at: Timestamp
    closes_at: Timestamp

    @model_validator(mode="after")
    def _open_before_close_on_its_day(self) -> Self:
        if self.opens_at >= self.closes_at:
            raise ValueError(f"session {self.day} must open before it closes")
        if self.opens_at.astimezone(KST).date() != self.day:
            raise ValueError(f"session {self.day} opens on another day")
        return self

    @property
    def closing_auction_at(self) -> datetime:
        """Return when continuous trading ends."""
        return self.closes_at - CLOSING_AUCTION

    @property
    def opening_auction_at(self) -> datetime:
        """Return when orders for the opening auction are first taken."""
        return self.opens_at - OPENING_AUCTION

    def phase_at(self, now: datetime) -> SessionPhase:
        """Return the phase at a moment; each phase begins at its first instant."""
        if now < self.opening_auction_at:
            return SessionPhase.BEFORE
        if now < self.opens_at:
            return SessionPhase.OPENING_AUCTION
        if now < self.closing_auction_at:
            return SessionPhase.REGULAR
        if now < self.closes_at:
            return SessionPhase.CLOSING_AUCTION
        return SessionPhase.CLOSED

    def minutes_from_open(self, now: datetime) -> float:
        """Return minutes since the open, negative before it."""
        return (now - self.opens_at) / timedelta(minutes=1)

    def minutes_to_close(self, now: datetime) -> float:
        """Return minutes until the close, negative after it."""
        return (self.closes_at - now) / timedelta(minutes=1)


class SessionTable:
    """Answer from a fixed list of sessions; every question outside its range raises UnknownSession."""

    def __init__(self, sessions: Iterable[Session], *, first: date | None = None, last: date | None = None) -> None:
        """Take the sessions and, where the list speaks for more days than it names, the range it covers."""
        ordered = sorted(sessions, key=lambda session: session.day)
        if not ordered:
            raise ValueError("a session table needs at least one session")
        self._days = [session.day for session in ordered]
        if len(set(self._days)) != len(self._days):
            raise ValueError("a session table must name each day once")
        self._sessions = ordered
        self.first = first or self._days[0]
        self.last = last or self._days[-1]
        if self.first > self._days[0] or self.last < self._days[-1]:
            raise ValueError("a session table must cover every session it names")

    def get(self, day: date) -> Session | None:
        """Return the day's session, None on a day without one."""
        self._demand_known(day)
        index = bisect_left(self._days, day)
        if index < len(self._days) and self._days[index] == day:
            return self._sessions[index]
        return None

    def is_session(self, day: date) -> bool:
        """Tell whether the exchange opens on a day."""
        return self.get(day) is not None

    def phase_at(self, now: datetime) -> SessionPhase:
        """Return the exchange's phase at a moment; a day without a session is closed throughout."""
        session = self.get(now.astimezone(KST).date())
        return SessionPhase.CLOSED if session is None else session.phase_at(now)

    def of(self, now: datetime) -> Session | None:
        """Return the session of a moment's KST day; None on a day without one and beyond the table, where buys stop."""
        try:
            return self.get(now.astimezone(KST).date())
        except UnknownSession:
            return None

    def previous(self, day: date, count: int = 1) -> Session:
        """Return the `count`-th session strictly before a day."""
        self._demand_known(day)
        return self._at(bisect_left(self._days, day) - count, f"{count} sessions before {day}")

    def day_before(self, day: date) -> date | None:
        """Return the day of the session before a day; None where the table does not reach it."""
        try:
            return self.previous(day).day
        except UnknownSession:
            return None

    def next(self, day: date, count: int = 1) -> Session:
        """Return the `count`-th session strictly after a day."""
        self._demand_known(day)
        return self._at(bisect_right(self._days, day) + count - 1, f"{count} sessions after {day}")

    def sessions_between(self, first: date, last: date) -> tuple[Session, ...]:
        """Return the sessions from a first to a last day, both included."""
        self._demand_known(first)
        self._demand_known(last)
        return tuple(self._sessions[bisect_left(self._days, first) : bisect_right(self._days, last)])

    def age(self, since: date, day: date) -> int:
        """Count the sessions after `since` up to and including `day`; yesterday's entry is one session old."""
        if since >= day:
            return 0
        return len(self.sessions_between(since + timedelta(days=1), day))

    def settlement_day(self, day: date) -> date:
        """Return the day on which a trade of `day` settles: two sessions later."""
        return self.next(day, SETTLEMENT_SESSIONS).day

    def _at(self, index: int, what: str) -> Session:
        if not 0 <= index < len(self._sessions):
            raise UnknownSession(f"the session table {self.first}…{self.last} does not reach {what}")
        return self._sessions[index]

    def _demand_known(self, day: date) -> None:
        if not self.first <= day <= self.last:
            raise UnknownSession(f"{day} lies outside the session table {self.first}…{self.last}")
