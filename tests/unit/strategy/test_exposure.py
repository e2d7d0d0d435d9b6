from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.strategy.exposure import merge_positions, own_positions
from tests.support.holdings import holding

BOUGHT = datetime(2025, 3, 3, 1, 0, tzinfo=UTC)


def test_the_brokers_quantity_gets_our_sector_and_purchase_date() -> None:
    # ✗ an ancestor judged the broker's list alone, which carries neither
    row = holding(
        sector_group=SectorGroup.SEMICONDUCTOR_IT, bought_at=BOUGHT, stop_loss_price=94_000, high_watermark=105_000
    )
    (merged,) = merge_positions([holding(current_price=103_000)], [row])
    assert merged.own is not None
    assert merged.sector_group is SectorGroup.SEMICONDUCTOR_IT
    assert (merged.own.bought_at, merged.own.stop_loss_price, merged.own.high_watermark) == (BOUGHT, 94_000, 105_000)
    assert (merged.own.current_price, merged.own.current_value) == (103_000, 1_030_000)
    assert merged.own.profit_pct == 3.0
    assert (merged.unattributed_quantity, merged.missing_quantity) == (0, 0)


def test_shares_bought_elsewhere_are_exposure_and_never_ours() -> None:
    (merged,) = merge_positions([holding(quantity=15)], [holding(quantity=10)])
    assert (merged.own_quantity, merged.unattributed_quantity) == (10, 5)
    assert merged.value_krw == 1_500_000
    (foreign,) = merge_positions([holding(quantity=15)], [])
    assert foreign.own is None
    assert (foreign.own_quantity, foreign.unattributed_quantity, foreign.value_krw) == (0, 15, 1_500_000)


def test_the_broker_wins_where_our_rows_know_more() -> None:
    (merged,) = merge_positions([holding(quantity=7)], [holding(quantity=10)])
    assert (merged.own_quantity, merged.missing_quantity) == (7, 3)
    assert merged.own is not None
    assert merged.own.total_buy_amount == 700_000


def test_a_row_the_broker_does_not_know_holds_nothing() -> None:
    (merged,) = merge_positions([], [holding(quantity=10)])
    assert merged.own is None
    assert (merged.value_krw, merged.missing_quantity) == (0, 10)


def test_a_stock_that_is_not_ours_takes_its_sector_from_the_master_else_etc() -> None:
    broker = [holding("005930"), holding("0004Y0")]
    plain, known = merge_positions(broker, [], {"005930": SectorGroup.SEMICONDUCTOR_IT})
    assert (plain.stock_code, plain.sector_group) == ("0004Y0", SectorGroup.ETC)
    assert known.sector_group is SectorGroup.SEMICONDUCTOR_IT


def test_without_a_quote_our_last_price_and_then_the_purchase_price_counts() -> None:
    unquoted = holding(current_price=None)
    assert merge_positions([unquoted], [holding(current_price=104_000)])[0].price_krw == 104_000
    assert merge_positions([unquoted], [unquoted])[0].price_krw == 100_000
    assert merge_positions([], [holding(current_price=104_000)])[0].price_krw == 104_000
    assert merge_positions([], [unquoted])[0].price_krw == 100_000


def test_own_positions_are_ours_alone() -> None:
    merged = merge_positions([holding("005930", 15), holding("000660", 3)], [holding("005930", 10)])
    assert [(one.stock_code, one.quantity) for one in own_positions(merged)] == [("005930", 10)]


QUANTITIES = st.dictionaries(st.sampled_from(["005930", "000660", "0004Y0"]), st.integers(1, 1_000))


@settings(deadline=None)
@given(QUANTITIES, QUANTITIES)
def test_own_and_unattributed_always_add_up_to_the_broker(broker: dict[str, int], own: dict[str, int]) -> None:
    merged = merge_positions(
        [holding(code, quantity) for code, quantity in broker.items()],
        [holding(code, quantity) for code, quantity in own.items()],
    )
    assert {one.stock_code: one.own_quantity + one.unattributed_quantity for one in merged} == {
        code: broker.get(code, 0) for code in broker.keys() | own.keys()
    }
    assert all(one.own_quantity + one.missing_quantity == own.get(one.stock_code, 0) for one in merged)
