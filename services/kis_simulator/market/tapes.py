"""The day's paths of all stocks, each made when first asked for."""

from __future__ import annotations

from collections import OrderedDict
from datetime import date

from kis_simulator.market.bars import Market
from kis_simulator.market.minutes import MinuteTape
from kis_simulator.market.path import IntradayPath, PathShape, make_path, rng_of
from kis_simulator.market.reference import Reference, reference_of

# About 0.4 MB a path; what is dropped is made again, equal.
KEPT_PATHS = 96


class Tapes:
    """Hand out references and paths of one trading day."""

    def __init__(self, market: Market, day: date, seed: int, shape: PathShape) -> None:
        """Bind the day; nothing is made yet."""
        self.market = market
        self.day = day
        self._seed = seed
        self._shape = shape
        self._paths: OrderedDict[str, IntradayPath] = OrderedDict()
        self._references: dict[str, Reference | None] = {}
        self._minutes: dict[str, MinuteTape] = {}

    def reference(self, code: str) -> Reference | None:
        """Return the stock's reference of the day; None when it is not listed or has no bar."""
        if code not in self._references:
            listing = self.market.listings.get(code)
            self._references[code] = reference_of(self.market.bars, listing, self.day) if listing else None
        return self._references[code]

    def path(self, code: str) -> IntradayPath | None:
        """Return the stock's prints of the day; None when it does not trade today."""
        if code in self._paths:
            self._paths.move_to_end(code)
            return self._paths[code]
        reference = self.reference(code)
        if reference is None or reference.halted:
            return None
        path = self._make(reference, code)
        self._paths[code] = path
        if len(self._paths) > KEPT_PATHS:
            self._paths.popitem(last=False)
        return path

    def minutes(self, code: str) -> MinuteTape | None:
        """Return the same day at each whole minute, kept for every stock that was asked for; paths in use stay."""
        if code not in self._minutes:
            reference = self.reference(code)
            if reference is None or reference.halted:
                return None
            path = self._paths.get(code) or self._make(reference, code)
            self._minutes[code] = MinuteTape.of(path, self._shape.session_secs)
        return self._minutes[code]

    def _make(self, reference: Reference, code: str) -> IntradayPath:
        return make_path(reference.bar, self._shape, rng_of(self._seed, self.day, code))
