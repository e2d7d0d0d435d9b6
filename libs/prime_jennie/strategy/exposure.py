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
    rows = {position.stock_code: position for position in own}
    known = sectors or {}
    merged = {held.stock_code: _held(held, rows.get(held.stock_code), known) for held in broker}
    missing = {code: _missing(row, known) for code, row in rows.items() if code not in merged}
    return tuple(exposure for _, exposure in sorted((merged | missing).items()))


def own_positions(exposures: Iterable[Exposure]) -> tuple[Position, ...]:
    """Return our parts alone, with the broker's quantities and prices; their `profit_pct` is gross."""
    return tuple(exposure.own for exposure in exposures if exposure.own is not None)


def _held(held: Position, row: Position | None, sectors: Mapping[str, SectorGroup]) -> Exposure:
    row_quantity = row.quantity if row is not None else 0
    ours = min(held.quantity, row_quantity)
    price_krw = held.current_price or (row or held).current_price or held.average_buy_price
    return Exposure(
        stock_code=held.stock_code,
        stock_name=(row or held).stock_name,
        sector_group=_sector(row or held, sectors),
        price_krw=price_krw,
        own=_ours(row, ours, price_krw) if row is not None else None,
        unattributed_quantity=held.quantity - ours,
        missing_quantity=row_quantity - ours,
    )


def _missing(row: Position, sectors: Mapping[str, SectorGroup]) -> Exposure:
    return Exposure(
        stock_code=row.stock_code,
        stock_name=row.stock_name,
        sector_group=_sector(row, sectors),
        price_krw=row.current_price or row.average_buy_price,
        own=None,
        unattributed_quantity=0,
        missing_quantity=row.quantity,
    )


def _ours(row: Position, quantity: int, price_krw: float) -> Position:
    return row.model_copy(
        update={
            "quantity": quantity,
            "total_buy_amount": row.total_buy_amount * quantity // row.quantity,
            "current_price": round(price_krw),
            "current_value": round(price_krw * quantity),
            "profit_pct": 100 * (price_krw - row.average_buy_price) / row.average_buy_price,
        }
    )


def _sector(position: Position, sectors: Mapping[str, SectorGroup]) -> SectorGroup:
    return position.sector_group or sectors.get(position.stock_code) or SectorGroup.ETC
