"""Hold buys back while the house does not know what it holds or what the market does; a sale is never asked."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from prime_jennie.domain.lifecycle import BlockCode, BuyBlock, MarketState, RecoveryReport
from prime_jennie.domain.ports import Clock
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.infra.clients.kis.websocket import SocketStatus
from prime_jennie.strategy.buy_guard import FeedFacts, GuardFacts, block_of, buy_blocks


class Socket(Protocol):
    """What the guard looks at of the exchange's WebSocket."""

    status: SocketStatus

    @property
    def wanted(self) -> tuple[str, ...]: ...

    @property
    def hears_notices(self) -> bool: ...


class BuyGuard:
    """The facts as this process knows them; the lifecycle keeps them, every buy asks them."""

    def __init__(
        self,
        socket: Socket,
        sessions: SessionTable,
        clock: Clock,
        *,
        wants_notices: bool,
        unknown_losses: Callable[[], Mapping[str, str]],
    ) -> None:
        self._socket = socket
        self._sessions = sessions
        self._clock = clock
        self._wants_notices = wants_notices
        self._unknown_losses = unknown_losses
        self._heard_at = time.monotonic()
        self.state = MarketState.OFFLINE
        self.state_reason = "the gateway is starting"
        self.recovery: RecoveryReport | None = None
        self.drift: Mapping[str, Sequence[str]] = {}

    def blocks(self) -> tuple[BuyBlock, ...]:
        """Return what holds buys back right now."""
        now = self._clock.now()
        facts = GuardFacts(
            state=self.state,
            state_reason=self.state_reason,
            recovery=self.recovery.status if self.recovery is not None else None,
            recovery_reason=str(self.recovery.details.get("error", "")) if self.recovery is not None else "",
            drift=self.drift,
            feed=self.feed(),
            unknown_losses=self._unknown_losses(),
        )
        return buy_blocks(facts, self._sessions.of(now), now)

    def refuses(self, strategy: str) -> str | None:
        """Return why a strategy may not buy; an unknown loss is for the risk engine, which measures for each buy."""
        block = block_of([one for one in self.blocks() if one.code is not BlockCode.LOSS_UNKNOWN], strategy)
        return None if block is None else f"{block.code.value}: {block.why}"

    @property
    def is_listening(self) -> bool:
        """Tell whether the exchange's stream is there, with its notices where they are wanted."""
        return self._socket.status.connected and (self._socket.hears_notices or not self._wants_notices)

    def feed(self) -> FeedFacts:
        """Look at the WebSocket; called at least every second, or a silence begins too late."""
        if self._socket.hears_notices:
            self._heard_at = time.monotonic()
        return FeedFacts(
            registered=len(self._socket.wanted),
            last_tick_at=self._socket.status.last_tick_at,
            wants_notices=self._wants_notices,
            silent_secs=time.monotonic() - self._heard_at,
        )
