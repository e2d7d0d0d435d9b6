"""The world's figures of a day: the gateway's indexes and what other sources tell, none of them guessed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from data_collector.gap_book import GapBook
from data_collector.index_bars import INDEXES, LARGEST_MOVE
from prime_jennie.domain.errors import BadInput, NotFound, RateLimited, Unavailable
from prime_jennie.domain.gaps import GapKind
from prime_jennie.domain.macro import GlobalSnapshot, VixRegime
from prime_jennie.domain.ports import FigureSource, Gateway
from prime_jennie.domain.sessions import Session, SessionTable
from prime_jennie.infra.database.repositories.macro_snapshots import MacroSnapshotRepository
from prime_jennie.infra.database.repositories.prices import PriceRepository

# Every figure that the rulebook wants, and why the broker cannot tell it ("" where something here can).
FIGURES: Final[Mapping[str, str]] = {
    "kospi_index": "",
    "kospi_change_pct": "",
    "kosdaq_index": "",
    "kosdaq_change_pct": "",
    "vix": "told by Yahoo where VIX_URL is set",
    "usd_krw": "told by the Bank of Korea's ECOS where ECOS_API_KEY is set",
    "bok_rate": "told by the Bank of Korea's ECOS where ECOS_API_KEY is set",
    "fed_rate": "no source",
    "treasury_10y": "no source",
    "us_cpi_yoy": "no source",
    "dxy_index": "no source",
    "kospi_foreign_net": "no source: a market's investor flows are not read",
    "kosdaq_foreign_net": "no source: a market's investor flows are not read",
    "kospi_institutional_net": "no source: a market's investor flows are not read",
    "kospi_retail_net": "no source: a market's investor flows are not read",
}
# How far a figure may lie from the last stored one, as a share of the smaller of the two.
_LARGEST_CHANGE: Final[Mapping[str, float]] = {"vix": 2.0, "usd_krw": 0.1, "bok_rate": 1.0}
_OLDEST_COMPARED_DAYS: Final = 14


@dataclass(frozen=True)
class IndexFigure:
    """An index with its change in percent, and where both come from."""

    level: float
    change_pct: float
    source: str


class Figures:
    """Puts a GlobalSnapshot together and says what is missing of it."""

    def __init__(
        self,
        gateway: Gateway,
        prices: PriceRepository,
        snapshots: MacroSnapshotRepository,
        sessions: SessionTable,
        sources: Sequence[FigureSource],
    ) -> None:
        self._gateway = gateway
        self._prices = prices
        self._snapshots = snapshots
        self._sessions = sessions
        self._sources = sources

    async def gather(self, day: date, session: Session, now: datetime, book: GapBook) -> GlobalSnapshot:
        """Return what is known; each figure that is not has its gap with the reason."""
        found: dict[str, float] = {}
        told: list[str] = []
        for code, name in INDEXES.items():
            index = await self._index(code, day, session, now, book)
            if index is not None:
                found[f"{name.lower()}_index"] = index.level
                found[f"{name.lower()}_change_pct"] = index.change_pct
                told.append(f"{name}: {index.source}")
        reasons = dict(FIGURES)
        for source in self._sources:
            values = await self._ask(source, day, reasons, book)
            found |= values
            told += [source.name] if values else []
        for figure, reason in reasons.items():
            if figure not in found and reason:
                book.say(GapKind.SOURCE, figure, reason)
        return _snapshot(day, now, found, told)

    async def _index(self, code: str, day: date, session: Session, now: datetime, book: GapBook) -> IndexFigure | None:
        """Return the level of now once the day has opened, else the last session's close with its own change."""
        bars = await self._prices.index_daily(code, 2, before=day)
        fresh = bars and bars[-1].price_date == self._sessions.previous(day).day
        if self._sessions.of(now) != session or now < session.opens_at:
            if not fresh or len(bars) < 2:
                book.say(GapKind.SOURCE, code, "no bars of the two sessions before")
                return None
            before, last = bars
            change_pct = round((last.close_price / before.close_price - 1) * 100, 2)
            return IndexFigure(last.close_price, change_pct, f"KIS, close of {last.price_date}{_label(last.source)}")
        try:
            quote = await self._gateway.index_quote(code)
        except (Unavailable, RateLimited, NotFound, BadInput) as error:
            book.say(GapKind.FAILED, code, f"index: {error}")
            return None
        change = quote.price / bars[-1].close_price - 1 if fresh else quote.change_pct / 100
        if abs(change) > LARGEST_MOVE:
            book.say(GapKind.BAD, code, f"{quote.price:,.2f} is {change:+.1%} from the last close: not believed")
            return None
        return IndexFigure(quote.price, quote.change_pct, f"KIS, quote{_label(quote.source)}")

    async def _ask(
        self, source: FigureSource, day: date, reasons: dict[str, str], book: GapBook
    ) -> Mapping[str, float]:
        try:
            values = await source.read(day)
        except Unavailable as error:
            reasons.update(dict.fromkeys(source.figures, str(error)))
            return {}
        believed: dict[str, float] = {}
        for figure in source.figures:
            if figure not in values:
                reasons[figure] = f"{source.name} did not tell it"
            elif doubt := await self._doubt(figure, values[figure], day):
                reasons[figure] = ""
                book.say(GapKind.BAD, figure, doubt)
            else:
                believed[figure] = values[figure]
        return believed

    async def _doubt(self, figure: str, value: float, day: date) -> str:
        """Say why a figure is not believed against the last stored snapshot; "" when it is, or there is none."""
        last = await self._snapshots.newest_before(day)
        if last is None or (day - last.snapshot_date).days > _OLDEST_COMPARED_DAYS:
            return ""
        before = getattr(last, figure)
        if not before or max(value, before) / min(value, before) - 1 <= _LARGEST_CHANGE[figure]:
            return ""
        return f"{value:,.2f} after {before:,.2f} on {last.snapshot_date}: not believed"


def _snapshot(day: date, now: datetime, found: Mapping[str, float], told: Sequence[str]) -> GlobalSnapshot:
    fields: dict[str, Any] = dict(found)
    return GlobalSnapshot(
        snapshot_date=day,
        timestamp=now,
        vix_regime=VixRegime.of(found.get("vix")),
        completeness_pct=round(100 * len(found) / len(FIGURES), 1),
        data_sources=tuple(told),
        **fields,
    )


def _label(source: str | None) -> str:
    return f" ({source})" if source else ""
