"""Fill the daily bars that are missing between the last stored one and the session before today."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, Literal

from data_collector.gap_book import GapBook
from data_collector.judging import carried
from data_collector.side_by_side import side_by_side
from prime_jennie.domain.errors import BadInput, NotFound, RateLimited, Unavailable
from prime_jennie.domain.gaps import DataGap, GapKind
from prime_jennie.domain.market import DailyPrice
from prime_jennie.domain.ports import Clock, Gateway
from prime_jennie.domain.sessions import KST, SessionTable
from prime_jennie.infra.database.repositories.collected_prices import CollectedPrices, Span, Written
from prime_jennie.infra.database.repositories.gaps import GapRepository
from prime_jennie.infra.jobs import Job
from prime_jennie.infra.price_history import missing_sessions

ONE_DAY: Final = timedelta(days=1)
_STOCKS_A_BATCH: Final = 12  # some three thousand bars a transaction, and no more lost by a kill
_GIVE_UP_AFTER: Final = 8  # unanswered questions in a row: the gateway is away, not a stock


@dataclass(frozen=True)
class Want:
    """The first day that is wanted of one stock."""

    code: str
    first: date


@dataclass
class HistoryTally:
    """What a run found and did."""

    stocks: int
    due: int
    written: Written = field(default_factory=Written)

    def told(self) -> str:
        """Return it as one clause."""
        if not self.due:
            return f"history of {self.stocks:,} stocks complete"
        return f"history: {self.written.new:,} bars of {self.due:,} of {self.stocks:,} stocks fetched"


class History:
    """Asks only for what is not stored, so that a killed run goes on where it was."""

    def __init__(
        self,
        gateway: Gateway,
        prices: CollectedPrices,
        gaps: GapRepository,
        sessions: SessionTable,
        clock: Clock,
        *,
        sessions_wanted: int,
    ) -> None:
        self._gateway = gateway
        self._prices = prices
        self._gaps = gaps
        self._sessions = sessions
        self._clock = clock
        self._sessions_wanted = sessions_wanted

    async def fill(
        self, job: Job, codes: Sequence[str], book: GapBook, *, reach: Literal["tail", "full"] = "tail"
    ) -> HistoryTally:
        """Fill what is missing before the job's day; an outage of the gateway raises with all before it stored."""
        upto = self._sessions.previous(job.day).day
        begins = self._sessions.previous(job.day, self._sessions_wanted).day
        spans = await self._prices.spans(before=job.day)
        asked = {gap.subject for gap in await self._gaps.of_day(upto, [GapKind.HISTORY])}
        wants = [want for code in codes if code not in asked and (want := _want(code, spans, begins, upto, reach))]
        tally = HistoryTally(stocks=len(codes), due=len(wants))
        failures = 0
        for start in range(0, len(wants), _STOCKS_A_BATCH):
            part = wants[start : start + _STOCKS_A_BATCH]
            await job.report("history", 5 + 85 * start // len(wants))
            found = await self._fetch(part, upto)
            await self._store(found, upto, book, tally)
            failures = 0 if found.bars or found.absent else failures + len(found.failed)
            if failures >= _GIVE_UP_AFTER:
                reason = next(iter(found.failed.values()))
                raise Unavailable(f"{failures} questions in a row unanswered: {reason}")
        return tally

    async def again(self, codes: Sequence[str], day: date, book: GapBook) -> Written:
        """Fetch the whole history of stocks whose earlier bars the exchange has adjusted, and overwrite it."""
        upto = self._sessions.previous(day).day
        begins = self._sessions.previous(day, self._sessions_wanted).day
        written = Written()
        for start in range(0, len(codes), _STOCKS_A_BATCH):
            part = codes[start : start + _STOCKS_A_BATCH]
            found = await self._fetch([Want(code, begins) for code in part], upto)
            for code, reason in found.failed.items():
                book.say(GapKind.FAILED, code, f"adjusted history not read: {reason}")
            written += await self._prices.write_daily(found.bars)
        return written

    async def _fetch(self, wants: Sequence[Want], upto: date) -> "_Found":
        today = self._clock.now().astimezone(KST).date()  # the gateway counts its days from here, also in a backfill
        found = _Found()

        async def ask(want: Want) -> None:
            try:
                bars = await self._gateway.daily_prices(want.code, (today - want.first).days)
            except (Unavailable, RateLimited) as error:
                found.failed[want.code] = str(error)
                return
            except (NotFound, BadInput) as error:
                found.absent[want.code] = str(error)
                return
            wanted = [carried(bar) for bar in bars if want.first <= bar.price_date <= upto]
            found.take(want, wanted, self._sessions, upto)

        await side_by_side(wants, ask)
        return found

    async def _store(self, found: "_Found", upto: date, book: GapBook, tally: HistoryTally) -> None:
        """Store bars before the notes about them: a kill between the two costs a question, never a bar."""
        tally.written += await self._prices.write_daily(found.bars)
        answered = {bar.stock_code for bar in found.bars} | found.absent.keys()
        await self._gaps.close(GapKind.FAILED, answered, day=upto)
        book.note(_gap(GapKind.HISTORY, code, upto, reason) for code, reason in found.absent.items())
        book.note(_gap(GapKind.HOLES, code, upto, reason) for code, reason in found.holes.items())
        book.note(_gap(GapKind.FAILED, code, upto, reason) for code, reason in found.failed.items())
        await book.write()


@dataclass
class _Found:
    """What one batch of questions brought."""

    bars: list[DailyPrice] = field(default_factory=list)
    absent: dict[str, str] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    holes: dict[str, str] = field(default_factory=dict)

    def take(self, want: Want, bars: Sequence[DailyPrice], sessions: SessionTable, upto: date) -> None:
        """Take a stock's bars, and note what they leave open."""
        self.bars += bars
        if not bars:
            self.absent[want.code] = f"the exchange has no bar from {want.first} to {upto}"
            return
        last = max(bar.price_date for bar in bars)
        if last < upto:
            self.absent[want.code] = f"the exchange's last bar is of {last}"
        missing = missing_sessions(sorted(bars, key=lambda bar: bar.price_date), sessions, last)
        if missing:
            self.holes[want.code] = f"{len(missing)} sessions without a bar, the first {missing[0]}"


def _want(
    code: str, spans: Mapping[str, Span], begins: date, upto: date, reach: Literal["tail", "full"]
) -> Want | None:
    span = spans.get(code)
    if span is None or (reach == "full" and span.first > begins):
        return Want(code, begins)
    return None if span.last >= upto else Want(code, max(begins, span.last + ONE_DAY))


def _gap(kind: GapKind, code: str, day: date, reason: str) -> DataGap:
    return DataGap(kind=kind, subject=code, day=day, reason=reason)
