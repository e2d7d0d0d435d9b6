"""Topics: every stream has a model, writers and readers."""

import pytest

from prime_jennie.domain.keys import Keyspace
from prime_jennie.domain.market import TickBatch
from prime_jennie.domain.topics import BUY_SIGNALS, NEWS_RAW, SELL_ORDERS, TICKS, TOPICS, TRADE_NOTIFICATIONS


def test_ticks_are_shared_and_read_without_a_group() -> None:
    assert TICKS.model is TickBatch
    assert TICKS.stream_for(Keyspace("krx-core")) == "stream:ticks"
    with pytest.raises(ValueError, match="0 groups"):
        _ = TICKS.group


def test_a_stream_with_two_groups_has_no_single_one() -> None:
    assert NEWS_RAW.groups == ("group_analyzer", "group_archiver")
    with pytest.raises(ValueError, match="2 groups"):
        _ = NEWS_RAW.group


def test_dead_letters_lie_beside_their_stream() -> None:
    assert BUY_SIGNALS.dead_letters_for(Keyspace("krx-core")) == "krx-core:stream:buy-signals:dead"


def test_only_the_order_streams_belong_to_a_strategy_in_topics_and_in_keys() -> None:
    assert [topic for topic in TOPICS if topic.strategy_owned] == [BUY_SIGNALS, SELL_ORDERS]
    assert all(topic.strategy_owned is topic.stream.strategy_owned for topic in TOPICS)


def test_every_stream_has_writers_readers_and_its_own_name() -> None:
    assert all(topic.producers and topic.consumers for topic in TOPICS)
    assert len({topic.stream for topic in TOPICS}) == len(TOPICS)
    assert TRADE_NOTIFICATIONS.consumers == ("command-handler",)
