"""What is left of a cooldown when a sale is settled late."""

from datetime import UTC, datetime, timedelta

import pytest

from prime_jennie.domain.signals import SellReason
from prime_jennie.strategy.cooldowns import Cooldown
from sell_executor.aftermath import cooldowns_left

SOLD_AT = datetime(2025, 3, 10, 3, 0, tzinfo=UTC)


def test_any_sale_cools_down_for_a_day() -> None:
    assert cooldowns_left(SellReason.PROFIT_TARGET, SOLD_AT, SOLD_AT) == {Cooldown.SALE: timedelta(hours=24)}


@pytest.mark.parametrize("reason", [SellReason.STOP_LOSS, SellReason.DEATH_CROSS, SellReason.BREAKEVEN_STOP])
def test_stops_cool_down_for_three_days_too(reason: SellReason) -> None:
    assert cooldowns_left(reason, SOLD_AT, SOLD_AT)[Cooldown.STOP_LOSS] == timedelta(days=3)


def test_a_sale_settled_a_day_later_has_only_the_long_cooldown_left() -> None:
    later = SOLD_AT + timedelta(hours=25)
    assert cooldowns_left(SellReason.STOP_LOSS, SOLD_AT, later) == {Cooldown.STOP_LOSS: timedelta(hours=47)}
