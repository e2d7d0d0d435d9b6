"""Where the day should stand by the session table, and the next lawful step on the way (rulebook §13.1)."""

from datetime import datetime, timedelta
from typing import Final

from prime_jennie.domain.lifecycle import MarketState
from prime_jennie.domain.sessions import Session

OPENING_LEAD: Final = timedelta(minutes=30)


def wanted_state(session: Session | None, now: datetime) -> MarketState:
    """Return OFFLINE, READY, TRADING or CLOSED; `session` is None on a day that does not open, or may not."""
    if session is None or now < opening_at(session):
        return MarketState.OFFLINE
    if now < session.opens_at:
        return MarketState.READY
    return MarketState.TRADING if now < session.closes_at else MarketState.CLOSED


def next_state(
    state: MarketState, wanted: MarketState, *, of_today: bool, owes_closing: bool = False
) -> MarketState | None:
    """Return the next step towards what is wanted, None where nothing is to be done.

    `of_today`: the state was reached on the day that `wanted` speaks of. `owes_closing`: today's session was opened
    and its closing is still due, which a process started after the close finds. Nothing leads out of STOPPED here.
    """
    match state:
        case MarketState.OFFLINE:
            opens = wanted in (MarketState.READY, MarketState.TRADING)
            due = wanted is MarketState.CLOSED and owes_closing
            return MarketState.INITIALIZING if opens or due else None
        case MarketState.INITIALIZING:
            return MarketState.READY
        case MarketState.READY if of_today and wanted is MarketState.TRADING:
            return MarketState.TRADING
        case MarketState.READY | MarketState.TRADING:
            return None if of_today and state is wanted else MarketState.CLOSING
        case MarketState.CLOSING:
            return MarketState.CLOSED
        case MarketState.CLOSED:
            opens = wanted in (MarketState.READY, MarketState.TRADING)
            return MarketState.INITIALIZING if opens and not of_today else None
        case _:
            return None


def next_change_at(session: Session | None, now: datetime) -> datetime | None:
    """Return when `wanted_state` next changes today, None when it does not."""
    if session is None:
        return None
    changes = (opening_at(session), session.opens_at, session.closing_auction_at, session.closes_at)
    return next((change for change in changes if change > now), None)


def opening_at(session: Session) -> datetime:
    """Return when the opening sequence of a session begins."""
    return session.opens_at - OPENING_LEAD
