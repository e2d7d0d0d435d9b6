"""Response blocks are complete."""

import pytest

from kis_simulator.rest import fields


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (fields.PRICE, 82),
        (fields.DAILY_PRICE, 14),
        (fields.DAILY_CHART_HEAD, 30),
        (fields.DAILY_CHART_ROWS, 13),
        (fields.MINUTE_CHART_HEAD, 8),
        (fields.MINUTE_CHART_ROWS, 8),
        (fields.MULTI_PRICE, 29),
        (fields.INDEX_PRICE, 36),
        (fields.INDEX_CHART_HEAD, 16),
        (fields.INDEX_CHART_ROWS, 8),
        (fields.HOLIDAY, 6),
        (fields.BALANCE_ROWS, 26),
        (fields.BALANCE_SUMMARY, 24),
        (fields.ORDERABLE, 12),
        (fields.OPEN_ORDERS, 21),
        (fields.DAILY_ORDERS_ROWS, 36),
        (fields.DAILY_ORDERS_SUMMARY, 5),
    ],
)
def test_a_block_has_as_many_fields_as_the_protocol_counts(names: tuple[str, ...], count: int) -> None:
    assert len(names) == len(set(names)) == count


def test_every_value_is_a_string_and_every_field_is_there() -> None:
    filled = fields.block(fields.HOLIDAY, {"bass_dt": 20250304})
    assert filled == {
        "bass_dt": "20250304",
        "wday_dvsn_cd": "0",
        "bzdy_yn": "N",
        "tr_day_yn": "N",
        "opnd_yn": "N",
        "sttl_day_yn": "N",
    }


def test_a_misspelt_field_is_an_error_of_ours() -> None:
    with pytest.raises(KeyError, match="no such field"):
        fields.block(fields.HOLIDAY, {"bas_dt": "20250304"})
