"""Cut the registered stocks' prints of each step into records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from kis_simulator.market.path import IntradayPath
from kis_simulator.market.reference import Reference
from kis_simulator.websocket.records import PrintTimes, trade_record
from kis_simulator.world import World
from prime_jennie.domain.sessions import KST


@dataclass
class _Tape:
    """One stock's path with the print that comes next and where its extremes printed."""

    reference: Reference
    path: IntradayPath
    next_index: int
    upto: datetime
    high_index: int = 0
    low_index: int = 0


class Feed:
    """Return records in the order of time, then registration; prints without volume are not told."""

    def __init__(self, world: World) -> None:
        """Bind the day."""
        self._world = world
        self._tapes: dict[str, _Tape] = {}
        self._clock_texts: dict[int, str] = {}
        self._day = world.day.strftime("%Y%m%d")
        self._before: datetime | None = None
        self._last_step: dict[str, list[tuple[int, str]]] = {}

    def records(self, codes: Iterable[str], before: datetime, to: datetime) -> list[str]:
        """Return the records of the prints in (before, to]; several sessions may ask for the same step."""
        if before != self._before:
            self._before, self._last_step = before, {}
            # A list that changes all day would keep a path of every stock that was ever on it.
            self._tapes = {code: tape for code, tape in self._tapes.items() if tape.upto == before}
        found: list[tuple[int, str]] = []
        for code in codes:
            if code not in self._last_step:
                self._last_step[code] = self._cut(code, before, to)
            found.extend(self._last_step[code])
        found.sort(key=lambda item: item[0])
        return [record for _, record in found]

    def _cut(self, code: str, before: datetime, to: datetime) -> list[tuple[int, str]]:
        tape = self._tape(code, before)
        if tape is None:
            return []
        tape.upto = to
        until = self._world.exchange.secs_into_session(to)
        path = tape.path
        records: list[tuple[int, str]] = []
        while tape.next_index < len(path.secs) and path.secs[tape.next_index] <= until:
            index = tape.next_index
            if path.high[index] > path.high[tape.high_index]:
                tape.high_index = index
            if path.low[index] < path.low[tape.low_index]:
                tape.low_index = index
            if path.volume[index]:
                secs = int(path.secs[index])
                times = PrintTimes(
                    self._clock(secs),
                    self._clock(0),
                    self._clock(int(path.secs[tape.high_index])),
                    self._clock(int(path.secs[tape.low_index])),
                )
                layout = self._world.settings.layout
                records.append((secs, trade_record(tape.reference, path, index, times, self._day, layout)))
            tape.next_index += 1
        return records

    def _tape(self, code: str, before: datetime) -> _Tape | None:
        known = self._tapes.get(code)
        if known is not None and known.upto == before:
            return known
        reference, path = self._world.tapes.reference(code), self._world.tapes.path(code)
        if reference is None or path is None:
            return None
        next_index = path.index_at(self._world.exchange.secs_into_session(before)) + 1
        # Registered for the first time, or again after a pause: what printed meanwhile is not repeated.
        last = max(0, next_index - 1)
        highs, lows = path.high[: last + 1], path.low[: last + 1]
        tape = _Tape(reference, path, next_index, before, int(highs.argmax()), int(lows.argmin()))
        self._tapes[code] = tape
        return tape

    def _clock(self, secs: int) -> str:
        if secs not in self._clock_texts:
            at = self._world.session.opens_at + timedelta(seconds=secs)
            self._clock_texts[secs] = at.astimezone(KST).strftime("%H%M%S")
        return self._clock_texts[secs]
