"""One order somebody wants, under the key of the message that asked for it."""

import hashlib
from dataclasses import dataclass
from typing import Final, Self

from prime_jennie.domain.orders import OrderRequest, OrderType, TradeType
from prime_jennie.infra.database.tables.trading import OrderIntentRow

MAX_KEY_CHARS: Final = 128


@dataclass(frozen=True)
class Wish:
    """An order, before or after it was sent; the same key always carries the same request."""

    side: TradeType
    request: OrderRequest
    key: str
    reason: str
    message_id: str | None

    @classmethod
    def of_intent(cls, intent: OrderIntentRow) -> Self:
        """Read back what was asked under a key, for another body under the same key is refused."""
        request = OrderRequest(
            stock_code=intent.stock_code,
            quantity=intent.quantity,
            order_type=OrderType(intent.order_type),
            price=intent.price,
        )
        return cls(TradeType(intent.side), request, intent.idempotency_key, intent.reason, intent.message_id)


def order_key(side: TradeType, message_id: str) -> str:
    """Return the one idempotency key of a message; ids too long for the column are hashed."""
    key = f"{side.value.lower()}:{message_id}"
    if len(key) <= MAX_KEY_CHARS:
        return key
    return f"{side.value.lower()}:{hashlib.sha256(message_id.encode()).hexdigest()}"
