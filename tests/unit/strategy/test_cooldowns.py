"""How long which sale keeps its stock away, and what is said meanwhile."""

from datetime import UTC, datetime, timedelta

import pytest

from prime_jennie.domain.signals import SellReason
from prime_jennie.strategy.cooldowns import LONGEST, Cooldown, cooldown_refusal, cooldowns_after, cooldowns_at
from prime_jennie.strategy.gates import GateName
from prime_jennie.strategy.unknown import UNKNOWN, Unknown

NOW = datetime(2025, 3, 4, 1, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_stops_cool_for_three_days_and_every_sale_for_one() -> None:
    long = {reason for reason in SellReason if Cooldown.STOP_LOSS in cooldowns_after(reason)}
    assert long == {SellReason.STOP_LOSS, SellReason.DEATH_CROSS, SellReason.BREAKEVEN_STOP}
    assert cooldowns_after(SellReason.STOP_LOSS)[Cooldown.STOP_LOSS] == LONGEST == timedelta(days=3)
    assert all(cooldowns_after(reason)[Cooldown.SALE] == timedelta(hours=24) for reason in SellReason)


@pytest.mark.parametrize("reason", [None, "", "sold by hand at the broker's"])
def test_a_sale_for_an_unknown_reason_is_a_sale(reason: str | None) -> None:
    assert cooldowns_after(reason) == {Cooldown.SALE: timedelta(hours=24)}


@pytest.mark.parametrize(
    ("reason", "ago", "in_force"),
    [
        ("PROFIT_TARGET", timedelta(0), {Cooldown.SALE}),
        ("PROFIT_TARGET", timedelta(hours=24) - SECOND, {Cooldown.SALE}),
        ("PROFIT_TARGET", timedelta(hours=24), set()),
        ("STOP_LOSS", timedelta(hours=24) - SECOND, {Cooldown.SALE, Cooldown.STOP_LOSS}),
        ("STOP_LOSS", timedelta(hours=24), {Cooldown.STOP_LOSS}),
        ("STOP_LOSS", timedelta(days=3) - SECOND, {Cooldown.STOP_LOSS}),
        ("STOP_LOSS", timedelta(days=3), set()),
    ],
)
def test_a_cooldown_ends_to_the_second(reason: str, ago: timedelta, in_force: set[Cooldown]) -> None:
    assert cooldowns_at([(NOW - ago, reason)], NOW) == in_force


def test_the_longest_of_several_sales_holds() -> None:
    sales = [(NOW - timedelta(days=2), "DEATH_CROSS"), (NOW - timedelta(hours=1), "RSI_OVERBOUGHT")]
    assert cooldowns_at(sales, NOW) == {Cooldown.STOP_LOSS, Cooldown.SALE}
    assert cooldowns_at([], NOW) == frozenset()


@pytest.mark.parametrize(
    ("cooldown", "cooling", "said"),
    [
        (Cooldown.STOP_LOSS, True, "stopped out less than 3 days ago"),
        (Cooldown.SALE, True, "sold less than 24 hours ago"),
        (Cooldown.STOP_LOSS, False, None),
        (Cooldown.SALE, UNKNOWN, "cooldown unknown"),
    ],
)
def test_what_is_said_of_a_stock_that_cools(cooldown: Cooldown, cooling: bool | Unknown, said: str | None) -> None:
    assert cooldown_refusal(cooldown, cooling) == said


def test_the_cooldowns_are_called_as_their_gates() -> None:
    assert {GateName.STOP_LOSS_COOLDOWN.value, GateName.SELL_COOLDOWN.value} == {one.value for one in Cooldown}
