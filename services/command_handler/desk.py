"""What every command works with."""

from dataclasses import dataclass
from datetime import datetime

from redis.asyncio import Redis

from command_handler.config import CommandSettings
from command_handler.phrases import Phrase
from prime_jennie.domain.broker import AccountInfo
from prime_jennie.domain.ports import Clock, Gateway
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.outages import Outages

NAME = "command-handler"


@dataclass(frozen=True)
class CommandDesk:
    """Connections, and whose account it is."""

    settings: CommandSettings
    clock: Clock
    redis: Redis
    db: Database
    gateway: Gateway
    sessions: SessionTable
    outages: Outages
    namespace: str
    account: AccountInfo
    halts: HaltDesk

    @property
    def account_no(self) -> str:
        """Return the account that all rows are keyed by."""
        return self.account.account_no


@dataclass(frozen=True, slots=True)
class Ask:
    """One command on its way to its handler; `who` is a person, `chat` where the answer goes."""

    message_id: str
    chat: str
    who: str
    at: datetime
    words: tuple[str, ...] = ()
    strategy: str | None = None

    @property
    def rest(self) -> str:
        """Return all words as one text."""
        return " ".join(self.words)


def outage_phrase(error: Exception) -> Phrase:
    """Say what did not answer."""
    text = str(error)
    for word, ko, en in (
        ("database", "데이터베이스가 응답하지 않습니다", "the database does not answer"),
        ("gateway", "게이트웨이가 응답하지 않습니다", "the gateway does not answer"),
        ("redis", "Redis가 응답하지 않습니다", "Redis does not answer"),
    ):
        if word in text.lower() or word in type(error).__module__:
            return Phrase(ko, en)
    return Phrase(f"응답이 없습니다 ({type(error).__name__})", f"no answer ({type(error).__name__})")
