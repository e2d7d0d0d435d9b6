"""Figures of the world as a test says them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from prime_jennie.domain.errors import Unavailable


@dataclass
class InMemoryFigures:
    """Twin of the public services' clients: values by day, or away."""

    name: str
    figures: tuple[str, ...]
    values: dict[date, Mapping[str, float]] = field(default_factory=dict)
    is_down: bool = False

    async def read(self, day: date) -> Mapping[str, float]:
        if self.is_down or day not in self.values:
            raise Unavailable(f"{self.name} has no value of {day}")
        return self.values[day]
