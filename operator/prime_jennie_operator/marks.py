"""Annotations by which a person holds the operator back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from prime_jennie_operator.resources.meta import GROUP

FREEZE_ROLLOUT: Final = f"{GROUP}/freeze-rollout"
PAUSE_RECONCILIATION: Final = f"{GROUP}/pause-reconciliation"


def is_set(annotations: Mapping[str, str], name: str) -> bool:
    """Tell whether a person has set an annotation to true."""
    return annotations.get(name, "").strip().lower() == "true"
