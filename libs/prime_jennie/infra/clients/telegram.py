"""Send messages through Telegram's Bot API; the token appears in no log and no error."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import httpx
import structlog
from pydantic import SecretStr

from prime_jennie.infra.clients.telegram_text import messages_of
from prime_jennie.infra.logging import mask_text

if TYPE_CHECKING:  # the library takes 15 MB and a third of a second: it is imported when a message is sent
    from telegram import Bot
    from telegram.error import TelegramError

TELEGRAM_URL: Final = "https://api.telegram.org/bot"
ATTEMPTS: Final = 3
LONGEST_FLOOD_WAIT_SECS: Final = 60.0  # real: Telegram asks for a few seconds, for minutes only after abuse
NEVER_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

log = structlog.get_logger(__name__)


class Delivered(StrEnum):
    """What is known about a message."""

    SENT = "sent"
    REFUSED = "refused"
    """Telegram said no: chat not found, bot blocked, token rejected; the same again helps nobody."""
    NOT_SENT = "not sent"
    """It never left, or Telegram asked to wait longer than we do; it may be sent later."""
    UNKNOWN = "unknown"
    """It left and no answer came: sending again might show it twice."""


@dataclass(frozen=True)
class Delivery:
    """What became of one text in one chat; `parts` of it arrived for certain."""

    chat_id: int
    outcome: Delivered
    parts: int
    reason: str = ""


@asynccontextmanager
async def telegram_bot(
    token: SecretStr, base_url: str = TELEGRAM_URL, *, timeout_secs: float = 10.0
) -> AsyncIterator["Bot"]:
    """Open a bot for the block, for getUpdates as well as for sending.

    Never call its `initialize`: that asks getMe, and a refusal there carries the token in its text.
    """
    from telegram import Bot
    from telegram.request import HTTPXRequest

    def connections() -> HTTPXRequest:
        return HTTPXRequest(
            connection_pool_size=4,
            connect_timeout=timeout_secs,
            read_timeout=timeout_secs,
            write_timeout=timeout_secs,
            httpx_kwargs={"trust_env": False},
        )

    asking, polling = connections(), connections()
    try:
        yield Bot(token.get_secret_value(), base_url=base_url, request=asking, get_updates_request=polling)
    finally:
        await asking.shutdown()
        await polling.shutdown()


class TelegramSender:
    """Sends HTML to chats, one after the other."""

    def __init__(self, token: SecretStr, base_url: str = TELEGRAM_URL, *, timeout_secs: float = 10.0) -> None:
        self._token = token
        self._base_url = base_url
        self._timeout_secs = timeout_secs

    async def send(self, chat_ids: Sequence[int], html: str) -> list[Delivery]:
        """Send `html` to every chat and tell what became of it there; one chat's failure costs no other's message.

        Interpolated text must be `escaped`. Long text becomes several messages; after one that is not certain to have
        arrived the rest of them stay unsent in that chat. Flood control is waited for, within reason.
        """
        messages = messages_of(html)
        deliveries = []
        async with telegram_bot(self._token, self._base_url, timeout_secs=self._timeout_secs) as bot:
            for chat_id in chat_ids:
                delivery = await self._send_all(bot, chat_id, messages)
                deliveries.append(delivery)
                if delivery.outcome is not Delivered.SENT:
                    log.warning(
                        "telegram message not delivered",
                        chat_id=chat_id,
                        outcome=delivery.outcome.value,
                        reason=delivery.reason,
                    )
        return deliveries

    async def _send_all(self, bot: "Bot", chat_id: int, messages: Sequence[str]) -> Delivery:
        for sent, message in enumerate(messages):
            outcome, reason = await self._send_one(bot, chat_id, message)
            if outcome is not Delivered.SENT:
                return Delivery(chat_id, outcome, sent, reason)
        return Delivery(chat_id, Delivered.SENT, len(messages))

    async def _send_one(self, bot: "Bot", chat_id: int, message: str) -> tuple[Delivered, str]:
        from telegram.constants import ParseMode
        from telegram.error import RetryAfter, TelegramError

        outcome, reason, pause_secs = Delivered.NOT_SENT, "", 0.0
        for attempt in range(ATTEMPTS):
            if attempt:
                await asyncio.sleep(pause_secs)
            try:
                await bot.send_message(chat_id, message, parse_mode=ParseMode.HTML)
            except RetryAfter as error:
                outcome, pause_secs = Delivered.NOT_SENT, _secs_of(error.retry_after)
                reason = f"flood control: wait {pause_secs:g} s"
                if pause_secs > LONGEST_FLOOD_WAIT_SECS:
                    break
            except TelegramError as error:
                outcome, reason, pause_secs = _outcome_of(error), mask_text(f"{type(error).__name__}: {error}"), 1.0
                if outcome is not Delivered.NOT_SENT:
                    break
            else:
                return Delivered.SENT, ""
        return outcome, reason


def _outcome_of(error: "TelegramError") -> Delivered:
    from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError

    if isinstance(error, BadRequest | ChatMigrated | Forbidden | InvalidToken):
        return Delivered.REFUSED
    if isinstance(error, NetworkError) and isinstance(error.__cause__, NEVER_SENT):
        return Delivered.NOT_SENT
    return Delivered.UNKNOWN


def _secs_of(period: int | timedelta) -> float:
    return period.total_seconds() if isinstance(period, timedelta) else float(period)
