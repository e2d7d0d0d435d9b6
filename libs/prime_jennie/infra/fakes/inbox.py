"""An inbox in a dictionary."""

from collections.abc import Sequence

from prime_jennie.domain.ports import Clock, InboxRow


class InMemoryInbox:
    """Twin of SqlInbox; it outlives the consumers of a test as the database outlives processes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.rows: dict[tuple[str, str], InboxRow] = {}
        self.outcomes: dict[tuple[str, str], tuple[str, str]] = {}

    async def receive(
        self, consumer: str, message_id: str, *, stream: str, payload: str, traceparent: str | None
    ) -> bool:
        if (consumer, message_id) in self.rows:
            return False
        row = InboxRow(consumer, message_id, stream, payload, traceparent, self._clock.now())
        self.rows[consumer, message_id] = row
        return True

    async def unfinished(self, consumer: str, stream: str) -> Sequence[InboxRow]:
        return [
            row
            for key, row in self.rows.items()
            if key[0] == consumer and row.stream == stream and key not in self.outcomes
        ]

    async def done(self, consumer: str, message_id: str, outcome: str, reason: str = "") -> None:
        if (consumer, message_id) in self.rows:
            self.outcomes.setdefault((consumer, message_id), (outcome, reason))
