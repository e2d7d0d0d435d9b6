"""What holds buys back although nobody halted them; sales are never asked (rulebook §13.1).

A halt is somebody's decision. A block is a state of knowledge: it comes when the house no longer knows what it holds
or what the market does, and goes when it knows again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from prime_jennie.domain.lifecycle import BlockCode, BuyBlock, MarketState, RecoveryStatus
from prime_jennie.domain.sessions import Session, SessionPhase

QUOTES_STALE_AFTER: Final = timedelta(seconds=60)
FILLS_LOST_AFTER_SECS: Final = 5.0  # real: a session that is taken up at once costs no purchase


@dataclass(frozen=True)
class FeedFacts:
    """The exchange's WebSocket as last seen; `silent_secs` are real seconds without the notices that are wanted."""

    registered: int
    last_tick_at: datetime | None
    wants_notices: bool
    silent_secs: float = 0.0


@dataclass(frozen=True)
class GuardFacts:
    """All that a block can come from."""

    state: MarketState
    state_reason: str
    recovery: RecoveryStatus | None
    recovery_reason: str = ""
    drift: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Strategy → stocks whose position is not what broker and fills say."""
    feed: FeedFacts | None = None
    unknown_losses: Mapping[str, str] = field(default_factory=dict)
    """Strategy, "" for the account → why its loss of the day cannot be told."""


def buy_blocks(facts: GuardFacts, session: Session | None, now: datetime) -> tuple[BuyBlock, ...]:
    """Return every block in force, those of the whole account first."""
    found: list[BuyBlock] = []
    if not facts.state.allows_buys:
        found.append(BuyBlock(code=BlockCode.MARKET_STATE, why=f"the day is {facts.state.value}: {facts.state_reason}"))
    if facts.recovery is None or facts.recovery is RecoveryStatus.FAILED:
        why = facts.recovery_reason or "books and broker have not been compared yet"
        found.append(BuyBlock(code=BlockCode.RECOVERY_FAILED, why=why))
    if facts.feed is not None and session is not None:
        found += _feed_blocks(facts.feed, session, now)
    for strategy, codes in sorted(facts.drift.items()):
        why = f"{', '.join(sorted(codes))} of {strategy}: the position is not what broker and fills say (position-sync)"
        found.append(BuyBlock(code=BlockCode.POSITION_DRIFT, why=why, strategy=strategy))
    for strategy, why in sorted(facts.unknown_losses.items()):
        found.append(BuyBlock(code=BlockCode.LOSS_UNKNOWN, why=why, strategy=strategy))
    return tuple(sorted(found, key=lambda block: block.strategy != ""))


def block_of(blocks: Sequence[BuyBlock], strategy: str) -> BuyBlock | None:
    """Return the first block that binds a strategy."""
    return next((block for block in blocks if block.strategy in ("", strategy)), None)


def _feed_blocks(feed: FeedFacts, session: Session, now: datetime) -> list[BuyBlock]:
    phase = session.phase_at(now)
    if not phase.is_open:
        return []
    found = []
    if phase is SessionPhase.REGULAR and feed.registered:
        fresh_from = max(session.opens_at, feed.last_tick_at or session.opens_at)
        if now - fresh_from > QUOTES_STALE_AFTER:
            secs = (now - fresh_from).total_seconds()
            why = f"no trade of {feed.registered} registered stocks was heard for {secs:.0f} s"
            found.append(BuyBlock(code=BlockCode.QUOTES_STALE, why=why))
    if feed.wants_notices and feed.silent_secs > FILLS_LOST_AFTER_SECS:
        why = f"the stream of fill notices has been lost for {feed.silent_secs:.0f} s"
        found.append(BuyBlock(code=BlockCode.FILL_STREAM_LOST, why=why))
    return found
