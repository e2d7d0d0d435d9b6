"""The chart's values about models of our own: vLLM's servers, the GPUs they stand on, when these are given back."""

from __future__ import annotations

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from prime_jennie_operator.desired.value_types import (
    CronLine,
    ImageName,
    ObjectName,
    PortNumber,
    Quantity,
    Resources,
    Values,
)


class Embeddings(Values):
    base_url: str
    model: str


class ModelCache(Values):
    """Where a model server keeps what it downloaded."""

    storage: Quantity
    existing_claim: str


class ModelServer(Values):
    """One model, served by vLLM in the OpenAI dialect."""

    enabled: bool
    port: PortNumber
    model: Annotated[str, Field(min_length=1)]
    revision: str
    served_name: Annotated[str, Field(min_length=1)]
    args: tuple[str, ...]
    gpus: Annotated[int, Field(ge=1, le=8)]
    gpu_memory_utilization: Annotated[float, Field(gt=0, le=1)]
    max_model_len: Annotated[int, Field(ge=256)]
    shared_memory: Quantity
    cache: ModelCache
    resources: Resources


class Gpu(Values):
    """Which nodes carry GPUs and how a pod asks for one."""

    resource: Annotated[str, Field(pattern=r"^[a-z0-9.-]+/[a-zA-Z0-9._-]+$")]
    shared: bool
    node_selector: dict[str, str]
    tolerations: tuple[dict[str, Any], ...]
    runtime_class: str


class Parking(Values):
    """When the model servers give their GPUs back."""

    enabled: bool
    wake: CronLine
    park: CronLine
    time_zone: Annotated[str, Field(min_length=1)]
    resources: Resources


class Vllm(Values):
    image: ImageName
    credentials_secret: ObjectName
    startup_budget_secs: Annotated[int, Field(ge=60, le=7200)]
    gpu: Gpu
    parking: Parking
    llm: ModelServer
    embed: ModelServer

    @model_validator(mode="after")
    def _fits_one_gpu(self) -> Self:
        both = self.llm.enabled and self.embed.enabled and self.gpu.shared
        # In whole hundredths: 0.95 + 0.05 is more than 1 to a machine.
        if both and round(100 * self.llm.gpu_memory_utilization) + round(100 * self.embed.gpu_memory_utilization) > 100:
            raise ValueError("llm and embed share one GPU: their gpuMemoryUtilization must add up to at most 1")
        if self.gpu.shared and max(self.llm.gpus, self.embed.gpus) > 1:
            raise ValueError("gpu.shared is for one GPU: gpus must be 1")
        return self
