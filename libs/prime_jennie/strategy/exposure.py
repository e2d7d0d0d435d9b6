"""What the account really holds, and which of it is ours: broker quantities under our own metadata.

The broker knows quantities but neither sector nor purchase date (rulebook §5.1 ✗: a guard fed by it alone saw
nothing); our rows know those but may lag behind. Quantities are the broker's, everything else is ours.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from prime_jennie.domain.positions import Position
from prime_jennie.domain.sectors import SectorGroup


@dataclass(frozen=True, slots=True)
class Exposure:
    """One stock of the account; `own` is our part of it, None where it is all somebody else's."""

    stock_code: str
    stock_name: str
    sector_group: SectorGroup
    price_krw: float
    own: Position | None
    unattributed_quantity: int
    """Shares bought elsewhere (HTS, MTS, another strategy): never ours to sell, but a risk of the account."""
    missing_quantity: int
    """Shares our rows know and the broker does not: the broker wins, and somebody should look."""

    @property
    def own_quantity(self) -> int:
        """Return the shares that this strategy may sell."""
        return self.own.quantity if self.own is not None else 0

    @property
    def value_krw(self) -> float:
        """Return what all shares are worth, ours or not."""
        return self.price_krw * (self.own_quantity + self.unattributed_quantity)


def merge_positions(
    broker: Iterable[Position], own: Iterable[Position], sectors: Mapping[str, SectorGroup] | None = None
) -> tuple[Exposure, ...]:
    """Join the broker's positions with our rows, by stock code.

    `sectors` knows the sectors of stocks that are not ours; a stock without any counts as 기타. A row of ours that the
    broker does not know appears with nothing but its missing quantity.
    """
    at_broker = {position.stock_code: position for position in broker}
    rows = {position.stock_code: position for position in own}
    known = sectors or {}
    return tuple(
        _merged(code, at_broker.get(code), rows.get(code), known) for code in sorted(at_broker.keys() | rows.keys())
    )


def own_positions(exposures: Iterable[Exposure]) -> tuple[Position, ...]:
    """Return our parts alone, with the broker's quantities and prices."""
    return tuple(exposure.own for exposure in exposures if exposure.own is not None)


def _merged(code: str, held: Position | None, row: Position | None, sectors: Mapping[str, SectorGroup]) -> Exposure:
    known = row or held
    assert known is not None  # noqa: S101 - the code came from one of the two
    broker_quantity = held.quantity if held is not None else 0
    row_quantity = row.quantity if row is not None else 0
    ours = min(broker_quantity, row_quantity)
    price_krw = (held.current_price if held is not None else None) or known.current_price or known.average_buy_price
    own = None
    if row is not None and ours > 0:
        own = row.model_copy(
            update={
                "quantity": ours,
                "total_buy_amount": row.total_buy_amount * ours // row.quantity,
                "current_price": round(price_krw),
                "current_value": round(price_krw * ours),
                "profit_pct": 100 * (price_krw - row.average_buy_price) / row.average_buy_price,
            }
        )
    return Exposure(
        stock_code=code,
        stock_name=known.stock_name,
        sector_group=(row.sector_group if row is not None else None) or sectors.get(code) or SectorGroup.ETC,
        price_krw=price_krw,
        own=own,
        unattributed_quantity=broker_quantity - ours,
        missing_quantity=row_quantity - ours,
    )
