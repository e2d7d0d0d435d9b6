"""Summarise each strategy for a status table, in one read."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from prime_jennie.domain.orders import IntentState, OrderStatus
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.ownership import HaltRow
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow, TradeLogRow
from prime_jennie.infra.database.tables.trading import OrderIntentRow, OrderRow


@dataclass(frozen=True)
class StrategyStatus:
    """A strategy as the database knows it; amounts in KRW, the day's numbers count from `since`."""

    account: str
    strategy: str
    positions: int
    invested_krw: int
    buys: int
    sells: int
    realised_krw: int
    open_orders: int
    unresolved_orders: int
    halts: tuple[str, ...]


class StatusQueries:
    """Read-only views over all strategies."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def strategies(self, since: datetime) -> list[StrategyStatus]:
        """Return every strategy that ever wanted an order or is halted, by account and name."""
        return await self._db.read(lambda session: _strategies(session, since))

    async def strategy(self, account: str, strategy: str, since: datetime) -> StrategyStatus | None:
        """Return one of them alone; None for one that never wanted an order and is not halted."""

        def work(session: Session) -> StrategyStatus | None:
            known = (
                select(OrderIntentRow.account)
                .where(OrderIntentRow.account == account, OrderIntentRow.strategy == strategy)
                .limit(1),
                select(HaltRow.account).where(HaltRow.account == account, HaltRow.strategy == strategy).limit(1),
            )
            found = any(session.execute(query).first() is not None for query in known)
            return _status(session, account, strategy, since) if found else None

        return await self._db.read(work)


def _strategies(session: Session, since: datetime) -> list[StrategyStatus]:
    intents = session.execute(select(OrderIntentRow.account, OrderIntentRow.strategy).distinct()).all()
    halted = session.execute(select(HaltRow.account, HaltRow.strategy).where(HaltRow.strategy != "").distinct()).all()
    owners = sorted({(account, strategy) for account, strategy in [*intents, *halted]})
    return [_status(session, account, strategy, since) for account, strategy in owners]


def _status(session: Session, account: str, strategy: str, since: datetime) -> StrategyStatus:
    held, invested = session.execute(
        select(func.count(), func.coalesce(func.sum(ActivePortfolioRow.total_buy_amount), 0)).where(
            ActivePortfolioRow.account == account, ActivePortfolioRow.strategy == strategy
        )
    ).one()
    traded = {
        side: (int(count), int(profit or 0))
        for side, count, profit in session.execute(
            select(TradeLogRow.trade_type, func.count(), func.sum(TradeLogRow.profit_amount))
            .where(
                TradeLogRow.account == account,
                TradeLogRow.strategy == strategy,
                TradeLogRow.trade_timestamp >= since,
            )
            .group_by(TradeLogRow.trade_type)
        )
    }
    working = [status.value for status in OrderStatus if not status.is_terminal]
    open_orders = session.execute(
        select(func.count()).where(
            OrderRow.account == account, OrderRow.strategy == strategy, OrderRow.status.in_(working)
        )
    ).scalar_one()
    uncertain = [IntentState.DISPATCHING.value, IntentState.UNKNOWN.value]
    unresolved = session.execute(
        select(func.count()).where(
            OrderIntentRow.account == account, OrderIntentRow.strategy == strategy, OrderIntentRow.state.in_(uncertain)
        )
    ).scalar_one()
    halts = session.execute(
        select(HaltRow).where(HaltRow.account == account, HaltRow.strategy.in_([strategy, ""])).order_by(HaltRow.source)
    ).scalars()
    return StrategyStatus(
        account=account,
        strategy=strategy,
        positions=int(held),
        invested_krw=int(invested),
        buys=traded.get("BUY", (0, 0))[0],
        sells=traded.get("SELL", (0, 0))[0],
        realised_krw=traded.get("SELL", (0, 0))[1],
        open_orders=int(open_orders),
        unresolved_orders=int(unresolved),
        halts=tuple(f"{halt.state} by {halt.source} ({halt.who}): {halt.why}" for halt in halts),
    )
