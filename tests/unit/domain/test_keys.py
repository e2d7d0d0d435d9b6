"""Keys: the seeds' names, whose they are, and values that cannot leave their place."""

import pytest

from prime_jennie.domain.keys import Keyspace, RedisKeys


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (RedisKeys.WATCHLIST_ACTIVE, "watchlist:active"),
        (RedisKeys.MACRO_INSIGHT, "macro:insight:{date}"),
        (RedisKeys.REGIME_CURRENT, "regime:current"),
        (RedisKeys.SECTOR_BUDGET, "budget:sector:active"),
        (RedisKeys.LLM_STATS, "llm:stats:{date}:{service}"),
        (RedisKeys.TRADING_PAUSE, "emergency:trading_pause"),
        (RedisKeys.FULL_STOP, "emergency:full_stop"),
        (RedisKeys.EMERGENCY_STOP, "emergency:stop"),
        (RedisKeys.TICKS, "stream:ticks"),
    ],
)
def test_shared_keys_keep_the_seeds_names(key: RedisKeys, name: str) -> None:
    assert key.value == name
    assert not key.strategy_owned


@pytest.mark.parametrize(
    ("key", "secs"),
    [
        (RedisKeys.WATCHLIST_ACTIVE, 86_400),
        (RedisKeys.REGIME_CURRENT, 3_600),
        (RedisKeys.LLM_STATS, 7_776_000),
        (RedisKeys.BUY_LOCK, 180),
        (RedisKeys.SELL_LOCK, 30),
        (RedisKeys.FULL_STOP, None),
    ],
)
def test_values_mean_something_as_long_as_the_seeds_say(key: RedisKeys, secs: int | None) -> None:
    assert key.ttl_secs == secs


def test_no_two_keys_share_a_name() -> None:
    assert len({key.value for key in RedisKeys}) == len(RedisKeys.__members__)


def test_a_strategys_keys_carry_its_name_and_shared_ones_do_not() -> None:
    keys = Keyspace("krx-core")
    assert keys.of(RedisKeys.BUY_SIGNALS) == "krx-core:stream:buy-signals"
    assert keys.of(RedisKeys.SELL_COOLDOWN, code="005930") == "krx-core:sell_cooldown:005930"
    assert keys.of(RedisKeys.CONFIG_ACK) == "krx-core:config:ack"
    assert keys.of(RedisKeys.TICKS) == "stream:ticks"
    assert keys.of(RedisKeys.BUY_LOCK, account="12345678-01", code="005930") == "lock:buy:12345678-01:005930"


def test_a_halt_can_be_the_accounts_or_the_strategys() -> None:
    keys = Keyspace("krx-core")
    assert keys.of(RedisKeys.TRADING_PAUSE) == "emergency:trading_pause"
    assert keys.own(RedisKeys.TRADING_PAUSE) == "krx-core:emergency:trading_pause"


@pytest.mark.parametrize("alone", [None, ""])
def test_a_service_started_alone_uses_bare_keys(alone: str | None) -> None:
    keys = Keyspace(alone)
    assert keys.of(RedisKeys.BUY_SIGNALS) == "stream:buy-signals"
    assert keys.own(RedisKeys.FULL_STOP) == "emergency:full_stop"


@pytest.mark.parametrize("strategy", ["Krx", "a:b", "-a", "a-", "a b", "전략", "a" * 64, "a\n"])
def test_a_strategy_name_that_is_no_dns_label_is_refused(strategy: str) -> None:
    with pytest.raises(ValueError, match="DNS label"):
        Keyspace(strategy)


@pytest.mark.parametrize("params", [{}, {"stock": "005930"}, {"code": "005930", "date": "2025-03-13"}])
def test_a_key_takes_exactly_its_parameters(params: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="takes"):
        Keyspace().of(RedisKeys.SELL_COOLDOWN, **params)


@pytest.mark.parametrize("code", ["", "005930:x", "*", "{code}", "00 5930", "005930\n"])
def test_a_value_that_would_name_another_key_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="not fit"):
        Keyspace().of(RedisKeys.SELL_COOLDOWN, code=code)
