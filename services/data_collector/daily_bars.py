"""Bring the day's bar of every listed stock, by quotes of many stocks taken after the close."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from data_collector.gap_book import GapBook
from data_collector.history import History
from data_collector.judging import day_bars
from data_collector.side_by_side import side_by_side
from prime_jennie.domain.errors import JennieError, RateLimited, Unavailable
from prime_jennie.domain.gaps import GapKind
from prime_jennie.domain.ports import Gateway
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.infra.database.repositories.collected_prices import CollectedPrices, Written
from prime_jennie.infra.jobs import Job

_STOCKS_A_CALL: Final = 120  # four calls of the broker: what one failed request costs
_MOST_REBASED: Final = 40  # a slot's corporate actions; more of them would be a broken feed


@dataclass(frozen=True)
class _Part:
    """What became of one call's stocks."""

    stocks: int
    written: Written = field(default_factory=Written)
    rebased: tuple[str, ...] = ()
    error: JennieError | None = None


class DailyBars:
    """Stores what makes sense; what a later run brings again is written over it."""

    def __init__(self, gateway: Gateway, prices: CollectedPrices, history: History, sessions: SessionTable) -> None:
        self._gateway = gateway
        self._prices = prices
        self._history = history
        self._sessions = sessions

    async def bring(self, job: Job, listed: Sequence[str], book: GapBook) -> str:
        """Store the bars of all stocks and return the clause for the outcome; raises when there is not one."""
        if not listed:
            book.say(GapKind.SOURCE, "listings", "stock_master names no listed stock")
            return "no listed stock"
        closes_before = await self._prices.closes_of(self._sessions.previous(job.day).day)
        # Those without a bar yesterday come last: an unknown stock makes the broker refuse its whole call of thirty.
        ordered = sorted(listed, key=lambda code: (code not in closes_before, code))
        parts = [ordered[at : at + _STOCKS_A_CALL] for at in range(0, len(ordered), _STOCKS_A_CALL)]
        asked = count(1)

        async def bring_part(codes: Sequence[str]) -> _Part:
            part = await self._bring_part(job, codes, closes_before, book)
            await job.report("daily bars", 45 * next(asked) // len(parts))
            return part

        brought = await side_by_side(parts, bring_part)
        written = sum((part.written for part in brought), Written())
        if not written.bars:
            none = Unavailable(f"not one usable quote of {len(listed):,} stocks")
            raise next((part.error for part in brought if part.error), none)
        rebased = [code for part in brought for code in part.rebased]
        again = await self._history.again(rebased[:_MOST_REBASED], job.day, book)
        notes = book.told(GapKind.HALTED, GapKind.UNQUOTED, GapKind.BAD, GapKind.NEW, GapKind.ADJUSTED)
        failed = sum(part.stocks for part in brought if part.error)
        told = [f"{written.bars:,} bars of {len(listed):,} stocks", *([notes] if notes else [])]
        told += [f"{failed:,} quotes failed"] if failed else []
        return ", ".join(told) + changed_clause(written + again)

    async def _bring_part(
        self, job: Job, codes: Sequence[str], closes_before: Mapping[str, int], book: GapBook
    ) -> _Part:
        """Store the bars of one call's stocks, and what is to be said about the others."""
        try:
            quotes = await self._gateway.snapshots(codes)
        except (Unavailable, RateLimited) as error:
            book.say(GapKind.FAILED, f"{codes[0]} to {codes[-1]}", f"{len(codes)} quotes: {error}")
            await book.write()
            return _Part(len(codes), error=error)
        found = day_bars(quotes, job.day, closes_before)
        book.note(found.gaps)
        written = await self._prices.write_daily(found.bars)
        await book.write()
        return _Part(len(codes), written, found.rebased)


def changed_clause(written: Written) -> str:
    """Say how many stored bars had other figures; "" for none."""
    return f", {written.changed:,} bars had other figures" if written.changed else ""
