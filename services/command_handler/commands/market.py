"""/price, /watchlist, /watch, /unwatch: quotes, and the stocks that may be bought."""

from typing import Final

from command_handler.arguments import no_words
from command_handler.desk import Ask, CommandDesk
from command_handler.manual_list import ManualList
from command_handler.phrases import Phrase, same
from command_handler.replies import Refused, Reply, done, told
from command_handler.stocks import Stock, StockFinder
from command_handler.strategies import Strategies
from command_handler.words import REGIMES
from prime_jennie.domain.errors import BadInput, BrokerRefused, NotFound
from prime_jennie.domain.keys import RedisKeys
from prime_jennie.domain.market import StockSnapshot
from prime_jennie.domain.sessions import KST
from prime_jennie.domain.trading_strategy import MAX_SYMBOLS, LiveConfig, WatchlistSource
from prime_jennie.domain.watchlist import HotWatchlist
from prime_jennie.infra.database.repositories.masters import MasterRepository
from prime_jennie.infra.redis.cache import TypedCache

UNKNOWN_TO_THE_EXCHANGE: Final = (NotFound, BadInput, BrokerRefused)


class MarketViews:
    """Asks the gateway for quotes, and Redis for the lists."""

    def __init__(self, desk: CommandDesk, strategies: Strategies, stocks: StockFinder, manual: ManualList) -> None:
        self._desk = desk
        self._strategies = strategies
        self._masters = MasterRepository(desk.db)
        self._stocks = stocks
        self._manual = manual
        self._watchlists = TypedCache.of(desk.redis, RedisKeys.WATCHLIST_ACTIVE, HotWatchlist)

    async def price(self, ask: Ask) -> Reply:
        """Quote a stock."""
        stock = await self._stocks.find(ask.rest)
        quote = await quote_of(self._desk, stock)
        return told(
            same(stock.label),
            Phrase(
                f"현재가 {quote.price:,}원 ({quote.change_pct:+.2f}%)", f"{quote.price:,} ({quote.change_pct:+.2f}%)"
            ),
            Phrase(
                f"시가 {quote.open_price:,} · 고가 {quote.high_price:,} · 저가 {quote.low_price:,}",
                f"open {quote.open_price:,} · high {quote.high_price:,} · low {quote.low_price:,}",
            ),
            Phrase(f"거래량 {quote.volume:,}주", f"volume {quote.volume:,}"),
            Phrase(
                f"기준 {quote.timestamp.astimezone(KST):%H:%M:%S}", f"as of {quote.timestamp.astimezone(KST):%H:%M:%S}"
            ),
        )

    async def watchlist(self, ask: Ask) -> Reply:
        """List the scout's stocks with their tiers, those watched by hand, and the lists that strategies have alone."""
        no_words(ask.words)
        meant = await self._strategies.meant(ask)
        static = [live for live in meant.values() if _has_own_list(live)]
        lines: list[Phrase] = []
        if len(static) < len(meant) or not meant:
            lines += [*await self._scouted(), *await self._listed_by_hand()]
        for live in static:
            lines += await self._own_list(live)
        return told(Phrase("관심종목", "Watchlist"), *lines)

    async def _scouted(self) -> list[Phrase]:
        hot = await self._watchlists.get()
        if hot is None:
            return [Phrase("스카우트의 목록이 아직 없습니다", "The scout has published no list yet")]
        regime = REGIMES[hot.market_regime]
        head = f"{hot.generated_at.astimezone(KST):%m-%d %H:%M} · {len(hot.stocks)} · "
        lines = [Phrase(f"{head}{regime.ko}", f"{head}{regime.en}")]
        for entry in sorted(hot.stocks, key=lambda entry: entry.rank):
            score = f"{entry.hybrid_score:.0f} (Q{entry.quant_score:.0f}/A{entry.llm_score:.0f})"
            tag = f"{entry.trade_tier.value} {entry.risk_tag.value}"
            lines.append(same(f"{entry.rank}. {entry.stock_name} {entry.stock_code} {score} {tag}"))
        return lines

    async def _listed_by_hand(self) -> list[Phrase]:
        how = Phrase(" · 수동 50/50 TIER2", " · by hand, 50/50 TIER2")
        return [same(stock.label) + how for stock in await self._manual.stocks()]

    async def _own_list(self, live: LiveConfig) -> list[Phrase]:
        codes = [symbol.code for symbol in live.spec.watchlist.symbols]
        names = await self._masters.names(codes)
        stocks = ", ".join(Stock(code, names[code]).label for code in codes)
        return [
            Phrase(f"{live.name} · 전략 목록 {len(codes)}: ", f"{live.name} · its own {len(codes)}: ") + same(stocks)
        ]

    async def watch(self, ask: Ask) -> Reply:
        """List a stock by hand."""
        stock = await self._stocks.find(ask.rest)
        await quote_of(self._desk, stock)
        if not await self._manual.add(stock, who=ask.who, at=ask.at, most=MAX_SYMBOLS):
            raise Refused(Phrase(f"수동 목록은 {MAX_SYMBOLS}종목까지입니다", f"At most {MAX_SYMBOLS} stocks by hand"))
        joins = Phrase(
            "50/50 TIER2로 다음 목록 갱신부터 신호를 봅니다", "it joins at 50/50, TIER2 with the scanner's next reload"
        )
        if all(_has_own_list(live) for live in (await self._strategies.all()).values()):
            joins = Phrase(
                "지금은 모든 전략이 자기 목록만 봅니다 (watchlist.source static)",
                "right now every strategy looks at a list of its own only (watchlist.source static)",
            )
        title = Phrase(f"{stock.label} 수동 관심종목에 추가", f"{stock.label} is on the manual watchlist")
        return done(title, joins)

    async def unwatch(self, ask: Ask) -> Reply:
        """Take a stock off the manual list; what the scout listed stays."""
        stock = await self._stocks.find(ask.rest)
        if not await self._manual.remove(stock, who=ask.who, at=ask.at):
            raise Refused(
                Phrase(f"{stock.label}: 수동 관심종목에 없습니다", f"{stock.label} is not on the manual watchlist")
            )
        return done(Phrase(f"{stock.label} 수동 관심종목에서 뺌", f"{stock.label} is off the manual watchlist"))


async def quote_of(desk: CommandDesk, stock: Stock) -> StockSnapshot:
    """Return a stock's quote; raise Refused where the exchange does not know it."""
    try:
        return await desk.gateway.snapshot(stock.code)
    except UNKNOWN_TO_THE_EXCHANGE as error:
        raise Refused(
            Phrase(f"{stock.label}: 시세를 받을 수 없습니다", f"{stock.label}: no quote"), same(str(error))
        ) from error


def _has_own_list(live: LiveConfig) -> bool:
    return live.spec.watchlist.source is WatchlistSource.STATIC
