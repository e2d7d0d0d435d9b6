"""What is told of a strategy: by `jennie status`, by dashboard-api, and by the operator in the object's status."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict

from prime_jennie.domain.buying import ReasonCode
from prime_jennie.domain.risk import HaltState


class HeldStock(BaseModel):
    """One open position at the gateway's newest price, None when it did not answer; profits after fees and tax."""

    model_config = ConfigDict(frozen=True)

    code: str
    name: str
    quantity: int
    average_price_krw: float
    price_krw: int | None
    profit_krw: int | None
    profit_pct: float | None


class StrategyReport(BaseModel):
    """One strategy's line; `reasons`, each with its code, are empty while it may buy. KRW after fees and tax.

    `realised_krw` is of today's sales, `unrealised_krw` what selling everything now would earn, since the purchases.
    """

    model_config = ConfigDict(frozen=True)

    strategy: str
    mode: str | None
    trading: HaltState
    buys: bool
    reasons: tuple[str, ...]
    reason_codes: tuple[ReasonCode, ...]
    regime: str | None
    positions: tuple[HeldStock, ...]
    buys_today: int
    sells_today: int
    realised_krw: int
    unrealised_krw: int | None
    day_pnl_krw: int | None
    """Since the previous closes; None where a price or such a close is not known."""
    last_signal_at: datetime | None
    """Time of the newest buy signal, as far as its stream reaches."""
    open_orders: int
    unresolved_orders: int
    generation: int | None
    services: dict[str, str]
