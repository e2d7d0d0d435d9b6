"""The seeds' stream contracts (service-contracts §2 and §4.1), word for word."""

import json
from datetime import datetime, timezone

import pytest
from pydantic import ValidationError

from prime_jennie.domain.keys import Keyspace
from prime_jennie.domain.market import MarketRegime
from prime_jennie.domain.signals import BuySignal, SellOrder, SignalType
from prime_jennie.domain.topics import BUY_SIGNALS, SELL_ORDERS
from prime_jennie.domain.watchlist import RiskTag, TradeTier

# The contract tests stand as the seeds wrote them, older idioms included.
# ruff: noqa: UP017

BUY_SIGNAL_JSON = """{
  "stock_code": "005930",
  "stock_name": "삼성전자",
  "signal_type": "GOLDEN_CROSS",
  "signal_price": 72100,
  "llm_score": 70.0,
  "hybrid_score": 70.0,
  "is_tradable": true,
  "trade_tier": "TIER1",
  "risk_tag": "NEUTRAL",
  "market_regime": "BULL",
  "source": "scanner",
  "timestamp": "2026-02-19T10:15:00+00:00",
  "rsi_value": 62.0,
  "volume_ratio": 1.8,
  "vwap": 71950.0,
  "position_multiplier": 1.0
}"""

SELL_ORDER_JSON = """{
  "stock_code": "005930",
  "stock_name": "삼성전자",
  "sell_reason": "PROFIT_TARGET",
  "current_price": 73500,
  "quantity": 30,
  "timestamp": "2026-02-19T13:45:00+00:00",
  "buy_price": 72100,
  "profit_pct": 1.94,
  "holding_days": 3
}"""


def test_buy_signal_serialization_roundtrip():
    """BuySignal이 직렬화/역직렬화를 거쳐도 동일"""
    signal = BuySignal(
        stock_code="005930",
        stock_name="삼성전자",
        signal_type=SignalType.GOLDEN_CROSS,
        signal_price=72100,
        llm_score=70.0,
        hybrid_score=70.0,
        is_tradable=True,
        trade_tier=TradeTier.TIER1,
        risk_tag=RiskTag.NEUTRAL,
        market_regime=MarketRegime.BULL,
        timestamp=datetime.now(timezone.utc),
    )
    json_str = signal.model_dump_json()
    restored = BuySignal.model_validate_json(json_str)
    assert signal == restored


def test_blocked_tier_must_be_not_tradable():
    """BLOCKED 티어는 is_tradable=False 강제"""
    with pytest.raises(ValidationError):
        BuySignal(
            stock_code="005930",
            stock_name="test",
            signal_type=SignalType.GOLDEN_CROSS,
            signal_price=100,
            llm_score=50,
            hybrid_score=50,
            is_tradable=True,  # ← BLOCKED인데 True → 에러
            trade_tier=TradeTier.BLOCKED,
            market_regime=MarketRegime.BULL,
            timestamp=datetime.now(timezone.utc),
        )


def test_a_buy_signal_carries_the_seeds_fields_under_their_names() -> None:
    seed = json.loads(BUY_SIGNAL_JSON)
    sent = json.loads(BuySignal.model_validate_json(BUY_SIGNAL_JSON).model_dump_json())
    assert seed.keys() <= sent.keys()
    assert {key: sent[key] for key in seed if key != "timestamp"} == {k: v for k, v in seed.items() if k != "timestamp"}
    assert datetime.fromisoformat(sent["timestamp"]) == datetime.fromisoformat(seed["timestamp"])


def test_a_sell_order_carries_the_seeds_fields_under_their_names() -> None:
    seed = json.loads(SELL_ORDER_JSON)
    sent = json.loads(SellOrder.model_validate_json(SELL_ORDER_JSON).model_dump_json())
    assert seed.keys() <= sent.keys()
    assert {key: sent[key] for key in seed if key != "timestamp"} == {k: v for k, v in seed.items() if k != "timestamp"}


def test_an_optional_field_of_a_newer_producer_does_not_break_an_older_consumer() -> None:
    newer = json.loads(BUY_SIGNAL_JSON) | {"mood": "sunny"}
    assert BuySignal.model_validate_json(json.dumps(newer)) == BuySignal.model_validate_json(BUY_SIGNAL_JSON)


@pytest.mark.parametrize("field", ["stock_code", "signal_type", "signal_price", "trade_tier", "timestamp"])
def test_a_buy_signal_without_a_required_field_is_refused(field: str) -> None:
    short = {key: value for key, value in json.loads(BUY_SIGNAL_JSON).items() if key != field}
    with pytest.raises(ValidationError, match=field):
        BuySignal.model_validate_json(json.dumps(short))


@pytest.mark.parametrize(
    ("topic", "stream", "group"),
    [
        (BUY_SIGNALS, "stream:buy-signals", "group:buy-executor"),
        (SELL_ORDERS, "stream:sell-orders", "group:sell-executor"),
    ],
)
def test_order_streams_keep_the_seeds_names_groups_and_length(topic, stream: str, group: str) -> None:
    assert topic.stream_for(Keyspace()) == stream
    assert topic.stream_for(Keyspace("krx-core")) == f"krx-core:{stream}"
    assert topic.group == group
    assert topic.maxlen == 100_000
