"""Tell what a strategy has committed itself to, from intents, orders and trades: the truth behind every limit."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from prime_jennie.domain.orders import IntentState, OrderStatus, TradeType
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow, TradeLogRow
from prime_jennie.infra.database.tables.trading import OrderIntentRow, OrderRow


@dataclass(frozen=True)
class BuyCommitments:
    """What counts against the limits on buys; `working` are stocks being bought, whether or not some shares came."""

    positions: frozenset[str]
    working: frozenset[str]
    buys: int
    """Orders of the day that bought something or still may."""
    last_intent_at: datetime | None
    """When the stock in question was last let through, by another message."""

    @property
    def held(self) -> frozenset[str]:
        """Return every stock that is held or being bought."""
        return self.positions | self.working


class CommitmentRepository:
    """Commitments of one account and strategy; each answer is one snapshot."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def buys(
        self, account: str, strategy: str, *, stock_code: str, since: datetime, fresh_since: datetime, but_key: str
    ) -> BuyCommitments:
        """Return the buys since a moment without those of one key.

        An intent that was written and not sent counts while it is younger than `fresh_since`: only the message that
        made it sends it, and that message has expired by then.
        """

        def work(session: Session) -> BuyCommitments:
            positions = session.execute(
                select(ActivePortfolioRow.stock_code).where(
                    ActivePortfolioRow.account == account, ActivePortfolioRow.strategy == strategy
                )
            ).scalars()
            held = frozenset(positions)
            working: set[str] = set()
            bought = 0
            last: datetime | None = None
            for intent, order in _intents(session, account, strategy, TradeType.BUY, since):
                if intent.idempotency_key == but_key:
                    continue
                if intent.stock_code == stock_code:
                    last = intent.created_at if last is None else max(last, intent.created_at)
                if _is_open(intent, order, fresh_since):
                    working.add(intent.stock_code)
                    bought += 1
                elif order is not None and order.filled_qty > 0:
                    bought += 1
            return BuyCommitments(held, frozenset(working), bought, last)

        return await self._db.read(work)

    async def shares_being_sold(
        self, account: str, strategy: str, stock_code: str, *, since: datetime, fresh_since: datetime, but_key: str
    ) -> int:
        """Count the shares that other sell orders since a moment may still take."""

        def work(session: Session) -> int:
            return sum(
                intent.quantity - (order.filled_qty if order is not None else 0)
                for intent, order in _intents(session, account, strategy, TradeType.SELL, since)
                if intent.stock_code == stock_code
                and intent.idempotency_key != but_key
                and _is_open(intent, order, fresh_since)
            )

        return await self._db.read(work)

    async def sales(
        self, account: str, strategy: str, stock_code: str, since: datetime
    ) -> list[tuple[datetime, str | None]]:
        """Return when and for which reason a stock was sold since a moment, oldest first."""
        query = (
            select(TradeLogRow.trade_timestamp, TradeLogRow.sell_reason)
            .where(
                TradeLogRow.account == account,
                TradeLogRow.strategy == strategy,
                TradeLogRow.stock_code == stock_code,
                TradeLogRow.trade_type == TradeType.SELL.value,
                TradeLogRow.trade_timestamp >= since,
            )
            .order_by(TradeLogRow.trade_timestamp)
        )
        return await self._db.read(lambda session: [(at, reason) for at, reason in session.execute(query)])


def _intents(
    session: Session, account: str, strategy: str, side: TradeType, since: datetime
) -> list[tuple[OrderIntentRow, OrderRow | None]]:
    query = (
        select(OrderIntentRow, OrderRow)
        .outerjoin(OrderRow, OrderRow.id == OrderIntentRow.id)
        .where(
            OrderIntentRow.account == account,
            OrderIntentRow.strategy == strategy,
            OrderIntentRow.side == side.value,
            OrderIntentRow.created_at >= since,
        )
    )
    return [(intent, order) for intent, order in session.execute(query)]


def _is_open(intent: OrderIntentRow, order: OrderRow | None, fresh_since: datetime) -> bool:
    if order is not None:
        return not OrderStatus(order.status).is_terminal
    state = IntentState(intent.state)
    return state.is_unresolved or (state is IntentState.NEW and intent.created_at >= fresh_since)
