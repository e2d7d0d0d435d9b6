"""Every command: how it is called, what it does, and how carefully it is taken."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from command_handler.desk import Ask
from command_handler.phrases import Phrase
from command_handler.replies import Question, Reply

Handler = Callable[[Ask], Awaitable[Reply | Question]]


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """One command.

    `changes`: it changes something, so it needs its audit row first. `stales`: it may move money or set trading free,
    so it is not carried out late. `urgent`: it only ever reduces what may happen, so neither pace nor a slow
    neighbour keeps it.
    """

    name: str
    usage: Phrase
    does: Phrase
    run: Handler
    changes: bool = False
    stales: bool = False
    urgent: bool = False
    aliases: tuple[str, ...] = ()


class Catalogue:
    """Commands by name and alias, in the order in which /help shows them."""

    def __init__(self, specs: tuple[CommandSpec, ...]) -> None:
        self.specs = specs
        self._by_name: Mapping[str, CommandSpec] = {name: spec for spec in specs for name in (spec.name, *spec.aliases)}

    def find(self, name: str) -> CommandSpec | None:
        """Return a command; None for a name that nobody knows."""
        return self._by_name.get(name)
