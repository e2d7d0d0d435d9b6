"""Send a wish through the gateway, however often that takes, as one order."""

from collections.abc import Callable
from dataclasses import dataclass

import structlog

from prime_jennie.domain.errors import BadInput, Conflict, NotFound, OutcomeUnknown, Unavailable
from prime_jennie.domain.orders import IntentState, OrderResult, TradeType
from prime_jennie.domain.ports import Gateway
from prime_jennie.infra.database.repositories.orders import OrderRepository
from prime_jennie.infra.database.tables.trading import OrderIntentRow
from prime_jennie.infra.execution.wish import Wish
from prime_jennie.infra.outages import OUTAGES, Backoff

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Answer:
    """The definite answer to a wish; `is_failure` tells a broken request from a broker's or our own no."""

    accepted: bool
    reason: str = ""
    is_failure: bool = False


class Placement:
    """Asks under the key of the message only: a repeat with the same key is safe, a new key would be a second order."""

    def __init__(self, gateway: Gateway, orders: OrderRepository, account: str, strategy: str) -> None:
        self._gateway = gateway
        self._orders = orders
        self._account = account
        self._strategy = strategy

    async def intent(self, key: str) -> OrderIntentRow | None:
        """Return what the gateway wrote down under a key, by this process or one that died."""
        return await self._orders.intent_by_key(self._account, self._strategy, key)

    async def send(self, wish: Wish) -> Answer | None:
        """Ask once; None when the outcome is unknown and must be resolved. An outage raises: nothing was sent."""
        try:
            return _answer(await self._ask(wish))
        except OutcomeUnknown as error:
            log.warning("outcome unknown, asking again with the same key", key=wish.key, error=str(error))
            return None
        except Conflict as error:
            intent = await self.intent(wish.key)
            if intent is None:  # an earlier request of this key, of a process that died, is on its way right now
                raise Unavailable(f"another request of {wish.key} is being handled: {error}") from error
            return answer_of(intent, str(error))
        except (BadInput, NotFound) as error:
            return Answer(False, f"{type(error).__name__}: {error}", is_failure=True)

    async def resolve(self, wish: Wish, gives_up: Callable[[], bool]) -> Answer:
        """Ask again with the same key until the answer is definite.

        It gives up only what surely was not sent: an intent that still waits, once nobody wants it any more.
        """
        backoff = Backoff()
        while True:
            await backoff.pause()
            try:
                if gives_up() and await self._was_never_sent(wish.key):
                    return Answer(False, "not sent in time")
                answer = await self.send(wish)
                if answer is not None:
                    return answer
            except OUTAGES as error:
                log.info("still unresolved", key=wish.key, error=f"{type(error).__name__}: {error}")

    async def _was_never_sent(self, key: str) -> bool:
        intent = await self.intent(key)
        return intent is None or may_be_asked(intent)

    async def _ask(self, wish: Wish) -> OrderResult:
        send = self._gateway.buy if wish.side is TradeType.BUY else self._gateway.sell
        return await send(wish.request, key=wish.key, reason=wish.reason, message_id=wish.message_id)


def may_be_asked(intent: OrderIntentRow) -> bool:
    """Tell whether an order is still to be asked for: never sent, or refused.

    The gateway sends a refused intent again only where the refusal allows it (rate, token); else it repeats its no.
    """
    return intent.state in (IntentState.NEW.value, IntentState.REFUSED.value)


def answer_of(intent: OrderIntentRow, why: str = "") -> Answer | None:
    """Return the answer that a stored intent holds already; None while it is open."""
    match IntentState(intent.state):
        case IntentState.ACCEPTED:
            return Answer(True)
        case IntentState.REFUSED | IntentState.NOT_SENT:
            return Answer(False, f"{intent.error_code or intent.state}: {intent.error_message or why}")
        case _:
            return None


def _answer(result: OrderResult) -> Answer:
    return Answer(result.success, result.message or "" if result.success else result.message or "refused")
