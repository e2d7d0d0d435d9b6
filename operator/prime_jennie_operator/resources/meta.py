"""What every kind of ours has: identity, labels, conditions."""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from prime_jennie.domain.spec import CelRule, Count, Spec

GROUP: Final = "trading.prime-jennie.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = "trading.prime-jennie.io/v1alpha1"

# A DNS label with room for the longest suffix of a child's name within 63 characters.
# No dot: a token is `name.signature`.
NAME_PATTERN: Final = "^[a-z]([-a-z0-9]*[a-z0-9])?$"
LONGEST_NAME: Final = 40
NAME_MESSAGE: Final = f"at most {LONGEST_NAME} of a-z, 0-9 and -, beginning with a letter and not ending with -"
NAME_RULE: Final = CelRule(
    f"self.metadata.name.matches('{NAME_PATTERN}') && size(self.metadata.name) <= {LONGEST_NAME}",
    f"metadata.name: {NAME_MESSAGE}",
)


def check_name(name: str) -> str:
    """Refuse a name in the words of NAME_RULE."""
    if len(name) > LONGEST_NAME or not re.fullmatch(NAME_PATTERN, name):
        raise ValueError(f"{NAME_MESSAGE}, not {name!r}")
    return name


ResourceName = Annotated[str, Field(pattern=NAME_PATTERN, min_length=1, max_length=LONGEST_NAME)]
Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=63)]


class ObjectMeta(BaseModel):
    """The part of Kubernetes' metadata that matters here; the API server's own fields are let through."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)

    name: Annotated[str, AfterValidator(check_name)]
    namespace: Namespace = "default"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    uid: str | None = None
    generation: Annotated[int, Field(ge=1)] = 1
    creation_timestamp: datetime | None = None
    deletion_timestamp: datetime | None = None


def keyed_by(name: str) -> dict[str, Any]:
    """Say that a field tells a list's entries apart, so that server-side apply merges them one by one."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [name]}


class ConditionType(StrEnum):
    """The aspects of an object's state; READY and RECONCILIATION_PAUSED every kind has, SUSPENDED a schedule."""

    READY = "Ready"
    PROGRESSING = "Progressing"
    GATEWAY_READY = "GatewayReady"
    TRADING_ENABLED = "TradingEnabled"
    BUDGET_GRANTED = "BudgetGranted"
    ROLLOUT_PENDING = "RolloutPending"
    RECONCILIATION_PAUSED = "ReconciliationPaused"
    FIGURES_CURRENT = "FiguresCurrent"
    SUSPENDED = "Suspended"


class Condition(Spec):
    """One aspect of the state, in the form that `kubectl wait` understands."""

    type: str = Field(max_length=100, description="which aspect, such as Ready")
    status: Literal["True", "False", "Unknown"] = Field(description="whether it holds")
    reason: str = Field(max_length=200, description="one word for programs, such as InvalidSpec")
    message: str = Field(default="", max_length=4000, description="one sentence for people")
    last_transition_time: str | None = Field(
        default=None, json_schema_extra={"format": "date-time"}, description="when the status last changed"
    )
    observed_generation: Count | None = Field(default=None, description="the spec's generation that this is about")


Conditions = Annotated[
    tuple[Condition, ...],
    Field(max_length=20, json_schema_extra=keyed_by("type"), description="the state, aspect by aspect"),
]
