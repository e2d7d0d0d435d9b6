"""Why a purchase is refused: the rule's name for a machine, the reason with its numbers for a person."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Refusal:
    """One rule's no; `rule` is stable and counts, `reason` is prose and may change."""

    rule: str
    reason: str

    def __str__(self) -> str:
        return f"{self.rule}: {self.reason}"
