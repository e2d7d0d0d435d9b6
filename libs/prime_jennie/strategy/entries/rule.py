"""What every entry strategy is made of: parameters, a rule, a match."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from prime_jennie.domain.errors import BadInput
from prime_jennie.domain.signals import SignalType
from prime_jennie.strategy.scan_view import ScanView


class EntryParameters(BaseModel):
    """A strategy's thresholds, named in camelCase in a TradingStrategy; unknown names are refused."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True, allow_inf_nan=False
    )


@dataclass(frozen=True, slots=True)
class EntryMatch:
    """A strategy whose conditions hold, with the numbers that made them hold."""

    signal_type: SignalType
    reason: str


ParametersT = TypeVar("ParametersT", bound=EntryParameters)


@dataclass(frozen=True, slots=True)
class ActiveEntry:
    """A strategy that is switched on, its parameters bound."""

    name: SignalType
    parameters: EntryParameters
    evaluate: Callable[[ScanView], EntryMatch | None]


@dataclass(frozen=True, slots=True)
class EntryRule(Generic[ParametersT]):
    """A strategy as this version knows it."""

    name: SignalType
    parameters: type[ParametersT]
    evaluate: Callable[[ScanView, ParametersT], EntryMatch | None]
    by_default: bool = True
    """False: it runs only where a TradingStrategy lists it."""

    def activate(self, values: Mapping[str, float], *, where: str) -> ActiveEntry:
        """Bind parameters to the rule, or refuse what it does not know; `where` names the list's item."""
        try:
            parameters = self.parameters.model_validate(dict(values))
        except ValidationError as refusal:
            told = BadInput.from_validation(where, refusal)
            known = ", ".join(field.alias or key for key, field in self.parameters.model_fields.items())
            field = ".".join(part for part in ("parameters", told.field) if part)
            raise BadInput(where, field, f"{told.reason} ({self.name} knows: {known})") from refusal
        return ActiveEntry(self.name, parameters, lambda view: self.evaluate(view, parameters))
