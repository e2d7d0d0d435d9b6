"""Everything that the exchange's interfaces share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime

from kis_simulator.config import SimulatorSettings
from kis_simulator.credentials import Credentials
from kis_simulator.exchange.exchange import Exchange
from kis_simulator.faults import Faults
from kis_simulator.limits import CallJudge
from kis_simulator.market.indexes import IndexSeries, index_of
from kis_simulator.market.tapes import Tapes
from kis_simulator.market.view import StockNow, stock_at_minute, stock_closed, stock_now
from kis_simulator.stats import Stats
from prime_jennie.domain.sessions import Session, SessionTable


@dataclass
class World:
    """One trading day at the exchange, and who may ask for what."""

    settings: SimulatorSettings
    sessions: SessionTable
    session: Session
    tapes: Tapes
    exchange: Exchange
    credentials: Credentials
    judge: CallJudge
    faults: Faults
    now: Callable[[], datetime]
    stats: Stats = field(default_factory=Stats)
    _indexes: dict[str, IndexSeries | None] = field(default_factory=dict)

    @property
    def day(self) -> date:
        """Return the trading day."""
        return self.session.day

    def stock(self, code: str) -> StockNow | None:
        """Return a stock as it stands now, None when it is unknown or has no bar today."""
        reference = self.tapes.reference(code)
        if reference is None:
            return None
        if self.exchange.has_closed:
            return stock_closed(reference)
        path, index = self.exchange.last_print(code)
        return stock_now(reference, path, index)

    def stock_of_minute(self, code: str) -> StockNow | None:
        """Return a stock as it stood at the last whole minute: a whole market costs no path of each stock then."""
        reference = self.tapes.reference(code)
        if reference is None:
            return None
        if self.exchange.has_closed:
            return stock_closed(reference)
        minute = int(self.exchange.secs_into_session(self.exchange.at) // 60)
        return stock_at_minute(reference, self.tapes.minutes(code) if minute >= 0 else None, minute)

    def index(self, code: str) -> IndexSeries | None:
        """Return the approximate index of a code."""
        if code not in self._indexes:
            self._indexes[code] = index_of(self.tapes.market, code)
        return self._indexes[code]
