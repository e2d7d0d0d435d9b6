"""Note what was found where, and what was not found at all."""

from dataclasses import dataclass, field
from typing import TypeVar

from prime_jennie.domain.briefing import Missing

T = TypeVar("T")

"""How Redis and the gateway fail to answer; each costs its figure and nothing else."""


@dataclass
class Notes:
    """The sources and gaps of one briefing."""

    missing: list[Missing] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)

    def lack(self, what: Missing) -> None:
        """Note a gap."""
        if what not in self.missing:
            self.missing.append(what)

    def found(self, what: str, source: str) -> None:
        """Note where something was found."""
        self.sources[what] = source

    def first(self, what: Missing, *candidates: tuple[str, T | None]) -> T | None:
        """Return the first value that is known, of (source, value); a gap where none is."""
        for source, value in candidates:
            if value is not None:
                self.found(what.value, source)
                return value
        self.lack(what)
        return None
