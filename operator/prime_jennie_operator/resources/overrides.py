"""How one of a strategy's services runs where it differs from the platform's ways."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import BeforeValidator, Field, StringConstraints, WithJsonSchema, model_validator

from prime_jennie.domain.spec import CelRule, Count, Flag, Spec
from prime_jennie_operator.resources.meta import keyed_by

# What the operator sets itself; a person's value would give the process another identity or another broker.
RESERVED_ENV = ("JENNIE_STRATEGY", "JENNIE_STRATEGY_FILE", "JENNIE_SERVICE_TOKEN", "KIS_GATEWAY_URL", "HOST", "PORT")

QUANTITY_PATTERN: Final = "^[0-9]{1,12}([.][0-9]{1,6})?([numkMGTPE]|[KMGTPE]i)?$"
LONGEST_QUANTITY: Final = 22
_POWERS: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 1, "Mi": 2, "Gi": 3, "Ti": 4, "Pi": 5, "Ei": 6}


def _as_text(given: object) -> object:
    return str(given) if isinstance(given, int) and not isinstance(given, bool) else given


# Kubernetes takes `cpu: 1` as well as `cpu: 500m`.
Quantity = Annotated[
    str,
    BeforeValidator(_as_text),
    StringConstraints(pattern=QUANTITY_PATTERN, max_length=LONGEST_QUANTITY),
    WithJsonSchema(
        {"x-kubernetes-int-or-string": True, "minimum": 0, "pattern": QUANTITY_PATTERN, "maxLength": LONGEST_QUANTITY}
    ),
]
LABEL_PATTERN: Final = "^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$"
LabelValue = Annotated[str, StringConstraints(pattern=LABEL_PATTERN, max_length=63)]


def amount(quantity: str) -> Decimal:
    """Return a checked quantity as a number: 0.1 for 100m."""
    match = re.fullmatch(r"([0-9.]+)([a-zA-Z]*)", quantity)
    number, unit = match.groups() if match else ("0", "")
    factor = Decimal(1024) ** _BINARY[unit] if unit in _BINARY else Decimal(10) ** _POWERS[unit]
    return Decimal(number) * factor


class EnvVar(Spec):
    """One environment variable."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            f"!self.name.startsWith('KIS_') && !(self.name in {list(RESERVED_ENV)!r})",
            f"the operator sets {', '.join(RESERVED_ENV)} and KIS_… itself; they cannot be overridden",
        ),
    )

    name: str = Field(pattern="^[A-Z_][A-Z0-9_]*$", max_length=100, description="such as LOG_LEVEL")
    value: str = Field(max_length=4096, description="a text; numbers stand in quotes")

    @model_validator(mode="after")
    def _not_ours(self) -> Self:
        if self.name in RESERVED_ENV or self.name.startswith("KIS_"):
            raise ValueError(self.CEL_RULES[0].message)
        return self


class Toleration(Spec):
    """Kubernetes' toleration of a node's taint."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "!has(self.operator) || self.operator != 'Exists' || !has(self.value) || self.value == ''",
            "value must be left out where operator is Exists",
        ),
        CelRule(
            "(has(self.key) && self.key != '') || (has(self.operator) && self.operator == 'Exists')",
            "operator must be Exists where key is left out",
        ),
        CelRule(
            "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            "tolerationSeconds needs effect NoExecute",
        ),
    )

    key: str | None = Field(default=None, max_length=317, description="the taint's key; without it, every taint")
    operator: Literal["Exists", "Equal"] | None = Field(default=None, description="Equal unless told")
    value: str | None = Field(default=None, max_length=63, description="the taint's value")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="the taint's effect; without it, every effect"
    )
    toleration_seconds: Count | None = Field(default=None, description="how long a NoExecute taint is borne")

    @model_validator(mode="after")
    def _as_kubernetes_wants_it(self) -> Self:
        no_value, every_key, only_no_execute = (rule.message for rule in self.CEL_RULES)
        if self.operator == "Exists" and self.value:
            raise ValueError(no_value)
        if not self.key and self.operator != "Exists":
            raise ValueError(every_key)
        if self.toleration_seconds is not None and self.effect != "NoExecute":
            raise ValueError(only_no_execute)
        return self


class ResourceNeeds(Spec):
    """Kubernetes' requests and limits."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "!has(self.requests) || !has(self.limits) || self.requests.all(k, !(k in self.limits) || "
            "quantity(string(self.requests[k])).compareTo(quantity(string(self.limits[k]))) <= 0)",
            "resources.requests must not exceed resources.limits",
        ),
    )

    requests: dict[str, Quantity] = Field(default={}, max_length=10, description="reserved amounts, such as cpu: 100m")
    limits: dict[str, Quantity] = Field(default={}, max_length=10, description="upper bounds, such as memory: 512Mi")

    @model_validator(mode="after")
    def _requests_fit(self) -> Self:
        if any(amount(wanted) > amount(self.limits.get(name, wanted)) for name, wanted in self.requests.items()):
            raise ValueError(self.CEL_RULES[0].message)
        return self

    def render(self) -> dict[str, dict[str, str]]:
        return {key: value for key, value in (("requests", self.requests), ("limits", self.limits)) if value}


class ServiceOverrides(Spec):
    """How one of the strategy's services runs; a change here restarts that service, outside the session."""

    CEL_RULES: ClassVar[tuple[CelRule, ...]] = (
        CelRule(
            "!has(self.env) || self.env.all(a, self.env.exists_one(b, a.name == b.name))",
            "env must name each variable once",
        ),
    )

    enabled: Flag = Field(default=True, description="false: this service does not run")
    image: str | None = Field(
        default=None,
        pattern="^[^ \\t\\n]+$",
        max_length=500,
        description="image to run instead of the platform's",
    )
    resources: ResourceNeeds | None = Field(default=None, description="CPU and memory instead of the chart's")
    env: tuple[EnvVar, ...] = Field(
        default=(), max_length=50, json_schema_extra=keyed_by("name"), description="further environment"
    )
    node_selector: dict[str, LabelValue] = Field(
        default={}, max_length=20, description="labels of the nodes it may run on"
    )
    tolerations: tuple[Toleration, ...] = Field(
        default=(), max_length=20, description="taints of nodes that it accepts"
    )

    @model_validator(mode="after")
    def _names_once(self) -> Self:
        if len({variable.name for variable in self.env}) != len(self.env):
            raise ValueError(self.CEL_RULES[0].message)
        return self
