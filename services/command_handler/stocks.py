"""Find the stock that somebody names by its code or its Korean name."""

from dataclasses import dataclass

from command_handler.phrases import Phrase
from command_handler.replies import WrongArgument
from prime_jennie.domain.symbols import StockMaster, is_stock_code
from prime_jennie.infra.database.engines import Database
from prime_jennie.infra.database.repositories.masters import MasterRepository

MOST_CANDIDATES = 8


@dataclass(frozen=True, slots=True)
class Stock:
    """A stock by code and name; the name of one that no master lists is its code."""

    code: str
    name: str

    @property
    def label(self) -> str:
        """Write both, the code once where it is all there is."""
        return self.code if self.name == self.code else f"{self.name} {self.code}"


class StockFinder:
    """Looks codes and names up in the master."""

    def __init__(self, db: Database) -> None:
        self._masters = MasterRepository(db)

    async def find(self, text: str) -> Stock:
        """Return the one stock that is meant; raise WrongArgument with the candidates, or when there is none.

        A well-formed code that no master lists is taken as it is: the exchange will say whether it knows it.
        """
        if not text:
            raise WrongArgument(Phrase("종목 코드나 이름을 적으십시오", "name a stock by its code or name"))
        code = text.upper()
        if is_stock_code(code) and (listed := await self._masters.find(code)) is not None:
            return Stock(code, listed.master.stock_name)
        matches = await self._masters.matching(text, limit=MOST_CANDIDATES + 1)
        exact = [master for master in matches if _folded(master.stock_name) == _folded(text)]
        if len(exact) == 1 or len(matches) == 1:
            found = (exact or matches)[0]
            return Stock(found.stock_code, found.stock_name)
        if matches:
            raise WrongArgument(_candidates(text, exact or matches))
        if is_stock_code(code) and any(char.isdigit() for char in code):
            return Stock(code, code)
        raise WrongArgument(Phrase(f"'{text}': 그런 종목이 없습니다", f"'{text}': there is no such stock"))


def _candidates(text: str, matches: list[StockMaster]) -> Phrase:
    names = ", ".join(f"{master.stock_name} {master.stock_code}" for master in matches[:MOST_CANDIDATES])
    more = " …" if len(matches) > MOST_CANDIDATES else ""
    return Phrase(f"'{text}'에 맞는 종목이 여럿입니다: {names}{more}", f"'{text}' may be: {names}{more}")


def _folded(name: str) -> str:
    return name.replace(" ", "").casefold()
