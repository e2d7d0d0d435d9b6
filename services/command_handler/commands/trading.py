"""/buy, /sell, /sellall: a person's orders, on the same road as everybody else's (rulebook §5, §10)."""

from dataclasses import dataclass, replace
from typing import Final

from command_handler.arguments import ALL_SHARES, looks_like_number, no_words, whole_number
from command_handler.commands.market import quote_of
from command_handler.desk import Ask, CommandDesk
from command_handler.manual_orders import ManualOrders, paid_krw
from command_handler.phrases import Phrase, shares
from command_handler.replies import Question, Refused, Reply, WrongArgument
from command_handler.stocks import Stock, StockFinder
from command_handler.strategies import Strategies
from command_handler.words import HALT_STATES
from prime_jennie.domain.macro import TradingContext
from prime_jennie.domain.sessions import KST, SessionPhase
from prime_jennie.domain.trading_strategy import LiveConfig
from prime_jennie.infra.database.repositories.positions import PositionRepository, as_position
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.overrides import Overrides
from prime_jennie.infra.regime import RegimeReader
from prime_jennie.strategy.capital import sizing_base_krw, spendable_cash_krw
from prime_jennie.strategy.sizing import MAX_SHARES

DEFAULT_CASH_PCT: Final = 20
NO_QUOTE: Final = Phrase("시세 없음", "no quote")
SELL_ALL_WORDS: Final = frozenset({"확인", "confirm"})


@dataclass(frozen=True, slots=True)
class _Named:
    """A stock, and how many of it: None where nobody said, "all" where everything is meant."""

    stock: Stock
    quantity: int | None
    everything: bool = False


class Trading:
    """Turns a person's words into a signal or a sell order, after a look at what would refuse it anyway."""

    def __init__(self, desk: CommandDesk, strategies: Strategies, stocks: StockFinder, orders: ManualOrders) -> None:
        self._desk = desk
        self._strategies = strategies
        self._stocks = stocks
        self._orders = orders
        self._positions = PositionRepository(desk.db)
        self._regimes = RegimeReader(desk.redis)
        self._overrides = Overrides(desk.db)

    async def buy(self, ask: Ask) -> Question:
        """Ask for a confirmation of a purchase: the shares named, else 20 % of the cash."""
        named = await self._named(ask)
        if named.everything:
            raise WrongArgument(Phrase("몇 주인지 적으십시오", "say how many shares"))
        live = await self._strategies.the_one(ask)
        await self._demand_buys_allowed(ask, live)
        held = await self._positions.position(self._desk.account_no, live.name, named.stock.code)
        if held is not None:
            raise Refused(
                Phrase(f"{named.stock.label}: 이미 보유하고 있습니다", f"{named.stock.label} is held already"),
                Phrase("추가 매수는 하지 않습니다", "A strategy does not buy more of what it holds"),
            )
        price = (await quote_of(self._desk, named.stock)).price
        cash = await self._spendable_krw(live)
        quantity = named.quantity or cash * DEFAULT_CASH_PCT // 100 // price
        if quantity == 0:
            raise Refused(
                Phrase(f"{named.stock.label}: 한 주도 살 수 없습니다", f"{named.stock.label}: not one share"),
                Phrase(
                    f"현금의 {DEFAULT_CASH_PCT}%는 {cash * DEFAULT_CASH_PCT // 100:,}원, 한 주는 {price:,}원",
                    f"{DEFAULT_CASH_PCT} % of the cash are {cash * DEFAULT_CASH_PCT // 100:,} KRW, a share {price:,}",
                ),
            )
        if quantity * price > cash:
            raise Refused(
                Phrase("현금이 모자랍니다", "There is not enough cash"),
                Phrase(
                    f"{quantity:,}주는 {quantity * price:,}원, 쓸 수 있는 돈은 {cash:,}원 (최대 {cash // price:,}주)",
                    f"{quantity:,} shares cost {quantity * price:,}; {cash:,} are to spend ({cash // price:,} shares)",
                ),
            )
        count = shares(quantity)
        lines = [
            Phrase(
                f"{live.name}: 시장가 {count.ko} · {price:,}원 · 약 {quantity * price:,}원",
                f"{live.name}: {count.en} at the market · {price:,} · about {quantity * price:,} KRW",
            ),
            Phrase("비중·현금 한도를 넘으면 그만큼 줄여서 삽니다", "Weight and cash caps may make it fewer"),
            *await self._dry_run_note(live.name),
        ]

        async def act(message_id: str) -> Reply:
            return await self._orders.buy(_confirmed(ask, message_id), live, named.stock, quantity)

        title = Phrase(f"매수: {named.stock.label}", f"Buy: {named.stock.label}")
        return Question(title, tuple(lines), act)

    async def sell(self, ask: Ask) -> Question:
        """Ask for a confirmation of a sale: the shares named, else all of them."""
        named = await self._named(ask)
        live, row = await self._holder(ask, named.stock)
        quantity = row.quantity if named.everything or named.quantity is None else named.quantity
        if quantity > row.quantity:
            raise WrongArgument(
                Phrase(
                    f"{quantity:,}주는 보유 수량 {row.quantity:,}주보다 많습니다",
                    f"{quantity:,} shares are more than the {row.quantity:,} that are held",
                )
            )
        price, price_line = await self._price_of(named.stock, row)
        lines = [
            Phrase(
                f"{live.name}: 시장가 {quantity:,}/{row.quantity:,}주 · ",
                f"{live.name}: {quantity:,} of {row.quantity:,} shares at the market · ",
            )
            + price_line,
            *self._hours_note(ask),
            *await self._dry_run_note(live.name),
        ]

        async def act(message_id: str) -> Reply:
            return await self._orders.sell(_confirmed(ask, message_id), live, row, quantity, price)

        title = Phrase(f"매도: {named.stock.label}", f"Sell: {named.stock.label}")
        return Question(title, tuple(lines), act)

    async def sell_all(self, ask: Ask) -> Reply:
        """Sell everything that a strategy holds, once the word that means it stands there."""
        live = await self._strategies.the_one(ask)
        rows = await self._positions.open_positions(self._desk.account_no, live.name)
        if not rows:
            raise Refused(Phrase(f"{live.name}: 보유 종목이 없습니다", f"{live.name} holds nothing"))
        if not ask.words or ask.words[0].lower() not in SELL_ALL_WORDS:
            names = ", ".join(row.stock_name for row in rows)
            raise WrongArgument(
                Phrase(
                    f"{len(rows)}종목({names})을 모두 시장가로 팝니다. 정말이면 /sellall 확인",
                    f"all {len(rows)} positions ({names}) go at the market; if you mean it: /sellall confirm",
                )
            )
        no_words(ask.words[1:])
        reply = await self._orders.sell_all(ask, live, rows)
        return replace(reply, lines=(*reply.lines, *self._hours_note(ask)))

    async def _named(self, ask: Ask) -> _Named:
        words = list(ask.words)
        everything = len(words) > 1 and words[-1].lower() in ALL_SHARES
        has_number = len(words) > 1 and looks_like_number(words[-1])
        last = words.pop() if everything or has_number else ""
        quantity = None
        if has_number and not everything:
            quantity = whole_number(last, Phrase("수량", "the number of shares"), most=MAX_SHARES, unit="주")
        return _Named(await self._stocks.find(" ".join(words)), quantity, everything)

    async def _demand_buys_allowed(self, ask: Ask, live: LiveConfig) -> TradingContext:
        """Say now what would refuse the order in a second."""
        halt = await self._desk.halts.effective(live.name, live.spec.trading)
        if not halt.allows_buys:
            state = HALT_STATES[halt]
            raise Refused(
                Phrase(f"{live.name}: {state.ko} 상태라 사지 않습니다", f"{live.name} is {state.en}: no buys"),
                Phrase("이유는 /status", "Why: /status"),
            )
        session = self._desk.sessions.of(ask.at)
        if session is None or not session.opens_at <= ask.at < session.closes_at:
            raise Refused(Phrase("장이 열려 있지 않습니다", "The exchange is closed"))
        context = await self._regimes.on_day_of(ask.at)
        if context is None:
            raise Refused(
                Phrase("오늘의 시장 국면을 아직 모릅니다", "Today's market regime is not known"),
                Phrase("모르면 사지 않습니다", "What is unknown is not bought into"),
            )
        return context

    async def _spendable_krw(self, live: LiveConfig) -> int:
        balance = await self._desk.gateway.balance()
        rows = await self._positions.open_positions(self._desk.account_no, live.name)
        base = sizing_base_krw(live.spec.capital_krw, balance.total_asset)
        return spendable_cash_krw(base, await self._desk.gateway.cash(), [as_position(row) for row in rows])

    async def _holder(self, ask: Ask, stock: Stock) -> tuple[LiveConfig, ActivePortfolioRow]:
        """Return the strategy that holds a stock: the named one, or the only one."""
        meant = await self._strategies.meant(ask)
        found = [
            (live, row)
            for live in meant.values()
            if (row := await self._positions.position(self._desk.account_no, live.name, stock.code)) is not None
        ]
        if not found:
            raise Refused(Phrase(f"{stock.label}: 보유하지 않습니다", f"{stock.label} is not held"))
        if len(found) > 1:
            names = " ".join(f"@{live.name}" for live, _ in found)
            raise WrongArgument(
                Phrase(f"여러 전략이 보유합니다. 하나를 덧붙이십시오: {names}", f"several hold it; add one of: {names}")
            )
        return found[0]

    async def _price_of(self, stock: Stock, row: ActivePortfolioRow) -> tuple[int, Phrase]:
        """Return the present price, what was paid where there is none: a sale must not wait for a quote."""
        try:
            price = (await quote_of(self._desk, stock)).price
        except Refused:
            return paid_krw(row), NO_QUOTE
        except OUTAGES:
            return paid_krw(row), NO_QUOTE
        profit = f"{100 * (price / float(row.average_buy_price) - 1):+.2f}%"
        return price, Phrase(f"{price:,}원 ({profit})", f"{price:,} KRW ({profit})")

    def _hours_note(self, ask: Ask) -> list[Phrase]:
        session = self._desk.sessions.of(ask.at)
        if session is not None and session.opens_at <= ask.at < session.closes_at:
            return []
        if session is not None and session.phase_at(ask.at) is SessionPhase.OPENING_AUCTION:
            opens = f"{session.opens_at.astimezone(KST):%H:%M}"
            return [Phrase(f"{opens} 시가 동시호가에서 체결됩니다", f"It will fill in the opening auction at {opens}")]
        return [Phrase("장이 닫혀 있어 거래소가 거부할 수 있습니다", "The exchange is closed and may refuse it")]

    async def _dry_run_note(self, strategy: str) -> list[Phrase]:
        if not await self._overrides.dry_run(strategy):
            return []
        return [Phrase("모의 실행 중: 주문을 보내지 않습니다", "Dry run: no order will be sent")]


def _confirmed(ask: Ask, message_id: str) -> Ask:
    """Return the same request under the id of the message that confirmed it."""
    return Ask(message_id=message_id, chat=ask.chat, who=ask.who, at=ask.at, words=ask.words, strategy=ask.strategy)
