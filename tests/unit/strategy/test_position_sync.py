"""Broker and books are compared five ways; the broker wins, and nobody's shares become ours."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prime_jennie.domain.holdings import BookedShares, BrokerHolding, Correction, OwnPosition, RebuiltPosition
from prime_jennie.domain.orders import TradeType
from prime_jennie.strategy.position_sync import (
    Comparison,
    Way,
    compare,
    differing,
    drift_of,
    plan_corrections,
    rebuild,
)

SAMSUNG, HYNIX = "005930", "000660"
NOW = datetime(2025, 3, 4, 1, 0, tzinfo=UTC)


def at_broker(code: str = SAMSUNG, quantity: int = 10, price: float = 70_000) -> BrokerHolding:
    return BrokerHolding(code, "삼성전자", quantity, price)


def own(
    quantity: int = 10, *, strategy: str = "core", code: str = SAMSUNG, price: float = 70_000, minutes: int = 0
) -> OwnPosition:
    return OwnPosition(strategy, code, f"{strategy}-{code}", quantity, price, NOW + timedelta(minutes=minutes))


def one(broker: list[BrokerHolding], positions: list[OwnPosition], busy: tuple[str, ...] = ()) -> Comparison:
    executed = {(position.strategy, position.stock_code): position.quantity for position in positions}
    (found,) = compare(broker, executed, positions, busy)
    return found


@pytest.mark.parametrize(
    ("broker", "positions", "way", "missing", "unattributed"),
    [
        ([at_broker()], [own()], Way.MATCHED, 0, 0),
        ([at_broker()], [own(4), own(6, strategy="other")], Way.MATCHED, 0, 0),
        ([at_broker(quantity=7)], [own()], Way.QUANTITY_DIFFERS, 3, 0),
        ([at_broker(quantity=12)], [own()], Way.QUANTITY_DIFFERS, 0, 2),
        ([at_broker(price=72_000)], [own()], Way.PRICE_DIFFERS, 0, 0),
        ([at_broker(price=70_300)], [own()], Way.MATCHED, 0, 0),
        ([at_broker()], [], Way.ONLY_AT_BROKER, 0, 10),
        ([], [own()], Way.ONLY_IN_BOOKS, 10, 0),
    ],
)
def test_five_ways(
    broker: list[BrokerHolding], positions: list[OwnPosition], way: Way, missing: int, unattributed: int
) -> None:
    found = one(broker, positions)
    assert (found.way, found.missing, found.unattributed) == (way, missing, unattributed)


def test_a_stock_with_an_order_at_work_is_not_judged() -> None:
    found = one([at_broker(quantity=3)], [own()], (SAMSUNG,))
    assert found.busy
    assert (found.missing, found.unattributed) == (0, 0)
    assert drift_of([found]) == {}


def test_stocks_that_nobody_holds_are_left_out_and_oversold_ones_too() -> None:
    assert compare([], {("core", SAMSUNG): 0, ("core", HYNIX): -3}, []) == []


def test_executions_without_a_row_yet_are_held_all_the_same() -> None:
    (found,) = compare([at_broker()], {("core", SAMSUNG): 10}, [])
    assert found.way is Way.MATCHED
    assert found.own_price is None


def test_missing_shares_are_taken_from_what_was_bought_last() -> None:
    positions = [own(10, strategy="early"), own(4, strategy="late", minutes=5), own(9, code=HYNIX)]
    executed = {("early", SAMSUNG): 10, ("late", SAMSUNG): 4}
    (found,) = compare([at_broker(quantity=8)], executed, positions[:2])
    assert plan_corrections(found, positions) == [
        Correction("late", SAMSUNG, "late-005930", 4, 0),
        Correction("early", SAMSUNG, "early-005930", 10, 8),
    ]
    assert drift_of([found]) == {"early": (SAMSUNG,), "late": (SAMSUNG,)}


@pytest.mark.parametrize("quantity", [10, 15])
def test_nothing_is_corrected_where_nothing_is_missing(quantity: int) -> None:
    assert plan_corrections(one([at_broker(quantity=quantity)], [own()]), [own()]) == []


def test_what_others_bought_is_no_drift() -> None:
    assert drift_of(compare([at_broker(), at_broker(HYNIX)], {("core", SAMSUNG): 3}, [own(3)])) == {}


def test_a_row_that_is_not_its_trades_is_drift() -> None:
    booked = {("core", SAMSUNG): 10, ("core", HYNIX): 5}
    wrong = differing(booked, [own(9)])
    assert wrong == [("core", HYNIX), ("core", SAMSUNG)]
    assert drift_of([], wrong) == {"core": (HYNIX, SAMSUNG)}
    assert differing(booked, [own(10), own(5, code=HYNIX)]) == []
    assert differing({}, [own(1)]) == [("core", SAMSUNG)]


def buy(quantity: int, price: int, minutes: int = 0) -> BookedShares:
    at = NOW + timedelta(minutes=minutes)
    return BookedShares(TradeType.BUY, quantity, at, quantity * price, quantity)


def sale(quantity: int, minutes: int = 0) -> BookedShares:
    return BookedShares(TradeType.SELL, quantity, NOW + timedelta(minutes=minutes))


def test_a_position_is_rebuilt_from_its_trades() -> None:
    assert rebuild([]) == RebuiltPosition()
    assert rebuild([buy(10, 100), sale(4), buy(2, 130)]) == RebuiltPosition(8, 860, 8, NOW)
    assert rebuild([buy(10, 100), sale(10)]) == RebuiltPosition()
    assert rebuild([buy(10, 100), sale(10), buy(3, 110, 9)]).bought_at == NOW + timedelta(minutes=9)


def test_a_sale_of_more_than_was_held_leaves_nothing_and_owes_nothing() -> None:
    assert rebuild([sale(5), buy(10, 100), sale(12), sale(1), buy(1, 90, 7)]) == RebuiltPosition(
        1, 90, 1, NOW + timedelta(minutes=7)
    )


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 50), st.integers(1, 900)), max_size=30))
def test_a_rebuilt_position_never_has_less_than_nothing(steps: list[tuple[bool, int, int]]) -> None:
    trades = [buy(quantity, price) if bought else sale(quantity) for bought, quantity, price in steps]
    found = rebuild(trades)
    assert found.quantity >= 0
    assert (found.cost_krw > 0) is (found.quantity > 0)
