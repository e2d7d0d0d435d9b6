"""What stocks are worth as a whole: shares × close for all of them, the broker's own figures where asked for."""

from collections.abc import Sequence
from typing import Final

from data_collector.gap_book import GapBook
from data_collector.side_by_side import side_by_side
from prime_jennie.domain.errors import BadInput, NotFound, RateLimited, Unavailable
from prime_jennie.domain.gaps import GapKind
from prime_jennie.domain.market import StockSnapshot
from prime_jennie.domain.ports import Clock, Gateway
from prime_jennie.infra.database.repositories.collected_prices import CollectedPrices
from prime_jennie.infra.database.repositories.fundamentals import FundamentalRepository, Valuation
from prime_jennie.infra.database.repositories.masters import MasterRepository
from prime_jennie.infra.jobs import Job

SHARES_SOURCE: Final = "shares of the listing file, not of the day, × the day's close"
_BATCH: Final = 50


class Valuations:
    """Market caps and ratios."""

    def __init__(
        self,
        gateway: Gateway,
        masters: MasterRepository,
        prices: CollectedPrices,
        fundamentals: FundamentalRepository,
        clock: Clock,
    ) -> None:
        self._gateway = gateway
        self._masters = masters
        self._prices = prices
        self._fundamentals = fundamentals
        self._clock = clock

    async def approximate_caps(self, job: Job, book: GapBook) -> str:
        """Write shares × close beside every master entry, and say that this is an approximation."""
        closes = await self._prices.closes_of(job.day)
        shares = await self._masters.shares()
        caps = {code: shares[code] * close for code, close in closes.items() if code in shares}
        book.say(GapKind.APPROXIMATE, "market-cap", SHARES_SOURCE)
        written = await self._masters.set_market_caps(caps, at=self._clock.now())
        return f"{written:,} market caps by {SHARES_SOURCE.split(',')[0]}"

    async def ask_broker(
        self, job: Job, watched: Sequence[str], listed: Sequence[str], more: int, book: GapBook
    ) -> str:
        """Ask for PER, PBR and market cap of the watched stocks and of so many others, the stalest first."""
        others = [code for code in listed if code not in set(watched)]
        codes = [*watched, *await self._fundamentals.stalest(others, more)]
        written = 0
        for start in range(0, len(codes), _BATCH):
            await job.report("quotes", 86 + 8 * start // len(codes))
            answers = await side_by_side(codes[start : start + _BATCH], lambda code: self._ask(code, book))
            found = [one for one in answers if one is not None]
            at = self._clock.now()
            written += await self._fundamentals.write(job.day, found, at=at)
            caps = {one.stock_code: one.market_cap for one in found if one.market_cap is not None}
            await self._masters.set_market_caps(caps, at=at)
        return f"{written:,} of {len(codes):,} valuations from the broker"

    async def _ask(self, code: str, book: GapBook) -> Valuation | None:
        try:
            quote = await self._gateway.snapshot(code)
        except (Unavailable, RateLimited) as error:
            book.say(GapKind.FAILED, code, f"valuation: {error}")
            return None
        except (NotFound, BadInput) as error:
            book.say(GapKind.UNQUOTED, code, f"valuation: {error}")
            return None
        return valuation_of(quote)


def valuation_of(quote: StockSnapshot) -> Valuation | None:
    """Return the figures that say something: the broker writes 0 for a ratio or a value that it does not know."""
    per, pbr, cap = quote.per or None, quote.pbr or None, quote.market_cap or None
    if per is None and pbr is None and cap is None:
        return None
    return Valuation(quote.stock_code, per, pbr, cap)
