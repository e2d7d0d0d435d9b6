"""What holds buys back: each block comes, binds whom it should, and goes."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from prime_jennie.domain.lifecycle import BlockCode, MarketState, RecoveryStatus
from prime_jennie.domain.sessions import Session
from prime_jennie.strategy.buy_guard import FeedFacts, GuardFacts, block_of, buy_blocks

OPEN = datetime(2025, 3, 4, 0, 0, tzinfo=UTC)
SESSION = Session(day=date(2025, 3, 4), opens_at=OPEN, closes_at=OPEN + timedelta(hours=6, minutes=30))
NOON = OPEN + timedelta(hours=3)
FRESH = FeedFacts(registered=3, last_tick_at=NOON - timedelta(seconds=2), wants_notices=True)
FINE = GuardFacts(state=MarketState.TRADING, state_reason="", recovery=RecoveryStatus.SUCCESS, feed=FRESH)


def codes(facts: GuardFacts, now: datetime = NOON, session: Session | None = SESSION) -> list[BlockCode]:
    return [block.code for block in buy_blocks(facts, session, now)]


def test_a_house_that_knows_everything_buys() -> None:
    assert codes(FINE) == []


@pytest.mark.parametrize("state", [state for state in MarketState if not state.allows_buys])
def test_a_day_that_does_not_trade_blocks_and_says_why(state: MarketState) -> None:
    (block,) = buy_blocks(replace(FINE, state=state, state_reason="the broker is lost"), SESSION, NOON)
    assert block.code is BlockCode.MARKET_STATE
    assert state.value in block.why
    assert "the broker is lost" in block.why


@pytest.mark.parametrize("recovery", [None, RecoveryStatus.FAILED])
def test_a_recovery_that_failed_or_never_ran_blocks(recovery: RecoveryStatus | None) -> None:
    assert codes(replace(FINE, recovery=recovery)) == [BlockCode.RECOVERY_FAILED]
    assert codes(replace(FINE, recovery=recovery, recovery_reason="no balance")) == [BlockCode.RECOVERY_FAILED]


def test_a_partial_recovery_blocks_nobody_by_itself() -> None:
    assert codes(replace(FINE, recovery=RecoveryStatus.PARTIAL)) == []


def test_drift_blocks_its_strategy_alone_and_names_the_stocks() -> None:
    blocks = buy_blocks(replace(FINE, drift={"krx-core": ("005930", "000660")}), SESSION, NOON)
    block = block_of(blocks, "krx-core")
    assert block is not None
    assert block.code is BlockCode.POSITION_DRIFT
    assert "000660, 005930" in block.why
    assert block_of(blocks, "other") is None


def test_a_loss_that_nobody_can_tell_blocks_whose_limit_it_is() -> None:
    facts = replace(FINE, drift={"a": ("005930",)}, unknown_losses={"krx-core": "no price", "": "no balance"})
    blocks = buy_blocks(facts, SESSION, NOON)
    assert [(block.code, block.strategy, block.why) for block in blocks if block.code is BlockCode.LOSS_UNKNOWN] == [
        (BlockCode.LOSS_UNKNOWN, "", "no balance"),
        (BlockCode.LOSS_UNKNOWN, "krx-core", "no price"),
    ]
    assert blocks[0].strategy == ""


def test_a_block_of_the_account_binds_everybody_and_comes_first() -> None:
    facts = replace(FINE, recovery=RecoveryStatus.FAILED, drift={"krx-core": ("005930",)})
    blocks = buy_blocks(facts, SESSION, NOON)
    assert [block_of(blocks, name).code for name in ("krx-core", "other")] == [BlockCode.RECOVERY_FAILED] * 2  # type: ignore[union-attr]


@pytest.mark.parametrize(("secs", "blocked"), [(60, False), (61, True)])
def test_quotes_are_stale_after_a_minute_without_a_trade(secs: int, blocked: bool) -> None:
    feed = replace(FRESH, last_tick_at=NOON - timedelta(seconds=secs))
    assert codes(replace(FINE, feed=feed)) == ([BlockCode.QUOTES_STALE] if blocked else [])


@pytest.mark.parametrize("last", [None, OPEN - timedelta(hours=18)])
def test_the_first_minute_of_a_session_needs_no_trade_yet(last: datetime | None) -> None:
    facts = replace(FINE, feed=replace(FRESH, last_tick_at=last))
    assert codes(facts, OPEN + timedelta(seconds=59)) == []
    assert codes(facts, OPEN + timedelta(seconds=61)) == [BlockCode.QUOTES_STALE]


@pytest.mark.parametrize("away", [timedelta(minutes=-5), timedelta(hours=6, minutes=25), timedelta(hours=7)])
def test_outside_continuous_trading_silence_is_no_staleness(away: timedelta) -> None:
    facts = replace(FINE, feed=replace(FRESH, last_tick_at=OPEN - timedelta(hours=20)))
    assert codes(facts, OPEN + away) == []


def test_nobody_listening_is_no_staleness() -> None:
    facts = replace(FINE, feed=replace(FRESH, registered=0, last_tick_at=None))
    assert codes(facts) == []


@pytest.mark.parametrize(("secs", "blocked"), [(5.0, False), (5.1, True)])
def test_a_lost_fill_stream_blocks_after_a_moment(secs: float, blocked: bool) -> None:
    facts = replace(FINE, feed=replace(FRESH, silent_secs=secs))
    assert codes(facts) == ([BlockCode.FILL_STREAM_LOST] if blocked else [])


def test_where_no_notices_are_wanted_polling_tells_the_fills() -> None:
    assert codes(replace(FINE, feed=replace(FRESH, wants_notices=False, silent_secs=600))) == []


def test_without_a_session_the_feed_is_not_asked() -> None:
    assert codes(replace(FINE, feed=replace(FRESH, silent_secs=600)), session=None) == []
    assert codes(replace(FINE, feed=None)) == []
