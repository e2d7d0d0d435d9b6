"""The Bot API's twin on loopback: getMe, getUpdates, sendMessage and what a bot asks around them.

with TelegramApi(chats={7}) as telegram:
    bot = Bot(telegram.token, base_url=telegram.base_url)
    telegram.says(7, "/status")                 # comes out of getUpdates
    telegram.fail("sendMessage", flood(1))      # the next sendMessage is refused
    telegram.wait_for(1)[0].text                # what the chat shows, entities resolved; `.html` as it was sent
"""

import re
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tests.support.http_twin import Answer, HttpTwin
from tests.support.telegram_html import CannotParseError, plain_text

TOKEN = "123456789:" + "AAEhBOweik6ad9r_QXMENQjcrGbqCr4K-bc"
LONGEST_TEXT = 4_096
_PATH = re.compile(r"/bot(?P<token>[^/]*)/(?P<method>\w+)")
_COMMAND = re.compile(r"/[A-Za-z0-9_]{1,32}(?:@\w+)?")


@dataclass(frozen=True)
class Fault:
    """How one request goes wrong."""

    status: int = 500
    description: str = "Internal Server Error"
    retry_after: int | None = None
    hang_secs: float = 0.0
    """Wait so long, then do as if nothing had been wrong."""
    lost: bool = False
    """Do what is asked and cut the connection without an answer."""


def flood(retry_after_secs: int) -> Fault:
    """Too many requests; come back in so many seconds."""
    return Fault(429, f"Too Many Requests: retry after {retry_after_secs}", retry_after=retry_after_secs)


@dataclass(frozen=True)
class SentMessage:
    """One message as a chat received it."""

    message_id: int
    chat_id: int
    html: str
    text: str
    at: float
    """Monotonic seconds."""
    parameters: Mapping[str, Any]


class TelegramApi(HttpTwin):
    """One bot and the chats that have started it; a message to any other chat is refused."""

    def __init__(self, chats: Collection[int] = (), *, token: str = TOKEN) -> None:
        super().__init__()
        self.token = token
        self.chats = set(chats)
        self.blocked: set[int] = set()
        """Chats whose owner has blocked the bot."""
        self.sent: list[SentMessage] = []
        self.calls: list[tuple[str, Mapping[str, Any]]] = []
        """Every request of a known method with the right token, in order, refused ones too."""
        self.commands: list[Any] = []
        self._faults: dict[str, deque[Fault]] = defaultdict(deque)
        self._updates: list[dict[str, Any]] = []
        self._pushed: dict[int, dict[str, Any]] = {}
        self._next_update = 870_000_001
        self._next_message = 1
        self._poll = 0
        self._changed = threading.Condition()

    @property
    def base_url(self) -> str:
        """Return what a bot is given as `base_url`; the token follows it."""
        return f"http://127.0.0.1:{self.port}/bot"

    # What a test does

    def says(self, chat_id: int, text: str, *, user_id: int | None = None, name: str = "Owner", **more: Any) -> int:
        """Have a person write to the bot and return the update's id; `more` goes into the message as it is."""
        with self._changed:
            message = {
                "message_id": self._new_message_id(),
                "date": int(time.time()),
                "chat": {"id": chat_id, "type": "private" if chat_id > 0 else "group", "first_name": name},
                "from": {"id": chat_id if user_id is None else user_id, "is_bot": False, "first_name": name},
                "text": text,
                **({"entities": [_command_entity(match)]} if (match := _COMMAND.match(text)) else {}),
                **more,
            }
        return self.push({"message": message})

    def push(self, update: Mapping[str, Any]) -> int:
        """Add any update (an edited message, a photo) and return its id."""
        with self._changed:
            update_id = self._next_update
            self._next_update += 1
            self._pushed[update_id] = {"update_id": update_id, **update}
            self._updates.append(self._pushed[update_id])
            self._changed.notify_all()
        return update_id

    def again(self, update_id: int) -> None:
        """Deliver an update a second time, as the real API does after a lost confirmation."""
        with self._changed:
            self._updates.insert(0, self._pushed[update_id])
            self._changed.notify_all()

    def fail(self, method: str, *faults: Fault) -> None:
        """Let the next requests of a method go wrong, one fault each."""
        self._faults[method].extend(faults)

    def unread(self) -> list[dict[str, Any]]:
        """Return the updates that no getUpdates has confirmed."""
        with self._changed:
            return list(self._updates)

    def to(self, chat_id: int) -> list[str]:
        """Return the texts a chat shows."""
        with self._changed:
            return [message.text for message in self.sent if message.chat_id == chat_id]

    def wait_for(self, count: int, within_secs: float = 10.0) -> list[SentMessage]:
        """Return the messages once there are so many; fails the test when they do not come."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.sent) >= count, within_secs):
                raise AssertionError(f"{len(self.sent)} of {count} messages after {within_secs} s")
            return list(self.sent)

    # What the bot sees

    def answer(self, path: str, parameters: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        asked = _PATH.fullmatch(path)
        if asked is None or not re.fullmatch(r"\d+:[\w-]+", asked["token"]):
            return _refusal(404, "Not Found")
        if asked["token"] != self.token:
            return _refusal(401, "Unauthorized")
        methods: dict[str, Callable[[Mapping[str, Any]], Answer]] = {
            "getMe": self._get_me,
            "getUpdates": self._get_updates,
            "sendMessage": self._send_message,
            "setMyCommands": self._set_my_commands,
            "deleteWebhook": lambda _: _result(True),
            "sendChatAction": lambda _: _result(True),
        }
        method = next((name for name in methods if name.lower() == asked["method"].lower()), None)
        if method is None:
            return _refusal(404, "Not Found")
        with self._changed:
            self.calls.append((method, dict(parameters)))
            fault = self._faults[method].popleft() if self._faults[method] else None
        if fault is None:
            return methods[method](parameters)
        if fault.hang_secs:
            self.stopping.wait(fault.hang_secs)
            return methods[method](parameters)
        if fault.lost:
            methods[method](parameters)
            return Answer(200, {}, lost=True)
        return _refusal(fault.status, fault.description, fault.retry_after)

    def _get_me(self, _: Mapping[str, Any]) -> Answer:
        number = int(self.token.partition(":")[0])
        return _result({"id": number, "is_bot": True, "first_name": "Jennie", "username": "prime_jennie_bot"})

    def _get_updates(self, parameters: Mapping[str, Any]) -> Answer:
        offset, limit = int(parameters.get("offset") or 0), int(parameters.get("limit") or 100)
        timeout_secs = min(float(parameters.get("timeout") or 0), 50)
        with self._changed:
            self._poll += 1
            mine = self._poll
            self._changed.notify_all()
            if offset > 0:
                self._updates = [update for update in self._updates if update["update_id"] >= offset]
            elif offset < 0:
                self._updates = self._updates[offset:]
            self._changed.wait_for(
                lambda: bool(self._updates) or self._poll != mine or self.stopping.is_set(), timeout_secs
            )
            if self._poll != mine:
                return _refusal(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
                )
            return _result(self._updates[: max(1, min(limit, 100))])

    def _send_message(self, parameters: Mapping[str, Any]) -> Answer:
        html = str(parameters.get("text") or "")
        mode = str(parameters.get("parse_mode") or "")
        try:
            text = plain_text(html) if mode.upper() == "HTML" else html
        except CannotParseError as error:
            return _refusal(400, f"Bad Request: can't parse entities: {error}")
        if not text.strip():
            return _refusal(400, "Bad Request: message text is empty")
        if len(text.encode("utf-16-le")) // 2 > LONGEST_TEXT:
            return _refusal(400, "Bad Request: message is too long")
        try:
            chat_id = int(parameters["chat_id"])
        except (KeyError, ValueError):
            return _refusal(400, "Bad Request: chat_id is empty")
        if chat_id not in self.chats:
            return _refusal(400, "Bad Request: chat not found")
        if chat_id in self.blocked:
            return _refusal(403, "Forbidden: bot was blocked by the user")
        with self._changed:
            message = SentMessage(self._new_message_id(), chat_id, html, text, time.monotonic(), dict(parameters))
            self.sent.append(message)
            self._changed.notify_all()
        return _result(
            {
                "message_id": message.message_id,
                "date": int(time.time()),
                "chat": {"id": chat_id, "type": "private", "first_name": "Owner"},
                "text": text,
            }
        )

    def _set_my_commands(self, parameters: Mapping[str, Any]) -> Answer:
        self.commands.append(parameters.get("commands"))
        return _result(True)

    def _new_message_id(self) -> int:
        number = self._next_message
        self._next_message += 1
        return number


def _command_entity(match: re.Match[str]) -> dict[str, Any]:
    return {"type": "bot_command", "offset": 0, "length": match.end()}


def _result(result: Any) -> Answer:
    return Answer(200, {"ok": True, "result": result})


def _refusal(status: int, description: str, retry_after: int | None = None) -> Answer:
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    return Answer(status, body if retry_after is None else {**body, "parameters": {"retry_after": retry_after}})
