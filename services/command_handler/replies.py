"""What a command answers, and how a chat or a console shows it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum

from command_handler.phrases import Phrase
from prime_jennie.domain.reader import Language
from prime_jennie.infra.clients.telegram_text import escaped


class Outcome(StrEnum):
    """What came of a command, as its audit row tells."""

    ANSWERED = "answered"
    DONE = "done"
    ASKED = "asked to confirm"
    REFUSED = "refused"
    WRONG = "wrong argument"
    UNKNOWN_COMMAND = "unknown command"
    TOO_FAST = "too fast"
    TOO_OLD = "too old"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Reply:
    """A heading and lines; nothing in them is markup."""

    title: Phrase
    lines: tuple[Phrase, ...] = ()
    outcome: Outcome = Outcome.ANSWERED


@dataclass(frozen=True, slots=True)
class Question:
    """Something to confirm before it is done; `act` gets the id of the message that confirms."""

    title: Phrase
    lines: tuple[Phrase, ...]
    act: Callable[[str], Awaitable[Reply]]


class WrongArgument(Exception):  # noqa: N818 - it says what is wrong with what was typed
    """The arguments are not what the command takes: nothing is done, the right usage is told."""

    def __init__(self, why: Phrase) -> None:
        super().__init__(why.en)
        self.why = why


class Refused(Exception):  # noqa: N818 - a definite no
    """The command is understood and not carried out, for a reason that a person can act on."""

    def __init__(self, title: Phrase, *lines: Phrase) -> None:
        super().__init__(title.en)
        self.reply = Reply(title, lines, Outcome.REFUSED)


def done(title: Phrase, *lines: Phrase) -> Reply:
    """Answer that something was carried out."""
    return Reply(title, lines, Outcome.DONE)


def told(title: Phrase, *lines: Phrase) -> Reply:
    """Answer a question."""
    return Reply(title, lines)


def as_html(reply: Reply, language: Language) -> str:
    """Write a reply for Telegram: every character of it is shown, none is markup."""
    lines = [escaped(line.said_in(language)) for line in reply.lines]
    return "\n".join([f"<b>{escaped(reply.title.said_in(language))}</b>", *lines])


def as_text(reply: Reply, language: Language) -> str:
    """Write a reply for a console, where control characters could play tricks."""
    lines = [line.said_in(language) for line in (reply.title, *reply.lines)]
    return "\n".join("".join(char if char.isprintable() else "�" for char in line) for line in lines)
