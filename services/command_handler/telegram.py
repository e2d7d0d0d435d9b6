"""Telegram: long polling for commands, one message a reply; the offset survives a restart."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from command_handler import metrics
from command_handler.commands.catalogue import Catalogue
from command_handler.desk import CommandDesk
from command_handler.languages import Languages
from command_handler.parsing import Command, Confirmation, parse
from command_handler.replies import Reply, as_html
from command_handler.switchboard import Job, Said, Switchboard
from prime_jennie.domain.health import DependencyHealth, DependencyStatus
from prime_jennie.domain.reader import Language
from prime_jennie.infra.clients.telegram import Delivered, TelegramSender, telegram_bot
from prime_jennie.infra.clock import RealClock
from prime_jennie.infra.database.repositories.configs import ConfigRepository
from prime_jennie.infra.logging import mask_text
from prime_jennie.infra.outages import OUTAGES
from prime_jennie.infra.tasks import end_tasks

if TYPE_CHECKING:  # the library is imported only where a token is set
    from telegram import Bot, Message, Update

PREFIX: Final = "telegram:"
STRANGER_EVERY: Final = timedelta(hours=1)
MOST_STRANGERS: Final = 1_000
PAUSES_SECS: Final = (0.2, 1.0, 3.0, 10.0, 30.0)  # real, after failed polls
LONGEST_NAME: Final = 40
MENU_CHARS: Final = 256
log = structlog.get_logger(__name__)


class TelegramPost:
    """Sends replies to the allowed chats."""

    def __init__(self, desk: CommandDesk, sender: TelegramSender, languages: Languages) -> None:
        self._sender = sender
        self._languages = languages
        self._chats = tuple(chat_name(chat) for chat in desk.settings.telegram_chat_ids)

    @property
    def chats(self) -> Sequence[str]:
        """Return the allowed chats."""
        return self._chats

    async def deliver(self, chat: str, reply: Reply) -> Delivered:
        """Send a reply in the chat's language."""
        html = as_html(reply, await self._languages.of(chat))
        (delivery,) = await self._sender.send([int(chat.removeprefix(PREFIX))], html)
        return delivery.outcome


class Strangers:
    """Chats that are not allowed: never answered, logged once an hour each, counted."""

    def __init__(self) -> None:
        self._logged: dict[int, float] = {}
        self.count = 0

    def note(self, chat_id: int, at_secs: float) -> bool:
        """Count a stranger's message; True when it is to be logged."""
        self.count += 1
        metrics.STRANGERS.inc()
        last = self._logged.get(chat_id)
        if last is not None and at_secs - last < STRANGER_EVERY.total_seconds():
            return False
        if len(self._logged) >= MOST_STRANGERS:
            self._logged.pop(next(iter(self._logged)))
        self._logged[chat_id] = at_secs
        return True


class TelegramCommands:
    """Polls for messages and hands those of allowed chats to the switchboard."""

    def __init__(self, desk: CommandDesk, switchboard: Switchboard, post: TelegramPost, catalogue: Catalogue) -> None:
        self._desk = desk
        self._settings = desk.settings
        self._switchboard = switchboard
        self._post = post
        self._catalogue = catalogue
        self._configs = ConfigRepository(desk.db)
        self._allowed = frozenset(desk.settings.telegram_chat_ids)
        self._wall = RealClock()
        self._answering: set[asyncio.Task[None]] = set()
        self._offset: int | None = None
        self.strangers = Strangers()
        self.last_update_id: int | None = None
        self.trouble: str | None = None
        """Why no commands come right now, None while Telegram answers."""

    async def poll(self) -> None:
        """Poll for ever; what Telegram refuses or cuts is waited out."""
        from telegram.error import TelegramError

        token = self._settings.telegram_bot_token
        if token is None:
            raise ValueError("without a token there is no Telegram")
        timeout_secs = self._settings.telegram_timeout_secs
        bot_id = token.get_secret_value().partition(":")[0]  # the public half; asking getMe could show the other one
        failures = 0
        try:
            async with telegram_bot(token, self._settings.telegram_url, timeout_secs=timeout_secs) as bot:
                await self._restore_offset(bot_id)
                await self._show_menu(bot)
                while True:
                    try:
                        updates = await bot.get_updates(
                            offset=self._offset,
                            timeout=self._settings.telegram_poll_secs,
                            allowed_updates=["message"],
                        )
                    except TelegramError as error:
                        self._interrupted(error)
                        await asyncio.sleep(PAUSES_SECS[min(failures, len(PAUSES_SECS) - 1)])
                        failures += 1
                        continue
                    failures = 0
                    self._works()
                    for update in updates:
                        await self._take(bot_id, update)
                    if updates:
                        await self._keep_offset(bot_id)
        finally:
            await end_tasks(self._answering)

    def health(self) -> dict[str, DependencyHealth]:
        """Return an entry for /health while no commands come."""
        if self.trouble is None:
            return {}
        return {"telegram": DependencyHealth(status=DependencyStatus.DEGRADED, message=self.trouble[:200])}

    async def _take(self, bot_id: str, update: "Update") -> None:
        """Take one update before the next is looked at; it is answered beside the poll, so none waits for another."""
        self._offset = update.update_id + 1
        self.last_update_id = update.update_id
        message = update.message
        if message is None or not message.text or (message.from_user is not None and message.from_user.is_bot):
            return
        if message.chat.id not in self._allowed:
            if self.strangers.note(message.chat.id, self._wall.now().timestamp()):
                log.warning("message of a chat that is not allowed", chat_id=message.chat.id)
            return
        if not _is_meant_for_us(message):
            return
        said = Said(
            message_id=f"{PREFIX}{bot_id}:{update.update_id}",
            chat=chat_name(message.chat.id),
            who=_who(message),
            text=message.text,
            age_secs=max(0.0, (self._wall.now() - message.date).total_seconds()),
        )
        taken = await self._switchboard.take(said)
        if taken is None:
            return
        task = asyncio.create_task(self._answer(said.chat, taken), name="answer")
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)

    async def _answer(self, chat: str, taken: Job | Reply) -> None:
        try:
            reply = await self._switchboard.act(taken) if isinstance(taken, Job) else taken
            await self._post.deliver(chat, reply)
        except Exception:  # the next command must still be answered
            log.exception("answer failed", chat=chat)

    async def _restore_offset(self, bot_id: str) -> None:
        """Go on behind the last update that was taken; without a database the audit rows decide all the same."""
        if self._offset is not None:
            return
        try:
            row = await self._configs.get(_offset_key(bot_id))
        except OUTAGES as error:
            log.warning("offset not read", error=type(error).__name__)
            return
        if row is not None and row.config_value.isdecimal():
            self._offset = int(row.config_value)

    async def _keep_offset(self, bot_id: str) -> None:
        now = self._desk.clock.now()
        try:
            await self._configs.put(
                _offset_key(bot_id), str(self._offset), who="command-handler", at=now, description="the next update"
            )
        except OUTAGES as error:
            log.warning("offset not kept", error=type(error).__name__)

    async def _show_menu(self, bot: "Bot") -> None:
        """Fill the client's menu of commands; without it everything works."""
        from telegram import BotCommand
        from telegram.error import TelegramError

        language = self._settings.command_language
        menu = [BotCommand(spec.name, spec.does.said_in(language)[:MENU_CHARS]) for spec in self._catalogue.specs]
        try:
            await bot.set_my_commands(menu)
            if language is Language.KOREAN:
                english = [BotCommand(spec.name, spec.does.en[:MENU_CHARS]) for spec in self._catalogue.specs]
                await bot.set_my_commands(english, language_code="en")
        except TelegramError as error:
            log.info("menu not shown", error=mask_text(f"{type(error).__name__}: {error}"))

    def _works(self) -> None:
        if self.trouble is not None:
            log.info("telegram answers again")
        self.trouble = None

    def _interrupted(self, error: Exception) -> None:
        trouble = mask_text(f"{type(error).__name__}: {error}")
        if trouble != self.trouble:
            log.warning("no commands from telegram", error=trouble)
        self.trouble = trouble


def chat_name(chat_id: int) -> str:
    """Return a chat's name in rows and keys."""
    return f"{PREFIX}{chat_id}"


def _is_meant_for_us(message: "Message") -> bool:
    """Tell whether a message is ours to answer: in a group people also talk with each other."""
    from telegram.constants import ChatType

    return message.chat.type == ChatType.PRIVATE or isinstance(parse(message.text or ""), Command | Confirmation)


def _who(message: "Message") -> str:
    """Name the writer; the id in it makes it one person, whatever somebody calls himself."""
    if message.from_user is None:
        return f"chat {message.chat.id}"
    name = "".join(char for char in message.from_user.full_name if char.isprintable())[:LONGEST_NAME]
    return f"{name} ({message.from_user.id})"


def _offset_key(bot_id: str) -> str:
    return f"command-handler:telegram-offset:{bot_id}"
