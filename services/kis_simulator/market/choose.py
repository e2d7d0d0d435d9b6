"""Choose where prices come from, and the trading day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from kis_simulator.config import SimulatorSettings
from kis_simulator.market.bars import Market
from kis_simulator.market.files import load_folder
from kis_simulator.market.imported import load_imported
from kis_simulator.market.synthetic import SESSIONS, synthetic_market
from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.money import sell_tax_krw
from prime_jennie.domain.sessions import KST, Session, SessionTable

_COMMAND = "jennie-sim"


def choose_market(settings: SimulatorSettings, sessions: SessionTable, now: datetime) -> tuple[Market, Session]:
    """Return real prices of a folder, else imported ones, else a synthetic market, and the session to play."""
    if settings.day is not None:
        _session_of(settings.day, sessions)
    market = load_folder(settings.data) if settings.data is not None else None
    market = market or load_imported(settings.database_url, settings.day)
    if market is None:
        day = settings.day or _last_session(sessions, now.astimezone(KST).date())
        session = _session_of(day, sessions)
        # Twice the calendar days hold the sessions wanted; the table's first day may leave fewer.
        first = max(sessions.first, day - timedelta(days=2 * SESSIONS))
        days = [one.day for one in sessions.sessions_between(first, day)][-SESSIONS:]
        return synthetic_market(days, settings.seed), session
    days_known = market.bars.days
    day = settings.day or days_known[-1]
    session = _session_of(day, sessions)
    if day not in market.bars.columns:
        where = str(settings.data) if market.source == "real" else "imported prices"
        raise BadInput(where, "--day", f"no bars of {day}; the prices cover {days_known[0]} to {days_known[-1]}")
    return market, session


def _session_of(day: date, sessions: SessionTable) -> Session:
    if not sessions.first <= day <= sessions.last:
        raise BadInput(_COMMAND, "--day", f"{day} is outside the known calendar {sessions.first} to {sessions.last}")
    session = sessions.get(day)
    if session is None:
        before, after = sessions.previous(day).day, sessions.next(day).day
        raise BadInput(
            _COMMAND, "--day", f"{day} is no trading day; the session before is {before}, the next one {after}"
        )
    try:
        sell_tax_krw(0, sessions.settlement_day(day))
    except ValueError as error:
        raise BadInput(_COMMAND, "--day", str(error)) from error
    return session


def _last_session(sessions: SessionTable, today: date) -> date:
    return today if sessions.is_session(today) else sessions.previous(today).day
