"""Values of the chart that several test beds share."""

from typing import Any, Final

REAL_TIME: Final[dict[str, Any]] = {"virtualClock": {"enabled": False}}
"""The simulator's preset leads a virtual time; a bed whose exchange never runs has nobody to follow."""
