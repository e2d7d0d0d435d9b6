"""Ticks and bars: what a bar of real history may look like, and what no bar may."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from prime_jennie.domain.market import (
    DailyPrice,
    IndexDailyPrice,
    MarketRegime,
    MinutePrice,
    StockSnapshot,
    Tick,
    TickBatch,
)

AT = datetime(2025, 3, 13, 0, 10, tzinfo=UTC)
TICK = {
    "stock_code": "005930",
    "price": 54_100,
    "volume": 10,
    "cumulative_volume": 1_000,
    "ask": 54_200,
    "bid": 54_100,
    "high": 54_300,
    "at": AT,
}
BAR = {
    "stock_code": "005930",
    "price_date": date(2025, 3, 13),
    "open_price": 54_000,
    "high_price": 54_500,
    "low_price": 53_900,
    "close_price": 54_100,
    "volume": 1_000,
}


def test_bull_and_bear_regimes_are_told_apart() -> None:
    assert [regime.name for regime in MarketRegime if regime.is_bull] == ["STRONG_BULL", "BULL"]
    assert [regime.name for regime in MarketRegime if regime.is_bear] == ["BEAR", "STRONG_BEAR"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("price", 0),
        ("price", -54_100),
        ("price", 54_100.5),
        ("volume", -1),
        ("cumulative_volume", -1),
        ("ask", -1),
        ("high", 0),
        ("at", "2025-03-13T09:10:00"),
        ("stock_code", "5930"),
    ],
)
def test_a_corrupt_tick_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        Tick.model_validate(TICK | {field: value})


def test_an_empty_side_of_the_book_is_zero() -> None:
    assert Tick.model_validate(TICK | {"ask": 0}).ask == 0


@given(
    st.lists(
        st.builds(
            lambda price, volume, ms: Tick.model_validate(
                TICK | {"price": price, "high": price, "volume": volume, "at": AT + timedelta(milliseconds=ms)}
            ),
            st.integers(1, 3_000_000),
            st.integers(0, 10**7),
            st.integers(0, 23_400_000),
        ),
        max_size=41,
    )
)
def test_a_batch_survives_the_stream(ticks: list[Tick]) -> None:
    batch = TickBatch(ticks=ticks, at=AT)
    assert TickBatch.model_validate_json(batch.model_dump_json()) == batch


def test_a_halted_days_zeros_are_normal() -> None:
    halted = DailyPrice.model_validate(BAR | {"open_price": 0, "high_price": 0, "low_price": 0, "volume": 0})
    assert halted.is_halted
    assert not DailyPrice.model_validate(BAR).is_halted


def test_an_adjusted_bar_may_close_a_won_outside_its_extremes() -> None:
    # 000640 on 2024-04-18 in the adjusted history: high 112,587, close 112,588.
    odd = {"open_price": 109_090, "high_price": 112_587, "low_price": 109_090, "close_price": 112_588}
    assert DailyPrice.model_validate(BAR | odd).close_price == 112_588


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"low_price": 54_501}, "above high_price"),
        ({"close_price": 0}, "close_price"),
        ({"volume": -1}, "volume"),
        ({"open_price": -1}, "open_price"),
        ({"high_price": 54_500.5}, "high_price"),
    ],
)
def test_a_bar_that_cannot_be_is_refused(change: dict[str, object], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        DailyPrice.model_validate(BAR | change)


def test_a_minute_bar_needs_an_aware_start() -> None:
    body = {key: value for key, value in BAR.items() if key != "price_date"}
    assert MinutePrice.model_validate(body | {"price_datetime": AT}).price_datetime == AT
    with pytest.raises(ValidationError, match="price_datetime"):
        MinutePrice.model_validate(body | {"price_datetime": "2025-03-13T09:10:00"})


def test_an_index_bar_may_say_that_it_is_an_approximation() -> None:
    points = {f"{name}_price": 2_500.5 for name in ("open", "high", "low", "close")}
    body = {"index_code": "0001", "price_date": date(2025, 3, 13), "volume": 1} | points
    assert IndexDailyPrice.model_validate(body).source is None
    assert IndexDailyPrice.model_validate(body | {"source": "shares × close"}).source == "shares × close"
    with pytest.raises(ValidationError, match="close_price"):
        IndexDailyPrice.model_validate(body | {"close_price": float("nan")})


def test_a_snapshot_before_the_first_trade_has_zeros_but_a_price() -> None:
    body = {"open_price": 0, "high_price": 0, "low_price": 0, "volume": 0, "change_pct": 0.0, "timestamp": AT}
    assert StockSnapshot.model_validate(body | {"stock_code": "005930", "price": 54_100}).per is None
    with pytest.raises(ValidationError, match="price"):
        StockSnapshot.model_validate(body | {"stock_code": "005930", "price": 0})
