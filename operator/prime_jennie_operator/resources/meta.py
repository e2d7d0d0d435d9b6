"""What every kind of ours has: identity, labels, conditions."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from prime_jennie.domain.spec import Spec

GROUP: Final = "trading.prime-jennie.io"
VERSION: Final = "v1alpha1"
API_VERSION: Final = "trading.prime-jennie.io/v1alpha1"

# A DNS label with room for the longest suffix of a child's name within 63 characters.
# No dot: a token is `name.signature`.
ResourceName = Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=40)]
Namespace = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$", min_length=1, max_length=63)]


class ObjectMeta(BaseModel):
    """The part of Kubernetes' metadata that matters here; the API server's own fields are let through."""

    model_config = ConfigDict(frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True)

    name: ResourceName
    namespace: Namespace = "default"
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    uid: str | None = None
    generation: Annotated[int, Field(ge=1)] = 1


class Condition(Spec):
    """One aspect of the state, in the form that `kubectl wait` understands."""

    type: str
    status: Literal["True", "False", "Unknown"]
    reason: str = Field(description="one word for programs, such as InvalidSpec")
    message: str = Field(default="", description="one sentence for people")
    last_transition_time: str | None = Field(default=None, description="when the status last changed (RFC 3339)")
    observed_generation: int | None = Field(default=None, description="the spec's generation that this is about")
