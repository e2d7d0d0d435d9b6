"""/help: what can be said."""

from command_handler.commands.catalogue import Catalogue, CommandSpec
from command_handler.desk import Ask
from command_handler.phrases import Phrase, same
from command_handler.replies import Outcome, Reply, told


class Helping:
    """Lists the catalogue, which is known once every command is."""

    def __init__(self) -> None:
        self.catalogue = Catalogue(())

    async def help(self, ask: Ask) -> Reply:
        """List every command, or explain one."""
        spec = self.catalogue.find(ask.words[0].removeprefix("/").lower()) if ask.words else None
        if spec is not None:
            return told(spec.usage, spec.does)
        return self.listing(Phrase("명령", "Commands"), Outcome.ANSWERED)

    def listing(self, title: Phrase, outcome: Outcome, *first: Phrase) -> Reply:
        """List every command under a heading."""
        foot = Phrase(
            "종목은 코드나 이름. 전략이 여럿이면 @전략을 덧붙입니다",
            "A stock is a code or a Korean name; add @strategy where there are several",
        )
        return Reply(title, (*first, *(usage_line(spec) for spec in self.catalogue.specs), foot), outcome)


def usage_line(spec: CommandSpec) -> Phrase:
    """Write a command and what it does."""
    return spec.usage + same(" - ") + spec.does
