"""What every command works with."""

from dataclasses import dataclass
from datetime import datetime

from redis.asyncio import Redis

from command_handler.config import CommandSettings
from command_handler.phrases import Phrase, worded
from prime_jennie.domain.broker import AccountInfo
from prime_jennie.domain.buying import Reason, ReasonCode
from prime_jennie.domain.ports import Clock, Gateway
from prime_jennie.domain.sessions import SessionTable
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.halts import HaltDesk
from prime_jennie.infra.outages import Outages, who_is_silent

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
    return worded(Reason(ReasonCode.SILENT, {"who": who_is_silent(error)}))
