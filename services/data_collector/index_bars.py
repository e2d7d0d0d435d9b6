"""Bring the indexes' daily bars, and believe none that lies far from the close before it."""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Final

from data_collector.gap_book import GapBook
from prime_jennie.domain.errors import BadInput, NotFound, RateLimited, Unavailable
from prime_jennie.domain.gaps import DataGap, GapKind
from prime_jennie.domain.market import IndexDailyPrice
from prime_jennie.domain.ports import Gateway
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.infra.database.repositories.collected_prices import CollectedPrices, Span, Written
from prime_jennie.infra.database.repositories.prices import PriceRepository

INDEXES: Final = {"0001": "KOSPI", "1001": "KOSDAQ"}
# The exchange halts at falls of 8 and of 15 %: more than that in a day is doubted (rulebook §7.2: no absolute limits).
LARGEST_MOVE: Final = 0.15
_LEAD = timedelta(days=14)  # so that a bar before the first wanted one is at hand, whatever holidays lie between


class IndexBars:
    """KOSPI and KOSDAQ, as the gateway tells them."""

    def __init__(
        self,
        gateway: Gateway,
        prices: CollectedPrices,
        stored: PriceRepository,
        sessions: SessionTable,
        *,
        history_sessions: int,
    ) -> None:
        self._gateway = gateway
        self._prices = prices
        self._stored = stored
        self._sessions = sessions
        self._history_sessions = history_sessions

    async def bring(self, today: date, upto: date, book: GapBook, *, again: bool = False) -> Written:
        """Store what is missing up to a session (`again`: that session anew); a failed question is a gap.

        Raises the outage when every question failed: then nobody is there to answer.
        """
        spans = await self._prices.index_spans(before=upto + timedelta(days=0 if again else 1))
        written, failures = Written(), []
        for code in INDEXES:
            first = self._first_missing(spans.get(code), upto)
            if first > upto:
                continue
            try:
                bars = await self._gateway.index_daily_prices(code, (today - first + _LEAD).days)
            except (Unavailable, RateLimited) as error:
                failures.append(error)
                book.say(GapKind.FAILED, code, str(error))
                continue
            except (NotFound, BadInput) as error:
                book.say(GapKind.HISTORY, code, str(error))
                continue
            before = await self._close_before(code, first, bars)
            kept, gaps = believable([bar for bar in bars if first <= bar.price_date <= upto], before)
            book.note(gaps)
            if not any(bar.price_date == upto for bar in kept):
                book.say(GapKind.HISTORY, code, f"no believable bar of {upto}")
            written += await self._prices.write_index(kept)
        if len(failures) == len(INDEXES):
            raise failures[-1]
        return written

    def _first_missing(self, span: Span | None, upto: date) -> date:
        if span is None:
            return self._sessions.previous(upto, self._history_sessions - 1).day
        return self._sessions.next(span.last).day

    async def _close_before(self, code: str, first: date, bars: Sequence[IndexDailyPrice]) -> float | None:
        stored = await self._stored.index_daily(code, 1, before=first)
        if stored and first - stored[-1].price_date <= _LEAD:  # against an older one any level may be right
            return stored[-1].close_price
        earlier = [bar.close_price for bar in bars if bar.price_date < first]
        return earlier[-1] if earlier else None


def believable(bars: Sequence[IndexDailyPrice], before: float | None) -> tuple[list[IndexDailyPrice], list[DataGap]]:
    """Return the bars whose close lies near the last believed one, and a gap for each other; oldest first."""
    kept: list[IndexDailyPrice] = []
    gaps: list[DataGap] = []
    for bar in bars:
        if reason := _doubt(bar, before):
            gaps.append(DataGap(kind=GapKind.BAD, subject=bar.index_code, day=bar.price_date, reason=reason))
            continue
        kept.append(bar)
        before = bar.close_price
    return kept, gaps


def _doubt(bar: IndexDailyPrice, before: float | None) -> str:
    if not bar.low_price <= bar.close_price <= bar.high_price:
        return f"close {bar.close_price:,.2f} outside {bar.low_price:,.2f} to {bar.high_price:,.2f}"
    if before is not None and abs(bar.close_price / before - 1) > LARGEST_MOVE:
        return f"close {bar.close_price:,.2f} is {bar.close_price / before - 1:+.1%} from {before:,.2f}: not believed"
    return ""
