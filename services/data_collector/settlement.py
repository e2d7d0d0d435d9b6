"""Settle the day once it is over: snapshots, settlements, summaries, and one event each (rulebook §13.1).

Everything comes from the trades as they are booked; leftovers of an executor that died are booked first. The money of
today's trades is paid two sessions later, but can be ordered with at once, so cash is the balance after settlement.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

import structlog

from prime_jennie.domain.alerts import AlertLevel
from prime_jennie.domain.errors import Unavailable
from prime_jennie.domain.orders import TradeType
from prime_jennie.domain.positions import DailySnapshot, PortfolioState
from prime_jennie.domain.sessions import KST, Session, UnknownSession
from prime_jennie.domain.settlement import DailySettlementEvent, Settlement
from prime_jennie.domain.slots import SlotSkipped
from prime_jennie.infra.alerts import Alerts
from prime_jennie.infra.database.repositories.bookkeeper import Bookkeeper
from prime_jennie.infra.database.repositories.prices import PriceRepository
from prime_jennie.infra.database.repositories.settlements import SettlementRepository, Snapshot
from prime_jennie.infra.database.tables.portfolio import PositionCorrectionRow, TradeLogRow
from prime_jennie.infra.jobs import Job, JobDesk, TaskRun
from prime_jennie.infra.redis.strategies import known_strategies
from prime_jennie.strategy.capital import sizing_base_krw
from prime_jennie.strategy.settlement import MarketPrice, SettledTrade, held_codes, settle

MOST_QUOTES: Final = 300

log = structlog.get_logger(__name__)


def settlement_task(desk: JobDesk) -> TaskRun:
    """Return the task of the settlement slot."""
    return DaySettlement(desk).run


@dataclass(frozen=True)
class _Day:
    """The day under settlement, and what the account holds; `balance` is None for a past day, which nobody can ask."""

    account: str
    session: Session
    settles_on: date
    at: datetime
    balance: PortfolioState | None

    @property
    def day(self) -> date:
        return self.session.day

    @property
    def begins(self) -> datetime:
        return datetime.combine(self.day, time.min, KST)

    def base_krw(self, capital_krw: int | None) -> int | None:
        """Return what a strategy worked with; None where that cannot be known any more."""
        return capital_krw if self.balance is None else sizing_base_krw(capital_krw, self.balance.total_asset)

    @property
    def ends(self) -> datetime:
        return self.begins + timedelta(days=1)


class DaySettlement:
    """Settles each account, strategy and day once, however often it is asked."""

    def __init__(self, desk: JobDesk) -> None:
        self._desk = desk
        self._settlements = SettlementRepository(desk.db)
        self._prices = PriceRepository(desk.db)
        self._bookkeeper = Bookkeeper(desk.db, desk.sessions.settlement_day)
        self._alerts = Alerts(desk.redis, desk.clock, desk.service)

    async def run(self, job: Job) -> str:
        """Settle the slot's day."""
        session = self._closed_session(job.day)
        account = (await self._desk.gateway.info()).account_no
        await job.report("booking", 10)
        live = await known_strategies(self._desk.redis, self._desk.db)
        capitals = {name: config.spec.capital_krw for name, config in live.items()}
        strategies = sorted({*await self._settlements.strategies(account), *capitals})
        await self._demand_complete(account, strategies)
        await job.report("prices", 40)
        day = await self._day(account, session)
        trades = {name: await self._trades(day, name) for name in strategies}
        codes = sorted({code for own in trades.values() for code in held_codes(own)})
        prices, missing = await self._market_prices(day, codes)
        await job.report("settling", 70)
        results = []
        for name in strategies:
            capital_krw = capitals.get(name)
            settlement = settle(
                trades[name],
                prices,
                day_begins=day.begins,
                settles_on=day.settles_on,
                at=day.at,
                capital_krw=day.base_krw(capital_krw),
                missing=missing,
            )
            results.append(await self._settle(day, name, settlement, capital_krw))
        if day.balance is not None:
            await self._settlements.save_snapshot(account, "", _of_account(day, day.balance, results), at=day.at)
        return _outcome(day, results)

    async def _day(self, account: str, session: Session) -> _Day:
        now = self._desk.clock.now()
        is_today = session.day == now.astimezone(KST).date()
        return _Day(
            account=account,
            session=session,
            settles_on=self._desk.sessions.settlement_day(session.day),
            at=now,
            balance=await self._desk.gateway.balance() if is_today else None,
        )

    def _closed_session(self, day: date) -> Session:
        try:
            session = self._desk.sessions.get(day)
        except UnknownSession as error:
            raise SlotSkipped(f"{day}: whether the exchange opened is unknown") from error
        if session is None:
            raise SlotSkipped(f"{day} has no session to settle")
        if self._desk.clock.now() < session.closes_at:
            closes = session.closes_at.astimezone(KST)
            raise SlotSkipped(f"the session of {day} closes at {closes:%H:%M}: nothing is settled before")
        return session

    async def _demand_complete(self, account: str, strategies: Sequence[str]) -> None:
        """Book what is left to book, and refuse to settle while an order's fate is open."""
        for strategy in strategies:
            for booked in await self._bookkeeper.book_strategy(account, strategy):
                log.warning("booked before settling", strategy=strategy, stock_code=booked.trade.stock_code)
        unresolved = await self._settlements.unresolved(account)
        if unresolved:
            raise Unavailable(f"{unresolved} orders are unresolved: the day cannot be settled yet")

    async def _trades(self, day: _Day, strategy: str) -> list[SettledTrade]:
        trades, corrections = await self._settlements.trades(day.account, strategy, until=day.ends)
        found = [_of_trade(row) for row in trades] + [_of_correction(row) for row in corrections]
        return sorted(found, key=lambda trade: trade.at)

    async def _market_prices(self, day: _Day, codes: Sequence[str]) -> tuple[dict[str, MarketPrice], Mapping[str, str]]:
        """Return the day's last prices, and why a stock has none."""
        if day.balance is None:
            bars = await self._prices.daily_of(codes, 1, before=day.day + timedelta(days=1)) if codes else {}
            closes = {code: found[-1] for code, found in bars.items() if found[-1].price_date == day.day}
            prices = {
                code: MarketPrice(bar.close_price, "daily bar", day.session.closes_at) for code, bar in closes.items()
            }
            return prices, {code: f"no daily bar of {day.day}" for code in codes if code not in prices}
        prices, missing = {}, dict[str, str]()
        for start in range(0, len(codes), MOST_QUOTES):
            answer = await self._desk.gateway.snapshots(codes[start : start + MOST_QUOTES])
            prices |= {one.stock_code: MarketPrice(one.price, "quote", one.timestamp) for one in answer.snapshots}
            missing |= dict(answer.missing)
        for held in day.balance.positions:
            if held.current_price:
                prices.setdefault(held.stock_code, MarketPrice(held.current_price, "balance", day.balance.timestamp))
        return prices, missing

    async def _settle(
        self, day: _Day, strategy: str, settlement: Settlement, capital_krw: int | None
    ) -> DailySettlementEvent:
        """Write a strategy's day unless it is written, and tell of what stands; return that."""
        told = DailySettlementEvent(
            account=day.account,
            strategy=strategy,
            trade_date=day.day,
            settles_on=day.settles_on,
            realized_pnl=settlement.realized_pnl,
            unrealized_pnl=settlement.unrealized_pnl,
            total_pnl=settlement.total_pnl,
            positions=sum(position.qty > 0 for position in settlement.positions),
            missing_prices=settlement.missing_prices,
            summary=settlement.summary,
            settled_at=day.at,
        )
        # The row of strategy "" is the account's: a service started alone works with all of it.
        snapshot = _of_strategy(day, settlement, capital_krw) if strategy else None
        if not await self._settlements.settle(told, settlement, snapshot, service=self._desk.service):
            told = await self._settlements.told(day.account, strategy, day.day) or told
        await self._tell(told)
        return told

    async def _tell(self, told: DailySettlementEvent) -> None:
        summary = told.summary
        lines = [
            f"실현 {told.realized_pnl:+,}원 · 평가 {told.unrealized_pnl:+,}원 (수수료·세금 차감)",
            f"매도 {summary.total_trades}건 (이익 {summary.winning_trades}, 손실 {summary.losing_trades}), "
            f"보유 {told.positions}종목",
        ]
        if told.missing_prices:
            lines.append(f"현재가 없음, 합계에서 제외하고 자산은 기록하지 않음: {', '.join(told.missing_prices)}")
        await self._alerts.send(
            AlertLevel.INFO,
            f"{told.trade_date:%m월 %d일} 정산 {told.strategy}: {told.total_pnl:+,}원",
            "\n".join(lines),
            key=f"settlement:{told.account}:{told.strategy}:{told.trade_date}",
            strategy=told.strategy or None,
        )


def _of_strategy(day: _Day, settlement: Settlement, capital_krw: int | None) -> Snapshot | None:
    """Value a strategy's share of the account; without a capital of its own that is the account, if it can be asked.

    A holding without a price leaves a gap in the history: without it the day would look like a crash.
    """
    if settlement.missing_prices:
        return None
    if capital_krw is not None:
        cash_krw = capital_krw + settlement.realized_to_date - settlement.invested
        total_krw = cash_krw + settlement.stock_value
    elif day.balance is not None:
        total_krw = day.balance.total_asset
        cash_krw = total_krw - settlement.stock_value
    else:
        return None
    worth = DailySnapshot(
        snapshot_date=day.day,
        total_asset=total_krw,
        cash_balance=cash_krw,
        stock_eval_amount=settlement.stock_value,
        total_profit_loss=settlement.total_pnl,
        realized_profit_loss=settlement.realized_pnl,
    )
    return Snapshot(worth, sum(position.qty > 0 for position in settlement.positions), capital_krw)


def _of_account(day: _Day, balance: PortfolioState, results: Sequence[DailySettlementEvent]) -> Snapshot:
    worth = DailySnapshot(
        snapshot_date=day.day,
        total_asset=balance.total_asset,
        cash_balance=balance.cash_balance,
        stock_eval_amount=balance.stock_eval_amount,
        total_profit_loss=sum(told.total_pnl for told in results),
        realized_profit_loss=sum(told.realized_pnl for told in results),
    )
    return Snapshot(worth, balance.position_count)


def _outcome(day: _Day, results: Sequence[DailySettlementEvent]) -> str:
    parts = [
        f"{told.strategy or 'alone'} realised {told.realized_pnl:+,}, unrealised {told.unrealized_pnl:+,} KRW"
        + (
            f" without {', '.join(told.missing_prices)}, no price: its assets are not recorded"
            if told.missing_prices
            else ""
        )
        for told in results
    ]
    parts = parts or ["no strategy has traded"]
    worth = "" if day.balance is None else f"; account {day.balance.total_asset:,} KRW"
    return f"settled {day.day}: {', '.join(parts)}{worth}"


def _of_trade(row: TradeLogRow) -> SettledTrade:
    return SettledTrade(
        stock_code=row.stock_code,
        stock_name=row.stock_name,
        side=TradeType(row.trade_type),
        quantity=row.quantity,
        at=row.trade_timestamp,
        order_id=row.order_id,
        amount_krw=row.total_amount,
        commission_krw=row.commission_krw,
        profit_krw=row.profit_amount,
    )


def _of_correction(row: PositionCorrectionRow) -> SettledTrade:
    return SettledTrade(
        row.stock_code, row.stock_name, TradeType.SELL, row.quantity_before - row.quantity_after, row.at
    )
