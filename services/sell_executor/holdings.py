"""What of a stock may be sold: ours by our rows, there by the broker's, not promised to another order."""

from dataclasses import dataclass
from datetime import timedelta

import structlog

from prime_jennie.domain.sessions import kst_midnight
from prime_jennie.domain.signals import SellOrder, SellReason
from prime_jennie.infra.database.repositories.commitments import CommitmentRepository
from prime_jennie.infra.database.repositories.positions import PositionRepository
from prime_jennie.infra.database.tables.portfolio import ActivePortfolioRow
from prime_jennie.infra.desk import Desk
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.strategy.refusal import Refusal

log = structlog.get_logger(__name__)

UNSENT_COUNTS_FOR = timedelta(seconds=60)


@dataclass(frozen=True)
class Holding:
    """Our position in a stock, None without one, and the shares that other sales may still take."""

    row: ActivePortfolioRow | None
    promised_quantity: int

    @property
    def own_quantity(self) -> int:
        """Return our shares that are not being sold already."""
        return 0 if self.row is None else max(0, self.row.quantity - self.promised_quantity)

    def sellable(self, broker_quantity: int | None) -> int:
        """Return what may be sold: never more than is ours, nor than is there; None where the broker does not tell."""
        own = 0 if self.row is None else self.row.quantity
        there = own if broker_quantity is None else broker_quantity
        return max(0, min(own, there) - self.promised_quantity)


class Holdings:
    """Reads positions and sales under way from SQL, quantities from the broker."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._account = desk.account.account_no
        self._positions = PositionRepository(desk.db)
        self._commitments = CommitmentRepository(desk.db)

    async def of(self, code: str, key: str) -> Holding:
        """Return our holding; a sale under the message's own key promises nothing away."""
        now = self._desk.clock.now()
        row = await self._positions.position(self._account, self._desk.strategy, code)
        promised = await self._commitments.shares_being_sold(
            self._account,
            self._desk.strategy,
            code,
            since=kst_midnight(now),
            fresh_since=now - UNSENT_COUNTS_FOR,
            but_key=key,
        )
        return Holding(row, promised)

    async def at_broker(self, code: str) -> int | None:
        """Return the shares that the account really holds; None when the broker does not tell, which is never "none".

        An exit must not wait for a balance: more than is there the broker itself refuses to sell.
        """
        try:
            balance = await self._desk.gateway.balance()
        except OUTAGES as error:
            log.warning("balance unknown, our rows decide", stock_code=code, error=f"{type(error).__name__}: {error}")
            return None
        return next((held.quantity for held in balance.positions if held.stock_code == code), 0)


def stale_refusal(order: SellOrder, row: ActivePortfolioRow | None) -> Refusal | None:
    """Refuse what was meant for an earlier life of the position, or for a step that was taken meanwhile."""
    if row is None or order.position_id is None:
        return None
    if order.position_id != row.position_id:
        return Refusal("stale", f"meant for position {order.position_id}, held is {row.position_id}")
    if order.scale_out_level is not None and row.scale_out_level >= order.scale_out_level:
        return Refusal("stale", f"scale-out level {order.scale_out_level} is sold, level {row.scale_out_level} reached")
    if order.sell_reason is SellReason.RSI_OVERBOUGHT and row.rsi_sold:
        return Refusal("stale", "the RSI sale of this position was made")
    return None
