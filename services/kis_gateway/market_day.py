"""Whether the exchange opens: the session table, corrected once a day by the broker's own calendar."""

from datetime import date, datetime, timedelta

import structlog

from prime_jennie.domain.errors import BrokerRefused, Unavailable
from prime_jennie.domain.ports import Broker, Clock
from prime_jennie.domain.sessions import KST, SessionPhase, SessionTable, UnknownSession

log = structlog.get_logger(__name__)

ASK_AGAIN_AFTER = timedelta(seconds=60)  # clock; KIS wants to be asked once a day, and a failure is no answer


class MarketDay:
    """Unknown means closed for buys; `asks` is False in paper, where KIS has no such query."""

    def __init__(self, broker: Broker, sessions: SessionTable, clock: Clock, *, asks: bool) -> None:
        self._broker = broker
        self._sessions = sessions
        self._clock = clock
        self._asks = asks
        self._answers: tuple[date, dict[date, bool]] | None = None
        self._failed_at: datetime | None = None

    @property
    def today(self) -> date:
        return self._clock.now().astimezone(KST).date()

    def phase(self) -> SessionPhase:
        """Return the phase by the table alone."""
        return phase_at(self._sessions, self._clock.now())

    async def is_trading_day(self, day: date) -> bool:
        """Tell whether the exchange opens on a day; False while that cannot be known."""
        try:
            in_table = self._sessions.is_session(day)
        except UnknownSession:
            in_table = None
        if not self._asks or day < self.today:
            return bool(in_table)
        told = (await self._calendar()).get(day)
        if told is None:
            # Beyond the days that the broker tells; a query that failed for today has raised before.
            return bool(in_table) and day != self.today
        if in_table is not None and told is not in_table:
            log.warning("session table and broker disagree, the broker wins", day=day.isoformat(), broker_opens=told)
        return told

    async def opens_today(self) -> bool:
        """Tell the same of today, False when the broker does not answer."""
        try:
            return await self.is_trading_day(self.today)
        except (Unavailable, BrokerRefused) as error:
            log.warning("today's calendar is unknown: closed for buys", error=str(error))
            return False

    async def is_open_for_buys(self) -> bool:
        """Tell whether a buy may be sent now: from the opening auction to the close of a day known to be open."""
        phase = self.phase()
        if phase in (SessionPhase.BEFORE, SessionPhase.CLOSED):
            return False
        return await self.opens_today()

    async def _calendar(self) -> dict[date, bool]:
        today = self.today
        if self._answers is not None and self._answers[0] == today:
            return self._answers[1]
        now = self._clock.now()
        if self._failed_at is not None and now - self._failed_at < ASK_AGAIN_AFTER:
            raise Unavailable("the broker's calendar did not answer a moment ago")
        try:
            self._answers = (today, await self._broker.holidays(today))
        except Unavailable:
            self._failed_at = now
            raise
        self._failed_at = None
        return self._answers[1]


def phase_at(sessions: SessionTable, now: datetime) -> SessionPhase:
    """Return the phase of a moment; a day beyond the table is closed."""
    try:
        return sessions.phase_at(now)
    except UnknownSession:
        return SessionPhase.CLOSED
