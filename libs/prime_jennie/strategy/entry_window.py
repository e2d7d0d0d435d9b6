"""When a strategy may enter: its own hours inside the exchange's, and never inside the closing auction (rulebook §4.2).

Both ends follow the session, not the wall clock: a late open or an early close moves them along.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from prime_jennie.domain.sessions import CLOSING_AUCTION, KST, Session
from prime_jennie.domain.trading_strategy import SessionSpec


class Outside(StrEnum):
    """Where in the day a moment without entries lies; the first three bind a person's purchase, too."""

    NO_SESSION = "no_session"
    BEFORE_OPEN = "before_open"
    AFTER_CLOSE = "after_close"
    TOO_EARLY = "too_early"
    TOO_LATE = "too_late"

    @property
    def is_exchange_closed(self) -> bool:
        """Tell whether nobody at all can buy."""
        return self not in (Outside.TOO_EARLY, Outside.TOO_LATE)


@dataclass(frozen=True, slots=True)
class WindowRefusal:
    """Why there is no entry at a moment."""

    outside: Outside
    reason: str


def entry_hours(session: Session, window: SessionSpec) -> tuple[datetime, datetime]:
    """Return the first moment of a session's entries, and the first one after them."""
    begins = session.opens_at + timedelta(minutes=window.entries_from_open_minutes)
    return begins, session.closes_at - _closed_for(window)


def window_refusal(session: Session | None, window: SessionSpec, at: datetime) -> WindowRefusal | None:
    """Return why a strategy does not enter at a moment, None inside its hours; no known session, no entry."""
    if session is None:
        return WindowRefusal(Outside.NO_SESSION, "no known session today")
    if session.day != at.astimezone(KST).date():
        return WindowRefusal(Outside.NO_SESSION, f"the known session is of {session.day}, not today's")
    if at < session.opens_at:
        return WindowRefusal(Outside.BEFORE_OPEN, "the exchange has not opened")
    if at >= session.closes_at:
        return WindowRefusal(Outside.AFTER_CLOSE, "the exchange has closed")
    begins, ends = entry_hours(session, window)
    if at < begins:
        passed, needed = session.minutes_from_open(at), window.entries_from_open_minutes
        return WindowRefusal(Outside.TOO_EARLY, f"{passed:.1f} min after the open, entries start after {needed} min")
    if at >= ends:
        left, needed_to_close = session.minutes_to_close(at), _closed_for(window) / timedelta(minutes=1)
        return WindowRefusal(
            Outside.TOO_LATE, f"{left:.1f} min before the close, entries end at {needed_to_close:g} min"
        )
    return None


def _closed_for(window: SessionSpec) -> timedelta:
    return max(timedelta(minutes=window.entries_to_close_minutes), CLOSING_AUCTION)
