"""How long a sale keeps its stock from being bought again, and how that is said (rulebook §4.2, §5.1)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from prime_jennie.domain.signals import SellReason
from prime_jennie.strategy.unknown import Unknown

AFTER_A_STOP: Final = timedelta(days=3)
AFTER_A_SALE: Final = timedelta(hours=24)
LONGEST: Final = max(AFTER_A_STOP, AFTER_A_SALE)
_STOPS: Final = frozenset({SellReason.STOP_LOSS, SellReason.DEATH_CROSS, SellReason.BREAKEVEN_STOP})


class Cooldown(StrEnum):
    """The two cooldowns, by the names that gates and checks have."""

    STOP_LOSS = "stop_loss_cooldown"
    SALE = "sell_cooldown"


_REASONS: Final = {
    Cooldown.STOP_LOSS: f"stopped out less than {AFTER_A_STOP.days} days ago",
    Cooldown.SALE: f"sold less than {AFTER_A_SALE / timedelta(hours=1):g} hours ago",
}


def cooldowns_after(reason: str | None) -> dict[Cooldown, timedelta]:
    """Return which cooldowns a sale begins, and how long each lasts; a sale for an unknown reason is a sale."""
    cooldowns = {Cooldown.SALE: AFTER_A_SALE}
    if reason in _STOPS:
        cooldowns[Cooldown.STOP_LOSS] = AFTER_A_STOP
    return cooldowns


def cooldowns_at(sales: Iterable[tuple[datetime, str | None]], at: datetime) -> frozenset[Cooldown]:
    """Return which cooldowns a stock's sales, each with its moment and reason, have left in force."""
    return frozenset(
        cooldown
        for sold_at, reason in sales
        for cooldown, span in cooldowns_after(reason).items()
        if sold_at > at - span
    )


def cooldown_refusal(cooldown: Cooldown, cooling: bool | Unknown) -> str | None:
    """Return why a stock is held back: while it cools, and where nobody knows whether it does."""
    if isinstance(cooling, Unknown):
        return "cooldown unknown"
    return _REASONS[cooldown] if cooling else None
