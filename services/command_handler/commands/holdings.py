"""/portfolio, /balance, /pnl: what is held, what it is worth, what was earned."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Final

from command_handler.arguments import no_words, whole_number
from command_handler.desk import Ask, CommandDesk, outage_phrase
from command_handler.phrases import Phrase, krw, same, shares, signed_krw
from command_handler.replies import Reply, WrongArgument, told
from command_handler.strategies import Strategies
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.sessions import KST, kst_midnight
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.repositories.sales import sales_of
from prime_jennie.infra.database.repositories.trades import TradeLog
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow, TradeLogRow
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.strategy.pnl import unrealised_profit_krw, win_rate

LONGEST_HISTORY_DAYS: Final = 90


class Money:
    """Reads our own books, and values them at live quotes."""

    def __init__(self, desk: CommandDesk, strategies: Strategies) -> None:
        self._desk = desk
        self._strategies = strategies
        self._positions = PositionRepository(desk.db)
        self._trades = TradeLog(desk.db)

    async def portfolio(self, ask: Ask) -> Reply:
        """List the open positions with what selling them now would earn, after fees and tax."""
        no_words(ask.words)
        rows = await self._held(ask)
        if not rows:
            return told(Phrase("보유 종목이 없습니다", "Nothing is held"))
        prices, why_not = await self._prices({row.stock_code for row in rows})
        settles_on = self._desk.sessions.settlement_day(_day_of(ask.at))
        lines = [position_line(row, prices.get(row.stock_code), settles_on) for row in rows]
        value = _value_krw(rows, prices)
        cost = sum(row.total_buy_amount for row in rows)
        total = Phrase(f"매입 {cost:,}원", f"cost {cost:,} KRW")
        unrealised = _unrealised_krw(rows, prices, settles_on)
        if value is not None and unrealised is not None:
            change = _percent(unrealised, cost)
            total += Phrase(
                f" · 평가 {value:,}원 · 손익 {unrealised:+,}원 ({change}, 수수료·세금 뒤)",
                f" · value {value:,} KRW · result {unrealised:+,} KRW ({change}, after fees and tax)",
            )
        return told(Phrase(f"보유 {len(rows)}종목", f"{len(rows)} positions"), *lines, total, *why_not)

    async def balance(self, ask: Ask) -> Reply:
        """Tell the account's money as the broker counts it."""
        no_words(ask.words)
        balance = await self._desk.gateway.balance()
        orderable = await self._desk.gateway.cash()
        invested = 100 * (1 - balance.cash_ratio) if balance.total_asset > 0 else 0.0
        return told(
            Phrase("계좌 잔고", "The account"),
            Phrase("총자산 ", "Assets ") + krw(balance.total_asset),
            Phrase("예수금 ", "Cash ") + krw(balance.cash_balance),
            Phrase("주문 가능 ", "Orderable ") + krw(orderable),
            Phrase("주식 평가 ", "Stocks ") + krw(balance.stock_eval_amount) + same(f" ({invested:.1f}%)"),
            Phrase(f"보유 {balance.position_count}종목", f"{balance.position_count} positions"),
        )

    async def pnl(self, ask: Ask) -> Reply:
        """Tell today's result, or each of the last days'."""
        days = 1
        if ask.words:
            if len(ask.words) > 1:
                raise WrongArgument(Phrase("일수 하나만 적으십시오", "say a number of days only"))
            what = Phrase("일수", "days")
            days = whole_number(ask.words[0], what, most=LONGEST_HISTORY_DAYS, unit="일")
        since = kst_midnight(ask.at) - timedelta(days=days - 1)
        strategy = None if ask.strategy is None else (await self._strategies.the_one(ask)).name
        trades = await self._trades.trades(self._desk.account_no, strategy, since=since)
        rows = await self._held(ask)
        prices, why_not = await self._prices({row.stock_code for row in rows})
        unrealised = _unrealised_krw(rows, prices, self._desk.sessions.settlement_day(_day_of(ask.at)))
        realised = sum(trade.profit_amount or 0 for trade in trades)
        title = Phrase("오늘 손익", "Today") if days == 1 else Phrase(f"최근 {days}일 손익", f"The last {days} days")
        lines = [Phrase("실현 ", "Realised ") + signed_krw(realised) + same(" "), *_by_day(trades, days)]
        lines[0] += Phrase("(수수료·세금 뒤)", "(after fees and tax)")
        lines += [_counts(trades), _costs(trades)]
        if unrealised is None:
            lines.append(Phrase("미실현: 시세를 알 수 없습니다", "Unrealised: quotes are not to be had"))
        else:
            after = Phrase(" (수수료·세금 뒤)", " (after fees and tax)")
            lines.append(Phrase("미실현 ", "Unrealised ") + signed_krw(unrealised) + after)
        return told(title, *lines, *why_not)

    async def _held(self, ask: Ask) -> list[ActivePortfolioRow]:
        strategy = None if ask.strategy is None else (await self._strategies.the_one(ask)).name
        return await self._positions.open_positions(self._desk.account_no, strategy)

    async def _prices(self, codes: Iterable[str]) -> tuple[Mapping[str, int], list[Phrase]]:
        """Return live prices, and what to say where there are none: no quote is not a price of zero."""
        wanted = sorted(codes)
        if not wanted:
            return {}, []
        try:
            found = await self._desk.gateway.snapshots(wanted)
        except OUTAGES as error:
            return {}, [outage_phrase(error)]
        missing = ", ".join(sorted(found.missing))
        why_not = [Phrase(f"시세 없음: {missing}", f"No quote: {missing}")] if missing else []
        return {snapshot.stock_code: snapshot.price for snapshot in found.snapshots}, why_not


def position_line(row: ActivePortfolioRow, price: int | None, settles_on: date) -> Phrase:
    """Write one holding with its profit after fees and tax; an unknown price makes no profit of zero."""
    average = float(row.average_buy_price)
    held = shares(row.quantity)
    head = f"{row.stock_name} {row.stock_code} "
    if price is None:
        return Phrase(f"{head}{held.ko} @{average:,.0f} · 시세 ?", f"{head}{held.en} @{average:,.0f} · no quote")
    profit = unrealised_profit_krw(row.total_buy_amount, row.quantity, price, settles_on)
    figures = f" @{average:,.0f} → {price:,} · {profit:+,} ({_percent(profit, row.total_buy_amount)})"
    return Phrase(f"{head}{held.ko}{figures}", f"{head}{held.en}{figures}")


def _value_krw(rows: Iterable[ActivePortfolioRow], prices: Mapping[str, int]) -> int | None:
    """Return what the positions are worth; None where one has no price."""
    total = 0
    for row in rows:
        price = prices.get(row.stock_code)
        if price is None:
            return None
        total += price * row.quantity
    return total


def _unrealised_krw(rows: Iterable[ActivePortfolioRow], prices: Mapping[str, int], settles_on: date) -> int | None:
    """Return what selling everything now would earn, after fees and tax; None where one has no price."""
    total = 0
    for row in rows:
        price = prices.get(row.stock_code)
        if price is None:
            return None
        total += unrealised_profit_krw(row.total_buy_amount, row.quantity, price, settles_on)
    return total


def _percent(part: float, whole: float) -> str:
    return f"{100 * part / whole:+.2f}%" if whole else "-"


def _by_day(trades: Iterable[TradeLogRow], days: int) -> list[Phrase]:
    if days == 1:
        return []
    results: dict[date, int] = defaultdict(int)
    for trade in trades:
        if trade.profit_amount is not None:
            results[_day_of(trade.trade_timestamp)] += trade.profit_amount
    return [same(f"{day:%m-%d} ") + signed_krw(profit) for day, profit in sorted(results.items())]


def _counts(trades: list[TradeLogRow]) -> Phrase:
    """Count orders, not executions: an order that filled in three parts is one trade."""
    bought = {trade.order_id for trade in trades if trade.trade_type == TradeType.BUY.value}
    profits = [sale.profit_krw for sale in sales_of(trades)]
    wins, losses = sum(profit > 0 for profit in profits), sum(profit < 0 for profit in profits)
    ratio = win_rate(profits)
    rate = "-" if ratio is None else f"{100 * ratio:.0f}%"
    return Phrase(
        f"매수 {len(bought)} · 매도 {len(profits)} ({wins}승 {losses}패, 승률 {rate})",
        f"{len(bought)} buys · {len(profits)} sells ({wins} won, {losses} lost, {rate})",
    )


def _costs(trades: list[TradeLogRow]) -> Phrase:
    commission = sum(trade.commission_krw for trade in trades)
    tax = sum(trade.tax_krw for trade in trades)
    return Phrase(f"수수료 {commission:,}원 · 세금 {tax:,}원", f"commission {commission:,} KRW · tax {tax:,} KRW")


def _day_of(at: datetime) -> date:
    return at.astimezone(KST).date()
