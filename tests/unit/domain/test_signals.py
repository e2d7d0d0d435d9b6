"""Signals and sell orders: the ranges of their fields and their way through JSON."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.sectors import SectorGroup
from prime_jennie.domain.signals import MOMENTUM_FAMILY, BuySignal, SellOrder, SellReason, SignalType
from prime_jennie.domain.watchlist import RiskTag, TradeTier

AT = datetime(2025, 3, 13, 0, 30, tzinfo=UTC)
SIGNAL = {
    "stock_code": "005930",
    "stock_name": "삼성전자",
    "signal_type": "MOMENTUM",
    "signal_price": 54_100,
    "llm_score": 50,
    "hybrid_score": 50,
    "trade_tier": "TIER2",
    "market_regime": "SIDEWAYS",
    "timestamp": AT,
}
ORDER = {
    "stock_code": "005930",
    "stock_name": "삼성전자",
    "sell_reason": "TRAILING_STOP",
    "current_price": 54_100,
    "quantity": 3,
    "timestamp": AT,
}
AWARE = st.datetimes(min_value=datetime(2020, 1, 1), max_value=datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
SCORES = st.floats(0, 100)


def test_only_the_momentum_family_waits_for_confirmation() -> None:
    assert {SignalType.MOMENTUM, SignalType.MOMENTUM_CONTINUATION} == MOMENTUM_FAMILY


def test_a_manual_signal_is_a_valid_message() -> None:
    """Ancestor's defect: /buy published a message that its consumer could not read."""
    made = BuySignal.model_validate(SIGNAL | {"signal_type": "MANUAL", "source": "manual"})
    assert made.signal_type is SignalType.MANUAL


@given(
    st.builds(
        BuySignal,
        stock_code=st.from_regex(r"[0-9A-Z]{6}", fullmatch=True),
        stock_name=st.text(min_size=1, max_size=20),
        signal_type=st.sampled_from(SignalType),
        signal_price=st.integers(1, 3_000_000),
        llm_score=SCORES,
        hybrid_score=SCORES,
        is_tradable=st.booleans(),
        trade_tier=st.sampled_from([TradeTier.TIER1, TradeTier.TIER2]),
        risk_tag=st.sampled_from(RiskTag),
        market_regime=st.sampled_from(MarketRegime),
        source=st.sampled_from(["scanner", "conviction", "manual"]),
        timestamp=AWARE,
        rsi_value=st.none() | SCORES,
        volume_ratio=st.none() | st.floats(0, 1_000),
        vwap=st.none() | st.floats(1, 3_000_000),
        position_multiplier=st.floats(0.3, 2.0),
        sector_group=st.none() | st.sampled_from(SectorGroup),
    )
)
def test_every_signal_survives_the_stream(signal: BuySignal) -> None:
    assert BuySignal.model_validate_json(signal.model_dump_json()) == signal


@given(
    st.builds(
        SellOrder,
        stock_code=st.from_regex(r"[0-9A-Z]{6}", fullmatch=True),
        stock_name=st.text(min_size=1, max_size=20),
        sell_reason=st.sampled_from(SellReason),
        current_price=st.integers(1, 3_000_000),
        quantity=st.integers(1, 10**6),
        timestamp=AWARE,
        buy_price=st.none() | st.floats(1, 3_000_000),
        profit_pct=st.none() | st.floats(-100, 1_000),
        holding_days=st.none() | st.integers(0, 400),
        position_id=st.none() | st.text(max_size=32),
        scale_out_level=st.none() | st.integers(1, 10),
    )
)
def test_every_sell_order_survives_the_stream(order: SellOrder) -> None:
    assert SellOrder.model_validate_json(order.model_dump_json()) == order


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("signal_price", 0),
        ("signal_price", True),
        ("llm_score", 100.5),
        ("hybrid_score", float("nan")),
        ("rsi_value", -1),
        ("volume_ratio", -0.1),
        ("volume_ratio", float("inf")),
        ("vwap", 0),
        ("position_multiplier", 0.0),
        ("source", "telegram"),
        ("signal_type", "ASTROLOGY"),
        ("market_regime", "CRAB"),
        ("sector_group", "반도체"),
        ("timestamp", "2025-03-13T09:30:00"),
        ("stock_name", ""),
        ("stock_code", "../etc"),
    ],
)
def test_a_hostile_signal_is_refused_at_its_field(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        BuySignal.model_validate(SIGNAL | {field: value})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("quantity", 0),
        ("quantity", -3),
        ("quantity", 1.5),
        ("current_price", 0),
        ("buy_price", 0),
        ("profit_pct", float("nan")),
        ("holding_days", -1),
        ("scale_out_level", 0),
        ("sell_reason", "BOREDOM"),
    ],
)
def test_a_hostile_sell_order_is_refused_at_its_field(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        SellOrder.model_validate(ORDER | {field: value})


def test_a_blocked_stock_may_be_signalled_only_as_untradable() -> None:
    blocked = SIGNAL | {"trade_tier": "BLOCKED"}
    with pytest.raises(ValidationError, match="is_tradable=false"):
        BuySignal.model_validate(blocked)
    assert not BuySignal.model_validate(blocked | {"is_tradable": False}).is_tradable
