"""What the chart's values are made of: checked texts and the blocks that many of them share."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

PortNumber = Annotated[int, Field(ge=1, le=65535)]
Quantity = Annotated[str, Field(pattern=r"^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$")]
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$", max_length=253)]
ImageName = Annotated[str, Field(pattern=r"^[a-z0-9]\S*[:@]\S+$", max_length=500)]
CronLine = Annotated[str, Field(pattern=r"^[0-9*,/-]+( +[0-9*,/-]+){4}$", max_length=100)]


class Values(BaseModel):
    """Refuse unknown fields, so that a misspelt value is an error and not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Resources(Values):
    """Kubernetes' requests and limits, passed through."""

    requests: dict[str, Quantity] = {}
    limits: dict[str, Quantity] = {}

    def render(self) -> dict[str, Any]:
        return {k: dict(v) for k, v in (("requests", self.requests), ("limits", self.limits)) if v}
