"""Publish what a person has confirmed: written down first, under an id of its own, and never twice."""

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from command_handler.desk import Ask, CommandDesk
from command_handler.phrases import Phrase
from command_handler.replies import Refused, Reply, done
from command_handler.stocks import Stock
from prime_jennie.domain.keys import Keyspace
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.sessions import holding_days, kst_midnight
from prime_jennie.domain.signals import BuySignal, SellOrder, SellReason, SignalType
from prime_jennie.domain.tiers import TradeTier
from prime_jennie.domain.topics import BUY_SIGNALS, SELL_ORDERS
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.repositories.commands import CommandLog, ManualTrade
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.redis.publish import publish_once
from prime_jennie.infra.redis.streams import TypedStreamPublisher
from prime_jennie.infra.regime import RegimeReader
from prime_jennie.strategy.watchlist import MANUAL_SCORE

M = TypeVar("M", bound=BaseModel)


class ManualOrders:
    """The road of a person's orders into the strategies' streams."""

    def __init__(self, desk: CommandDesk, log: CommandLog) -> None:
        self._desk = desk
        self._log = log
        self._regimes = RegimeReader(desk.redis)
        self._counting = asyncio.Lock()
        self.news = asyncio.Event()
        """Set when there is a new order to follow."""

    async def buy(self, ask: Ask, live: LiveConfig, stock: Stock, quantity: int) -> Reply:
        """Publish a buy signal of now: at today's price and regime, scored as what a person chose."""
        at = self._desk.clock.now()
        price = (await self._desk.gateway.snapshot(stock.code)).price
        context = await self._regimes.on_day_of(at)
        if context is None:
            raise Refused(Phrase("오늘의 시장 국면을 모르게 되었습니다", "Today's regime is not known any more"))
        signal = manual_signal(stock, price, quantity, context.market_regime, at)
        trade = ManualTrade(
            message_id=order_message_id(ask.message_id, stock.code),
            chat=ask.chat,
            who=ask.who,
            strategy=live.name,
            side=TradeType.BUY,
            stock_code=stock.code,
            stock_name=stock.name,
            quantity=quantity,
            at=at,
        )
        number = await self._begin([trade])
        stream = BUY_SIGNALS.stream_for(Keyspace(live.name))
        publisher = TypedStreamPublisher(self._desk.redis, stream, BUY_SIGNALS.model)
        published = await self._publish(publisher, signal, trade.message_id)
        return done(
            Phrase(f"매수 요청: {stock.label} {quantity:,}주", f"Asked to buy {quantity:,} {stock.label}"),
            self._number_line(number),
            published,
        )

    async def sell(self, ask: Ask, live: LiveConfig, row: ActivePortfolioRow, quantity: int, price: int) -> Reply:
        """Publish a sell order."""
        trade = self._sale(ask, live, row, quantity)
        number = await self._begin([trade])
        published = await self._publish_sale(trade, row, quantity, price)
        label = Stock(row.stock_code, row.stock_name).label
        return done(
            Phrase(f"매도 요청: {label} {quantity:,}주", f"Asked to sell {quantity:,} {label}"),
            self._number_line(number),
            published,
        )

    async def sell_all(self, ask: Ask, live: LiveConfig, rows: Sequence[ActivePortfolioRow]) -> Reply:
        """Publish a sell order for every position; this way out counts against no limit."""
        trades = [self._sale(ask, live, row, row.quantity, is_way_out=True) for row in rows]
        prices = await self._prices(rows)
        await self._begin(trades)
        published = {
            await self._publish_sale(trade, row, row.quantity, prices[row.stock_code])
            for trade, row in zip(trades, rows, strict=True)
        }
        title = Phrase(f"{live.name}: {len(rows)}종목 매도 요청", f"{live.name}: asked to sell {len(rows)} positions")
        return done(title, *published)

    async def _prices(self, rows: Sequence[ActivePortfolioRow]) -> dict[str, int]:
        """Return present prices, what was paid where there is none: a sale must not wait for a quote."""
        prices = {row.stock_code: paid_krw(row) for row in rows}
        try:
            found = await self._desk.gateway.snapshots([row.stock_code for row in rows])
        except OUTAGES:
            return prices
        return prices | {snapshot.stock_code: snapshot.price for snapshot in found.snapshots}

    def _sale(
        self, ask: Ask, live: LiveConfig, row: ActivePortfolioRow, quantity: int, *, is_way_out: bool = False
    ) -> ManualTrade:
        return ManualTrade(
            message_id=order_message_id(ask.message_id, row.stock_code),
            chat=ask.chat,
            who=ask.who,
            strategy=live.name,
            side=TradeType.SELL,
            stock_code=row.stock_code,
            stock_name=row.stock_name,
            quantity=quantity,
            at=self._desk.clock.now(),
            is_way_out=is_way_out,
        )

    async def _begin(self, trades: Sequence[ManualTrade]) -> int:
        most = self._desk.settings.manual_trades_per_day
        since = kst_midnight(self._desk.clock.now())
        async with self._counting:
            number = await self._log.begin_trades(trades, since=since, most=most)
        if number is None:
            raise Refused(
                Phrase(f"오늘의 수동 거래 {most}회를 다 썼습니다", f"Today's {most} trades by hand are used up"),
                Phrase("/sellall 확인 은 됩니다", "/sellall confirm still works"),
            )
        return number

    async def _publish_sale(self, trade: ManualTrade, row: ActivePortfolioRow, quantity: int, price: int) -> Phrase:
        stream = SELL_ORDERS.stream_for(Keyspace(trade.strategy))
        publisher = TypedStreamPublisher(self._desk.redis, stream, SELL_ORDERS.model)
        return await self._publish(publisher, manual_sale(row, quantity, price, trade), trade.message_id)

    async def _publish(self, publisher: TypedStreamPublisher[M], message: M, message_id: str) -> Phrase:
        """Publish under the trade's id, and say whether that is certain; what may have arrived is never repeated."""
        failure = await publish_once(publisher, message, message_id)
        self.news.set()
        if failure is None:
            return Phrase("결과가 나오면 알립니다", "The outcome follows")
        return Phrase(
            "Redis가 답하지 않아 전달이 확실하지 않습니다. 다시 보내지 말고 결과를 기다리십시오",
            "Redis did not answer, so it may have arrived or not: do not repeat it, wait for the outcome",
        )

    def _number_line(self, number: int) -> Phrase:
        most = self._desk.settings.manual_trades_per_day
        return Phrase(f"오늘 수동 거래 {number}/{most}", f"Trades by hand today: {number} of {most}")


def manual_signal(stock: Stock, price: int, quantity: int, regime: MarketRegime, at: datetime) -> BuySignal:
    """Return a person's wish as the buy-executor reads it: 50/50 and TIER2, as all that persons choose."""
    return BuySignal(
        stock_code=stock.code,
        stock_name=stock.name,
        signal_type=SignalType.MANUAL,
        signal_price=price,
        llm_score=MANUAL_SCORE,
        hybrid_score=MANUAL_SCORE,
        trade_tier=TradeTier.TIER2,
        market_regime=regime,
        source="manual",
        timestamp=at,
        quantity=quantity,
    )


def manual_sale(row: ActivePortfolioRow, quantity: int, price: int, trade: ManualTrade) -> SellOrder:
    """Return a person's sale of a part of this life of the position."""
    average = float(row.average_buy_price)
    return SellOrder(
        stock_code=row.stock_code,
        stock_name=row.stock_name,
        sell_reason=SellReason.MANUAL,
        current_price=price,
        quantity=quantity,
        timestamp=trade.at,
        buy_price=average,
        profit_pct=round(100 * (price / average - 1), 4),
        holding_days=holding_days(row.bought_at, trade.at),
        position_id=row.position_id,
    )


def order_message_id(command_id: str, stock_code: str) -> str:
    """Return the stream id of what a command asks for: the same command can ask once only."""
    return f"manual:{command_id}:{stock_code}"


def paid_krw(row: ActivePortfolioRow) -> int:
    """Return what a share of a position cost, at least a won."""
    return max(1, round(float(row.average_buy_price)))
